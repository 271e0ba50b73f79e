// SPDX-License-Identifier: MIT
#pragma once
#include "engine/complaint.h"
#include <stdatomic.h>
#include <stdint.h>

// Counters of one node in one lane. Written by one thread at a time with plain relaxed stores,
// read by any.

struct node_stats {
    _Atomic uint64_t in, out, in_bytes, out_bytes, filtered, failed, late, absorbed, created,
        retried, busy_ns, in_flight, splits, state_bytes, state_keys, state_windows;
    _Atomic uint64_t failed_by[TROUBLES]; // their sum is `failed`
    _Atomic int64_t watermark;
};

static inline void stat_add(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static inline void stat_set(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_store_explicit(counter, n, memory_order_relaxed);
}

static inline uint64_t stat_get(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}
