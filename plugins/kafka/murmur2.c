// SPDX-License-Identifier: MIT
#include "murmur2.h"

#include <string.h>

#define FACTOR UINT32_C(0x5bd1e995)
#define SEED UINT32_C(0x9747b28c)

static uint32_t murmur2(const unsigned char *bytes, size_t len)
{
    uint32_t hash = SEED ^ (uint32_t)len;
    size_t left = len;
    for (; left >= 4; bytes += 4, left -= 4) {
        uint32_t word = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
                        (uint32_t)bytes[3] << 24;
        word *= FACTOR;
        word ^= word >> 24;
        hash = hash * FACTOR ^ word * FACTOR;
    }
    if (left >= 3)
        hash ^= (uint32_t)bytes[2] << 16;
    if (left >= 2)
        hash ^= (uint32_t)bytes[1] << 8;
    if (left >= 1)
        hash = (hash ^ bytes[0]) * FACTOR;
    hash = (hash ^ hash >> 13) * FACTOR;
    return hash ^ hash >> 15;
}

int32_t murmur2_partition(const void *key, size_t len, int32_t partitions)
{
    return (int32_t)((murmur2(key, len) & UINT32_C(0x7fffffff)) % (uint32_t)partitions);
}
