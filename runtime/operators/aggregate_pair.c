// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "operators/aggregate_cell.h"

// Sums that became floats: a total and what its additions have lost. They stand in one array for
// all slots of a program, as most sums stay integers and their cells need no room for a second
// word; the cell has the pair's number. A pair that is free has the number of the next one.

enum { PAIRS_FIRST = 8, PAIRS_MAX = 1 << 30 };

static int grow(struct agg_program *program)
{
    struct agg_pairs *pairs = &program->pairs;
    uint32_t cap = pairs->cap ? pairs->cap * 2 : PAIRS_FIRST;
    size_t extra = (cap - pairs->cap) * sizeof *pairs->items;
    if (cap > PAIRS_MAX)
        return ERR_LIMIT;
    int rc = budget_take(program->budget, extra);
    if (rc)
        return rc;
    struct agg_pair *items = mem_realloc(pairs->items, cap * sizeof *items);
    if (!items) {
        budget_give(program->budget, extra);
        return ERR_NOMEM;
    }
    for (uint32_t i = pairs->cap; i < cap; i++)
        items[i].next = i + 1 < cap ? i + 1 : pairs->free;
    pairs->free = pairs->cap;
    pairs->items = items;
    pairs->cap = cap;
    return 0;
}

int pairs_room(struct agg_program *program, uint32_t count)
{
    struct agg_pairs *pairs = &program->pairs;
    int rc = 0;
    while (pairs->cap - pairs->used < count && !rc)
        rc = grow(program);
    return rc;
}

uint32_t pair_take(struct agg_program *program)
{
    struct agg_pairs *pairs = &program->pairs;
    uint32_t number = pairs->free;
    pairs->free = pairs->items[number].next;
    pairs->used++;
    pairs->items[number] = (struct agg_pair){.total = 0};
    return number;
}

void pair_give(struct agg_program *program, uint32_t number)
{
    struct agg_pairs *pairs = &program->pairs;
    pairs->items[number].next = pairs->free;
    pairs->free = number;
    if (--pairs->used == 0)
        pairs_deinit(program);
}

void pairs_deinit(struct agg_program *program)
{
    budget_give(program->budget, program->pairs.cap * sizeof *program->pairs.items);
    mem_free(program->pairs.items);
    program->pairs = (struct agg_pairs){.items = NULL};
}
