// SPDX-License-Identifier: MIT
#include "simclock.h"
#include <string.h>
#include <time.h>

enum { LEAP_NS = 12000000 };

#define WALL_BEGIN_MS 1700000000000

static int64_t mono_ns(struct clock *clock)
{
    struct sim_clock *own = (struct sim_clock *)(void *)clock;
    bool leap = own->leaps && dice_below(&own->dice, own->leaps) == 0;
    return own->now_ns += leap ? LEAP_NS : 100;
}

static int64_t wall_ms(struct clock *clock)
{
    return WALL_BEGIN_MS + ((struct sim_clock *)(void *)clock)->now_ns / 1000000;
}

static struct sim_clock *clock_now;

// What pauses for real elsewhere takes time of the run here.
int __wrap_nanosleep(const struct timespec *time, struct timespec *left);
int __wrap_nanosleep(const struct timespec *time, struct timespec *left)
{
    (void)left;
    clock_now->now_ns += time->tv_sec * 1000000000 + time->tv_nsec;
    return 0;
}

// And what is random for real comes from the seed.
ssize_t __wrap_getrandom(void *out, size_t len, unsigned flags);
ssize_t __wrap_getrandom(void *out, size_t len, unsigned flags)
{
    (void)flags;
    for (size_t i = 0; i < len; i++)
        ((unsigned char *)out)[i] = (unsigned char)dice_next(&clock_now->random);
    return (ssize_t)len;
}

void sim_clock_init(struct sim_clock *clock, uint64_t seed)
{
    *clock = (struct sim_clock){.clock = {.wall_ms = wall_ms, .mono_ns = mono_ns},
                                .dice = dice_of(seed, 1)};
    clock->random = dice_of(seed, 6);
    clock_now = clock;
    clock->now_ns = dice_from_to(&clock->dice, 1, 1000000000);
    static const uint32_t leaps[] = {0, 0, 1000, 50};
    clock->leaps = leaps[dice_below(&clock->dice, 4)];
}

void sim_clock_jump(struct sim_clock *clock, int64_t to_ns)
{
    if (to_ns > clock->now_ns)
        clock->now_ns = to_ns;
}
