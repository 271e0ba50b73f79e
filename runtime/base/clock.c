// SPDX-License-Identifier: MIT
#include "base/clock.h"

#include <time.h>

enum { NS_PER_MS = 1000000, NS_PER_S = 1000000000 };

static int64_t now_ns(clockid_t id)
{
    struct timespec now = {0};
    (void)clock_gettime(id, &now); // cannot fail for the clocks asked for
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static int64_t system_wall_ms(struct clock *clock)
{
    (void)clock;
    return now_ns(CLOCK_REALTIME) / NS_PER_MS;
}

static int64_t system_mono_ns(struct clock *clock)
{
    (void)clock;
    return now_ns(CLOCK_MONOTONIC);
}

struct clock *clock_system(void)
{
    static struct clock clock = {.wall_ms = system_wall_ms, .mono_ns = system_mono_ns};
    return &clock;
}

int64_t clock_thread_ns(void)
{
    return now_ns(CLOCK_THREAD_CPUTIME_ID);
}

static int64_t virtual_wall_ms(struct clock *clock)
{
    return ((struct virtual_clock *)clock)->wall_ms_now;
}

static int64_t virtual_mono_ns(struct clock *clock)
{
    return ((struct virtual_clock *)clock)->mono_ns_now;
}

void virtual_clock_init(struct virtual_clock *clock, int64_t wall_ms)
{
    *clock = (struct virtual_clock){
        .clock = {.wall_ms = virtual_wall_ms, .mono_ns = virtual_mono_ns},
        .wall_ms_now = wall_ms,
    };
}

void virtual_clock_set(struct virtual_clock *clock, int64_t wall_ms)
{
    if (wall_ms > clock->wall_ms_now)
        clock->mono_ns_now += (wall_ms - clock->wall_ms_now) * NS_PER_MS;
    clock->wall_ms_now = wall_ms;
}

void virtual_clock_advance(struct virtual_clock *clock, int64_t ms)
{
    virtual_clock_set(clock, clock->wall_ms_now + ms);
}
