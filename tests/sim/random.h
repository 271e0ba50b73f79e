// SPDX-License-Identifier: MIT
#pragma once
#include <stdbool.h>
#include <stdint.h>

// All chance of a run comes from its seed: splitmix64. Who draws has a stream of its own, so that
// one more draw here changes nothing there.

struct dice {
    uint64_t state;
};

static inline uint64_t dice_next(struct dice *dice)
{
    uint64_t x = dice->state += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static inline struct dice dice_of(uint64_t seed, uint64_t stream)
{
    struct dice dice = {seed * 0x2545f4914f6cdd1du + stream * 0x632be59bd9b4e019u};
    dice_next(&dice);
    return dice;
}

// 0 to n - 1; n > 0.
static inline uint32_t dice_below(struct dice *dice, uint32_t n)
{
    return (uint32_t)((dice_next(dice) >> 32) * n >> 32);
}

static inline int64_t dice_from_to(struct dice *dice, int64_t from, int64_t to)
{
    return from + dice_below(dice, (uint32_t)(to - from + 1));
}

static inline bool dice_chance(struct dice *dice, uint32_t percent)
{
    return dice_below(dice, 100) < percent;
}
