// SPDX-License-Identifier: MIT
#include "engine/backoff.h"

static uint64_t next_random(uint64_t *random)
{
    uint64_t x = *random; // xorshift64: jitter needs no more
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return *random = x;
}

int64_t backoff_ns(int64_t from_ms, int64_t to_ms, uint32_t attempt, uint64_t *random)
{
    int64_t ms = from_ms > 0 ? from_ms : 1;
    while (attempt-- && ms < to_ms)
        ms *= 2;
    if (ms > to_ms && to_ms > 0)
        ms = to_ms;
    int64_t half = ms * 500000;
    return half + (int64_t)(next_random(random) % (uint64_t)(half + 1));
}
