// SPDX-License-Identifier: MIT
#include "operators/sketch.h"
#include "base/alloc.h"

const struct sketch_class *sketch_of(enum agg_function function)
{
    switch (function) {
    case AGG_DISTINCT:
        return &sketch_distinct;
    case AGG_QUANTILE:
        return &sketch_quantile;
    case AGG_TOPK:
        return &sketch_topk;
    case AGG_SUM_EXACT:
        return &sketch_exact;
    case AGG_COLLECT:
        return &sketch_collect;
    default:
        return NULL;
    }
}

int sketch_new(struct state_budget *budget, size_t bytes, void **out)
{
    int rc = budget_take(budget, bytes);
    if (rc)
        return rc;
    *out = mem_zalloc(bytes);
    if (*out)
        return 0;
    budget_give(budget, bytes);
    return ERR_NOMEM;
}

int sketch_grow(struct state_budget *budget, void **cell, size_t old_bytes, size_t bytes)
{
    int rc = budget_take(budget, bytes - old_bytes);
    if (rc)
        return rc;
    char *memory = mem_realloc(*cell, bytes);
    if (!memory) {
        budget_give(budget, bytes - old_bytes);
        return ERR_NOMEM;
    }
    memset(memory + old_bytes, 0, bytes - old_bytes);
    *cell = memory;
    return 0;
}

void sketch_free(struct state_budget *budget, void *memory, size_t bytes)
{
    if (!memory)
        return;
    mem_free(memory);
    budget_give(budget, bytes);
}
