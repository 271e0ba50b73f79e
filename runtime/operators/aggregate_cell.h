// SPDX-License-Identifier: MIT
#pragma once
#include "operators/aggregate_program.h"

// The cells of a program's slot, and how each takes a value. Words are 8 bytes.

union agg_word {
    int64_t i;
    double f;
    uint64_t u;
};

// sum: [total]; avg: [total][n]; count: [n]; min, max: [value]. A total that is a float is the
// number of its pair.
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

uint32_t cell_words(enum agg_function function);

// Makes sure that `count` pairs can be taken. 0, ERR_NOMEM, ERR_LIMIT.
int pairs_room(struct agg_program *program, uint32_t count);
uint32_t pair_take(struct agg_program *program); // of zeros
void pair_give(struct agg_program *program, uint32_t number);
void pairs_deinit(struct agg_program *program);
// That of a sum that is a float.
static inline struct agg_pair *slot_pair(const struct agg_program *program,
                                         const struct agg_slot *slot, const struct agg_op *op)
{
    return &program->pairs.items[slot_word_const(slot, op->at)->u];
}

// -1, 0, 1; integers and floats exactly.
int number_compare(struct value a, struct value b);
// True when `a` comes before `b`: by time, split, offset.
bool pick_before(const struct agg_pick *a, const struct agg_pick *b);

// total += number, for a total that is an integer and is to stay one. False: overflow.
bool sum_fits(const struct agg_program *program, const struct agg_slot *slot,
              const struct agg_op *op, struct value number);
// Whether adding it takes a pair.
static inline bool sum_widens(const struct agg_slot *slot, const struct agg_op *op,
                              struct value number)
{
    return number.type == VALUE_FLOAT && !slot_is_float(slot, op);
}
// Adds after sum_fits said yes, and pairs_room for those that widen.
void sum_add(struct agg_program *program, struct agg_slot *slot, const struct agg_op *op,
             struct value number);
double sum_value(const struct agg_program *program, const struct agg_slot *slot,
                 const struct agg_op *op);
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
