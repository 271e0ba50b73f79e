// SPDX-License-Identifier: MIT
#pragma once
#include "engine/engine.h"
#include "engine/wiring.h"
#include "engine/worker.h"

// What an engine is made of; for the files of this folder that look into one.

struct engine {
    struct engine_config config;
    struct plan *plan;
    struct waker *wakers; // one for each lane
    uint32_t waker_count;
    struct lane **lanes;
    uint32_t lane_count;
    struct wiring wiring;
    struct flow flow;
    struct connections connections;
    struct crew crew;
    int64_t started_ns;
};
