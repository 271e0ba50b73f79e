// SPDX-License-Identifier: MIT
#pragma once
#include "engine/chief.h"
#include "engine/engine.h"
#include "engine/stepper.h"
#include "engine/wiring.h"

// What an engine is made of; for the files of this folder that look into one.

struct engine {
    struct engine_config config;
    struct plan *plan;
    struct waker *wakers; // one for each lane
    struct lane **lanes;
    uint32_t lane_count;
    struct wiring wiring;
    struct flow flow;
    struct connections connections;
    struct coordinator *coordinator; // NULL: no checkpoints
    struct crew *own_crew;           // NULL: it shares another's
    struct share share;
    struct chief chief;
    struct stepper stepper; // config.stepped
    int64_t started_ns;
};
