// SPDX-License-Identifier: MIT
#pragma once
#include "base/clock.h"
#include <stdbool.h>
#include <stdint.h>

// `limits.memory`: what the process may have resident. Near it sources stop reading until there is
// room again: what is on its way leaves, windows close. When nothing gets less, reading on would
// not end well, and who asks is told so. Any thread.

enum memory_state {
    MEMORY_FREE,
    MEMORY_TIGHT, // do not take more in now
    MEMORY_STUCK, // it has been tight for so long that it will not get better
};

// The least of all pipelines' limits holds; 0: this one has none.
void memory_limit_set(uint64_t bytes);
uint64_t memory_limit(void); // 0: none
// Looks at the system every few milliseconds at most.
enum memory_state memory_state(struct clock *clock);
