// SPDX-License-Identifier: MIT
#pragma once
#include "lua/script.h"
#include "record/path.h"
#include "state/budget.h"

struct sketch_class;
struct sketch_env;

// A native program: the columns of `compute:` or `agg {...}` over a slot of native memory, without
// Lua and without an allocation per record (first and last of a string own a copy of it).
//
//   count()      records                                            0 of nothing
//   count(x)     records in which x is neither absent nor null      0
//   sum(x)       exact in int64 while only integers come, and an overflow is an error of that
//                record; from the first float on a float, compensated (Neumaier)      null
//   avg(x)       sum(x) / count(x), a float                         null
//   min, max(x)  the value as it came; integers and floats compare exactly             null
//   first, last  the value, of any type, with the smallest or greatest event time, then split,
//                then offset                                        null
//   stddev(x)    of the sample (n - 1), by Welford                  null of less than two
//   rate(), rate(x)   count() or sum(x) by the seconds of the window    null of no seconds
//   ewma(x, alpha)    exponentially weighted average, newest values first; by arrival    null
//   distinct(x), quantile(x, q), topk(x, k), sum_exact(x), collect(x, limit)    sketch.h
//                     0 of nothing; null; []; null; []
//
// Absent and null are skipped. What needs a number and finds something else is an error of the
// record, and then the record has changed nothing; so is distinct or topk of an array or object.
//
// Owned by one operator instance; one thread at a time.

enum { AGG_COLUMNS_MAX = 64, AGG_NO_INPUT = 255 };

enum agg_need { NEED_ANY, NEED_SCALAR, NEED_NUMBER };

struct agg_input {
    struct path path;
    enum agg_need need;         // of the column that needs most
    enum agg_function function; // that column's, for errors
};

struct agg_op {
    uint8_t function;       // enum agg_function; rates are counts and sums
    uint8_t input;          // number of the input; AGG_NO_INPUT: none
    uint16_t at;            // of its cell, in words from the slot's start
    uint16_t flags;         // word of the slot that has its flags
    uint64_t bit;           // in masks of a program's ops
    uint64_t saw, is_float; // in the slot's flags
    double parameter;
    const struct sketch_class *sketch; // NULL: the cell is all there is
};

// A sum that is a float: its total and what its additions have lost.
struct agg_pair {
    union {
        double total;
        uint32_t next; // of one that is free
    };
    double lost;
};

struct agg_pairs {
    struct agg_pair *items;
    uint32_t cap, used, free;
};

struct agg_program {
    uint32_t input_count, op_count;
    uint32_t sums; // ops that can overflow; they come first
    uint32_t slot_words;
    uint64_t all_inputs, all_ops;
    bool plain;                       // only counts, sums, avgs, mins and maxs
    uint8_t op_of[AGG_COLUMNS_MAX];   // column -> op; quantiles of one field share theirs
    const struct agg_column *columns; // borrowed
    struct buf key, text;             // scratch: of values as keys, of results
    struct agg_op ops[AGG_COLUMNS_MAX];
    struct agg_input inputs[AGG_COLUMNS_MAX];
    struct state_budget *budget;
    struct agg_pairs pairs;
    // Where the inputs stand in records of the last shape; only when all inputs are top-level
    // fields.
    bool top_level;
    uint64_t shape_id; // 0: none
    int32_t slots[AGG_COLUMNS_MAX];
};

enum { AGG_FLAG_OPS = 32 }; // of one word

// A slot begins with a word of flags for each 32 ops: the lower half says which have a value, the
// upper one which of these are floats; cells follow. All zero: nothing came yet.
struct agg_slot {
    uint64_t words[1]; // and more
};

static inline bool slot_saw(const struct agg_slot *slot, const struct agg_op *op)
{
    return slot->words[op->flags] & op->saw;
}
static inline bool slot_is_float(const struct agg_slot *slot, const struct agg_op *op)
{
    return slot->words[op->flags] & op->is_float;
}
// Whether slots own something: then each is to be released.
static inline bool program_owns(const struct agg_program *program)
{
    return !program->plain || program->pairs.used;
}

// What a record brings: the inputs' values, by type.
struct agg_values {
    uint64_t present; // inputs that are neither absent nor null
    uint64_t ints;    // those that are integers
    int64_t time, offset;
    uint32_t split;
    struct value values[AGG_COLUMNS_MAX];
};

// ERR_INPUT names what is wrong with a column. The budget outlives the program.
// The columns outlive it, too.
int program_init(struct agg_program *program, const struct agg_column *columns, uint32_t count,
                 struct state_budget *budget, struct error *err);
void program_deinit(struct agg_program *program);
// Reads what the program needs. ERR_DATA names field, function and the type found.
int program_read(struct agg_program *program, struct batch *batch, struct record *record,
                 struct agg_values *out, struct error *err);
// Whether they can be added, as far as that does not depend on memory: ERR_DATA.
int program_fits(struct agg_program *program, const struct agg_slot *slot,
                 const struct agg_values *values, struct error *err);
// Adds them to the slot. ERR_DATA (an overflow), ERR_NOMEM, ERR_LIMIT: the slot is as before.
int program_add(struct agg_program *program, struct agg_slot *slot, const struct agg_values *values,
                struct error *err);
// Adds all that `from` holds to `into`, as if its records had come there (stddev by Chan).
int program_merge(struct agg_program *program, struct agg_slot *into, const struct agg_slot *from,
                  struct error *err);
// A column's result, in a window of so many seconds (0: unknown). Bytes are borrowed from the slot
// or the program, until its next call. Not finite: null. ERR_NOMEM; ERR_LIMIT: 4 GiB of text.
int program_result(struct agg_program *program, const struct agg_slot *slot, uint32_t column,
                   double seconds, struct value *out);
struct sketch_env program_env(struct agg_program *program, const struct agg_op *op);
// Frees what the slot owns.
void program_release(struct agg_program *program, struct agg_slot *slot);
