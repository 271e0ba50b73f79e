// SPDX-License-Identifier: MIT
#pragma once
#include "base/clock.h"
#include "random.h"
#include <sys/types.h>

// Time that passes only where it is looked at, a little each time, now and then so much that a step
// is over its budget, and that jumps to the next deadline when nothing else is to be done.

struct sim_clock {
    struct clock clock; // first
    int64_t now_ns;
    uint32_t leaps; // one look in so many lasts long; 0: none
    struct dice dice, random;
};

void sim_clock_init(struct sim_clock *clock, uint64_t seed);
void sim_clock_jump(struct sim_clock *clock, int64_t to_ns); // never back
