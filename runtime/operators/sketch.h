// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "operators/aggregate_cell.h"
#include "state/image.h"

// What an aggregate function keeps of many values when a word or two cannot hold it: a block of
// memory behind one pointer in the slot (the cell; NULL: nothing came yet), taken from the state's
// budget. It begins small and grows with what comes.
//
//   sketch_distinct.c   distinct(x): HyperLogLog, exact while there are few
//   sketch_quantile.c   quantile(x, q): DDSketch
//   sketch_topk.c       topk(x, k): space-saving
//   sketch_exact.c      sum_exact(x): a superaccumulator, rounded once
//   sketch_collect.c    collect(x, limit): the values themselves
//
// A record has several cells, and a lack of memory must leave all of them as they were. So each
// addition is two calls: `reserve` can fail and changes nothing that counts; `add`, with the same
// arguments and right after it, cannot fail. One thread at a time.

struct sketch_env {
    struct state_budget *budget;
    struct buf *key;  // scratch: a value as canonical bytes (record/keycode.h)
    double parameter; // the function's second argument
};

struct sketch_class {
    // One value: neither absent nor null, and of a type that the function takes. 0, ERR_NOMEM,
    // ERR_LIMIT.
    int (*reserve)(const struct sketch_env *env, void **cell, const struct agg_pick *item);
    void (*add)(const struct sketch_env *env, void **cell, const struct agg_pick *item);
    // All of another's values; `from` is not NULL.
    int (*reserve_all)(const struct sketch_env *env, void **cell, const void *from);
    void (*add_all)(const struct sketch_env *env, void **cell, const void *from);
    // The result of a cell that is not NULL; text of an array is put into `text`.
    int (*result)(const struct sketch_env *env, const void *cell, struct buf *text,
                  struct value *out);
    void (*save)(const void *cell, struct image *image);
    // Into an empty cell. What is damaged sets entry->bad. ERR_NOMEM, ERR_LIMIT: the cell may hold
    // a part of it.
    int (*load)(const struct sketch_env *env, void **cell, struct image_entry *entry);
    void (*release)(const struct sketch_env *env, void **cell); // the cell is empty then
};

extern const struct sketch_class sketch_distinct, sketch_quantile, sketch_topk, sketch_exact,
    sketch_collect;

enum {
    DISTINCT_BITS = 12,        // 4,096 registers: a standard error of 1.04 / 64 = 1.6 %
    DISTINCT_EXACT_MAX = 384,  // up to so many values it is exact
    TOPK_SPARE = 8,            // counters for each of the k, ...
    TOPK_COUNTERS_MIN = 64,    // ... at least
    COLLECT_LIMIT_MAX = 100000 // also of what is loaded
};

static const double QUANTILE_ERROR = 0.01; // relative

// The class of a function that is a sketch; NULL: it is none.
const struct sketch_class *sketch_of(enum agg_function function);

// Zeroed memory from the budget; grown (the cell's pointer moves; what is new is zero); back.
int sketch_new(struct state_budget *budget, size_t bytes, void **out);
int sketch_grow(struct state_budget *budget, void **cell, size_t old_bytes, size_t bytes);
void sketch_free(struct state_budget *budget, void *memory, size_t bytes);
