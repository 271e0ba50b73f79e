// SPDX-License-Identifier: MIT
#pragma once
#include "operators/aggregate_program.h"
#include "operators/operator.h"
#include "record/keycode.h"
#include "state/keyed.h"
#include "time/window.h"

// Aggregates: records are added to a slot per key and window; when the watermark passes the end of
// the window, each of its slots gives one result.
//
//   aggregate_build.c   from options and script to a struct aggregate
//   aggregate.c         the way of a batch: rows (key, window), late ones, errors; watermarks
//   aggregate_native.c  rows into slots by a native program (`compute:`, `agg {...}`)
//   aggregate_fold.c    rows into slots by hand: init, add, finish in Lua
//   aggregate_fire.c    a slot's result, and firing as an iterator that can stop anywhere
//
// Late records that are still allowed fire their window again at once, for their key, with all that
// it holds (accumulating). All state is plain data in `keyed`, found by window start and key; what
// a slot is stands in struct agg_head.

extern const struct operator_class aggregate_class;

enum { AGG_ROWS = 128, AGG_ACC_MAX = 16 << 20 };

// In front of each slot. What follows is a struct agg_slot or a struct agg_acc.
struct agg_head {
    uint32_t panes; // results it has given so far
    uint32_t live;  // a record went in; else it gives no result
};

struct agg_acc { // by hand
    struct buf json;
    size_t counted; // bytes of it that the budget knows of
};

enum agg_fate {
    FATE_TAKE,
    FATE_LATE,
    FATE_BAD // no key, no time, no room for its window: worked out again for the error
};

// A record of the batch under work.
struct agg_row {
    struct table_key key;
    struct keyed_window *window;
    uint32_t entry; // by hand: its number in the window's table
    uint8_t fate;
    bool failed;
};

struct agg_columns { // what is computed
    struct agg_column *items;
    uint32_t count;
    bool own_fields; // from YAML; else all texts are the script's
};

struct aggregate {
    struct op op; // first
    struct window_assigner windows;
    struct path keys[KEY_FIELDS_MAX];
    uint32_t key_count;
    struct script *script; // NULL: compute
    bool by_hand, has_finish;
    struct agg_columns columns;
    struct agg_program program;
    const struct shape *shape; // of the results: keys, start, end, columns (NULL: by hand)

    struct keyed keyed;
    int64_t watermark;

    // Work that could not be finished: the next entry of the window that is firing, and the slot
    // that a late record is to fire again.
    uint32_t fire_next;
    struct keyed_window *again_window;
    struct table_entry *again_entry;
    uint32_t nomem_tries; // of the result that is due, for which memory was out

    // The window of the row before, as most records are of the same one.
    struct window near;
    struct keyed_window *near_window; // NULL: none
    bool near_late;

    struct buf key, key_json; // scratch
    struct agg_row rows[AGG_ROWS];
};

static inline struct agg_head *agg_head(struct table_entry *entry)
{
    return (struct agg_head *)(void *)entry->slot;
}
static inline struct agg_slot *agg_slot(struct table_entry *entry)
{
    return (struct agg_slot *)(void *)(agg_head(entry) + 1);
}
static inline struct agg_acc *agg_acc(struct table_entry *entry)
{
    return (struct agg_acc *)(void *)(agg_head(entry) + 1);
}

// Rows `first` to `end` of the chunk, whose record numbers are batch->cursor and on; batch->cursor
// is behind each record that is done. OP_DONE: all were done.
enum op_status native_rows(struct aggregate *agg, struct batch *batch, uint32_t count,
                           struct outputs *outputs);
enum op_status fold_rows(struct aggregate *agg, struct batch *batch, uint32_t count,
                         struct outputs *outputs);
// The record under the cursor is late or bad: sends it where it belongs and moves the cursor on.
enum op_status row_leaves(struct aggregate *agg, struct batch *batch, const struct agg_row *row,
                          struct outputs *outputs);
// What on_error says about the record under the cursor; moves the cursor on when it is skipped.
enum op_status row_failed(struct batch *batch, struct outputs *outputs, const struct error *err);
// ERR_LIMIT and ERR_NOMEM with a story.
void explain_state_error(struct aggregate *agg, int rc, struct error *err);

// True when a record that went into this window must fire it again.
static inline bool fires_again(const struct aggregate *agg, const struct keyed_window *window)
{
    return window->end - 1 <= agg->watermark;
}
// Fires the slot that again_entry points to, if any.
enum op_status fire_again(struct aggregate *agg, struct outputs *outputs);
// Fires and drops what is due at agg->watermark.
enum op_status fire_due(struct aggregate *agg, struct outputs *outputs);
void release_window(struct aggregate *agg, struct keyed_window *window); // what its slots own
