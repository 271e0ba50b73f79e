// SPDX-License-Identifier: MIT
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

// Failures on purpose: a seam (base/alloc.c, base/io.c) counts its calls here, and tests choose one
// of them, or it and all after it, to fail. Any thread; counting is one relaxed addition.
struct fault {
    _Atomic uint64_t calls;
    _Atomic uint64_t at;     // number of the call that fails; 0: none
    _Atomic bool rest;       // and all after it
    _Atomic uint64_t failed; // since fault_set
};

// The n-th call from now on fails (1 = the next); 0: none.
static inline void fault_set(struct fault *fault, uint64_t n, bool and_all_after)
{
    atomic_store(&fault->at, 0);
    atomic_store(&fault->failed, 0);
    atomic_store(&fault->rest, and_all_after);
    if (n)
        atomic_store(&fault->at, atomic_load(&fault->calls) + n);
}

// Counts a call. True: it has to fail.
static inline bool fault_hits(struct fault *fault)
{
    uint64_t call = atomic_fetch_add_explicit(&fault->calls, 1, memory_order_relaxed) + 1;
    uint64_t at = atomic_load_explicit(&fault->at, memory_order_relaxed);
    if (__builtin_expect(at == 0, 1))
        return false;
    if (call != at && !(call > at && atomic_load(&fault->rest)))
        return false;
    atomic_fetch_add(&fault->failed, 1);
    return true;
}
