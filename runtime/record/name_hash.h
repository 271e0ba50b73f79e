// SPDX-License-Identifier: MIT
#pragma once
#include <stdint.h>
#include <string.h>

// A hash of member names, in registers: for tables in memory only, never stored.

static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t load_u64(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint64_t load_u32(const char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint64_t name_hash(const char *name, size_t len)
{
    const uint64_t k0 = 0xa0761d6478bd642full, k1 = 0xe7037ed1a0b428dbull;
    uint64_t a, b, seed = len ^ k0;
    while (len > 16) {
        seed = hash_mix(load_u64(name) ^ k1, load_u64(name + 8) ^ seed);
        name += 16;
        len -= 16;
    }
    if (len >= 8) {
        a = load_u64(name);
        b = load_u64(name + len - 8);
    } else if (len >= 4) {
        a = load_u32(name);
        b = load_u32(name + len - 4);
    } else if (len > 0) {
        a = (uint64_t)(uint8_t)name[0] << 16 | (uint64_t)(uint8_t)name[len >> 1] << 8 |
            (uint8_t)name[len - 1];
        b = 0;
    } else {
        a = b = 0;
    }
    return hash_mix(hash_mix(a ^ k1, b ^ seed), k0);
}
