// SPDX-License-Identifier: MIT
#pragma once
#include <stdint.h>

// xoshiro256++ (Blackman, Vigna), seeded by splitmix64. The four words are its whole state: kept
// and put back, the same numbers follow.

struct random {
    uint64_t state[4];
};

static inline void random_seed(struct random *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        uint64_t z = (seed += 0x9e3779b97f4a7c15u);
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        r->state[i] = z ^ z >> 31;
    }
}

static inline uint64_t random_rotate(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static inline uint64_t random_next(struct random *r)
{
    uint64_t *s = r->state;
    uint64_t result = random_rotate(s[0] + s[3], 23) + s[0];
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = random_rotate(s[3], 45);
    return result;
}

// 0 .. span-1; span 0: all 64 bits. (The bias is below span / 2^64.)
static inline uint64_t random_below(struct random *r, uint64_t span)
{
    uint64_t x = random_next(r);
    return span ? (uint64_t)((unsigned __int128)x * span >> 64) : x;
}
