// SPDX-License-Identifier: MIT
#pragma once
#include <stdint.h>

// The clock seam: nothing in the runtime reads time but through a `struct clock`. The system clock
// gives wall time (for records) and monotonic time (for every timeout and interval); a virtual
// clock gives what it was set to, in tests and under `tidemill test`.

struct clock {
    int64_t (*wall_ms)(struct clock *clock); // ms since 1970, may jump
    int64_t (*mono_ns)(struct clock *clock); // never goes back
};

struct virtual_clock {
    struct clock clock; // first: a virtual clock is a clock
    int64_t wall_ms_now;
    int64_t mono_ns_now;
};

struct clock *clock_system(void);
int64_t clock_thread_ns(void); // processor time that the calling thread has used
void virtual_clock_init(struct virtual_clock *clock, int64_t wall_ms);
void virtual_clock_set(struct virtual_clock *clock,
                       int64_t wall_ms); // mono moves on too, never back
void virtual_clock_advance(struct virtual_clock *clock, int64_t ms);

static inline int64_t clock_wall_ms(struct clock *clock)
{
    return clock->wall_ms(clock);
}
static inline int64_t clock_mono_ns(struct clock *clock)
{
    return clock->mono_ns(clock);
}
