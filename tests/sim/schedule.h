// SPDX-License-Identifier: MIT
#pragma once
#include "engine/stepper.h"
#include "simclock.h"

// Who goes next. Parts that are awake are chosen from by the dice: evenly, or one for long
// stretches at a time, or some much more rarely than others, as on a busy machine. When all are
// asleep the clock jumps to the first deadline; when there is none, the engine hangs.

enum { PARTS_MAX = 128 };

struct schedule {
    struct dice dice;
    struct sim_clock *clock;
    uint32_t weights[PARTS_MAX];
    uint32_t stay;    // percent: the same part once more
    uint32_t disturb; // percent: one is stepped that sleeps
    uint32_t last;
    uint64_t steps;
};

enum schedule_result { SCHEDULE_STEPPED, SCHEDULE_HANGS };

void schedule_init(struct schedule *schedule, struct sim_clock *clock, uint64_t seed);
// One step of some part, with the clock moved on if need be.
enum schedule_result schedule_step(struct schedule *schedule, struct engine *engine);
