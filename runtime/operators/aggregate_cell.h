// SPDX-License-Identifier: MIT
#pragma once
#include "operators/aggregate_program.h"

// The cells of a program's slot, and how each takes a value. Words are 8 bytes.

union agg_word {
    int64_t i;
    double f;
    uint64_t u;
};

// sum: [total] ... [compensation]; avg: [total][n] ... [compensation]; count: [n]; min, max:
// [value]
struct agg_spread { // stddev
    int64_t n;
    double mean, m2;
};

struct agg_ewma {
    double sum; // of values, weighted
    int64_t n;
};

struct agg_pick {       // first, last
    struct value value; // bytes are owned
    int64_t time, offset;
    uint64_t split;
};

static inline union agg_word *slot_word(struct agg_slot *slot, uint32_t at)
{
    return (union agg_word *)(void *)((uint64_t *)(void *)slot + at);
}

static inline const union agg_word *slot_word_const(const struct agg_slot *slot, uint32_t at)
{
    return (const union agg_word *)(const void *)((const uint64_t *)(const void *)slot + at);
}

static inline struct agg_spread *slot_spread(struct agg_slot *slot, uint32_t at)
{
    return (struct agg_spread *)(void *)slot_word(slot, at);
}

static inline struct agg_pick *slot_pick(struct agg_slot *slot, uint32_t at)
{
    return (struct agg_pick *)(void *)slot_word(slot, at);
}

static inline struct agg_ewma *slot_ewma(struct agg_slot *slot, uint32_t at)
{
    return (struct agg_ewma *)(void *)slot_word(slot, at);
}

// The cell of a sketch (sketch.h).
static inline void **slot_sketch(struct agg_slot *slot, uint32_t at)
{
    return (void **)(void *)slot_word(slot, at);
}

static inline const void *slot_sketch_const(const struct agg_slot *slot, uint32_t at)
{
    return *(void *const *)(const void *)slot_word_const(slot, at);
}

uint32_t cell_words(enum agg_function function);      // hot
uint32_t cell_cold_words(enum agg_function function); // behind all hot ones

// -1, 0, 1; integers and floats exactly.
int number_compare(struct value a, struct value b);
// True when `a` comes before `b`: by time, split, offset.
bool pick_before(const struct agg_pick *a, const struct agg_pick *b);

// total += number, for a total that is an integer and is to stay one. False: overflow.
bool sum_fits(const struct agg_slot *slot, const struct agg_op *op, struct value number);
// Adds after sum_fits said yes.
void sum_add(struct agg_slot *slot, const struct agg_op *op, struct value number);
double sum_value(const struct agg_slot *slot, const struct agg_op *op);
void extreme_add(struct agg_slot *slot, const struct agg_op *op, struct value number);
void spread_add(struct agg_spread *spread, double number);
void spread_merge(struct agg_spread *into, const struct agg_spread *from);

// Exponentially weighted: the newest value counts `alpha`, the one before it alpha * (1 - alpha)...
void ewma_add(struct agg_ewma *ewma, double alpha, double number);
// The values of `from` as if they had come after those of `into`.
void ewma_merge(struct agg_ewma *into, double alpha, const struct agg_ewma *from);
double ewma_value(const struct agg_ewma *ewma, double alpha);

// A copy of the value that owns its bytes (a node becomes JSON text), taken from the budget; and
// back. 0, ERR_NOMEM, ERR_LIMIT.
int value_own(struct state_budget *budget, struct value value, struct value *out);
void value_disown(struct state_budget *budget, struct value *value);
