// SPDX-License-Identifier: MIT
#pragma once
#include "base/error.h"
#include <stdint.h>

// How much memory the state of one operator holds and may hold (`limits.state`). Every allocation
// of state is taken from it first; who frees gives back. One thread at a time.

struct state_budget {
    size_t used_bytes;
    size_t limit_bytes; // 0: no limit
};

// 0 or ERR_LIMIT; then nothing was taken.
static inline int budget_take(struct state_budget *budget, size_t bytes)
{
    if (budget->limit_bytes &&
        (bytes > budget->limit_bytes || budget->used_bytes > budget->limit_bytes - bytes))
        return ERR_LIMIT;
    budget->used_bytes += bytes;
    return 0;
}

static inline void budget_give(struct state_budget *budget, size_t bytes)
{
    budget->used_bytes -= bytes;
}
