// SPDX-License-Identifier: MIT
#pragma once
#include "engine/engine.h"
#include "engine/worker.h"

// What an engine is made of; for the files of this folder that look into one.

struct engine {
    struct engine_config config;
    struct plan *plan;
    struct lane *lane;
    struct connections connections;
    struct worker worker;
    int64_t started_ns;
};
