// SPDX-License-Identifier: MIT
#pragma once
#include "operators/aggregate_program.h"
#include "operators/cursor.h"
#include "record/keycode.h"
#include "state/keyed.h"
#include "state/image.h"
#include "time/window.h"

// Aggregates: records are added to a slot per key and window; when the watermark passes the end of
// the window, each of its slots gives one result.
//
//   aggregate_build.c      from options and script to a struct aggregate
//   aggregate_window.c     the option `window:`
//   aggregate.c            the operator: batches, watermarks, the clock
//   aggregate_rows.c       the short way: each record in one bucket, many records at a time
//   aggregate_each.c       the general way: record by record, into as many places as its kind says
//   aggregate_native.c     rows into slots by a native program (`compute:`, `agg {...}`)
//   aggregate_fold.c       rows into slots by hand: init, add, finish in Lua
//   aggregate_state.c      what it keeps, as bytes and back
//   aggregate_fire.c       a slot's result, its panes, what fires again
//
// How windows are kept, by their kind (struct agg_kind):
//
//   aggregate_buckets.c    a table of keys for each window: tumbling, calendar, global; sliding
//                          where few hold the same time
//   aggregate_slices.c     sliding, told once: a table for each slice; a window is put together of
//                          its slices
//   aggregate_spans.c      sliding, told more than once: a table for each of some runs of windows
//   aggregate_sessions.c   sessions of each key, merged when a record joins them
//   aggregate_gap.c        gaps out of the records
//   aggregate_counts.c     so many records of a key
//
// Late records that are still allowed fire their window again at once, for their key.

extern const struct operator_class aggregate_class;

enum { AGG_LATE = 1 }; // the port
enum { AGG_ROWS = 128, AGG_ACC_MAX = 16 << 20, AGG_OVERLAP_MAX = 4096, AGG_AGAIN_MAX = 1 << 20 };

// In front of each slot. What follows is a struct agg_slot or a struct agg_acc; behind that, as
// laid out in struct aggregate, the same once more as it was last told (panes: retract), and the
// first and last event time (struct agg_times; count, global).
struct agg_head {
    uint32_t panes; // results it has given so far
    uint32_t since; // records that came since the last of them
};

struct agg_acc { // by hand
    struct buf json;
    size_t counted; // bytes of it that the budget knows of
};

struct agg_times {
    int64_t min, max;
    uint64_t seen;
};

enum agg_panes { PANES_ACCUMULATE, PANES_DISCARD, PANES_RETRACT };

enum agg_fate {
    FATE_TAKE,
    FATE_LATE,
    FATE_NOWHERE, // between two windows
    FATE_BAD      // no key, no time, no room for its window: worked out again for the error
};

// A record of the batch under work (the short way).
struct agg_row {
    struct table_key key;
    struct keyed_window *window;
    uint32_t entry; // by hand: its number in the window's table
    uint8_t fate;
    bool failed;
};

// A slot with the window and key that it is of. Holds until the next record is placed.
struct agg_target {
    struct window window;
    const struct table_key *key;
    struct agg_head *head;
    struct window *told; // the window as it was last told, where it can change; NULL: window
};

struct agg_columns { // what is computed
    struct agg_column *items;
    uint32_t count;
    bool own_fields; // from YAML; else all texts are the script's
};

struct aggregate;

struct agg_kind {
    // The slots of a record with this key (agg->now: its time), into agg->targets. OP_AGAIN: an
    // output is full; call again. OP_STOP: *err says what is wrong with the record.
    enum op_status (*place)(struct aggregate *agg, const struct table_key *key, int64_t time,
                            enum agg_fate *fate, struct outputs *outputs, struct error *err);
    // The record is in its targets: which fire again is to be queued (fire_later). OP_DONE,
    // OP_STOP.
    enum op_status (*placed)(struct aggregate *agg, struct outputs *outputs);
    // NULL, or: the record did not get in; what place made for it goes.
    void (*undo)(struct aggregate *agg);
    // Fires and frees what is due at agg->progress.
    enum op_status (*due)(struct aggregate *agg, struct outputs *outputs);
    // When something is due next, in the window's time; INT64_MAX: nothing.
    int64_t (*next)(const struct aggregate *agg);
    int (*init)(struct aggregate *agg, struct error *err);
    // aggregate_state.h: all slots, one of them, and a time of the kind's own (NULL: none).
    void (*save)(struct aggregate *agg, struct image *image);
    int (*load)(struct aggregate *agg, struct image_entry *entry, const struct table_key *key,
                struct error *err);
    // NULL, or: as in struct op. Slots that go are noted in agg->gone.
    int (*track)(struct aggregate *agg);
    int (*save_changes)(struct aggregate *agg, struct image *image);
    int64_t *(*mark)(struct aggregate *agg);
    // NULL, or: agg->progress is less than it was when entries were loaded, as another lane's
    // state has come in: what is due and what is over is worked out again.
    void (*rewind)(struct aggregate *agg);
    // Adds what it keeps outside agg->keyed; NULL: nothing.
    void (*measure)(const struct aggregate *agg, struct operator_state *state);
    void (*free)(struct aggregate *agg);
};

extern const struct agg_kind agg_buckets, agg_slices, agg_spans, agg_sessions, agg_counts;

struct aggregate {
    struct op op; // first
    const struct agg_kind *kind;
    struct window_assigner windows;
    struct zone *zone;
    int64_t session_max_ms; // 0: none
    struct agg_gap *gap;    // sessions whose gap each record has of its own; NULL: windows.size
    bool processing;        // windows of the clock, not of the records
    int64_t early_ms;       // emit: { every }; 0: not
    uint32_t early_count;   // emit: { count }; 0: not
    int64_t close_after_ms; // 0: not
    enum agg_panes panes;
    bool short_way;  // each record is in one bucket
    bool many_panes; // a window may give more than one result: they say which
    struct path keys[KEY_FIELDS_MAX];
    uint32_t key_count;
    struct script *script; // NULL: compute
    bool by_hand, has_finish;
    struct agg_columns columns;
    struct agg_program program;
    const struct shape *shape;  // of the results: keys, start, end, columns (NULL: by hand)
    uint32_t last_at, times_at; // bytes from the head on; 0: not there
    uint32_t slot_bytes;        // of the slot alone
    uint32_t head_bytes;        // of head and all behind it

    struct state_budget *budget; // of all state: keyed's
    struct keyed keyed;
    void *more;        // what the kind keeps besides
    int64_t progress;  // the watermark, or the clock
    bool loaded;       // from a saved state, of one lane or of several
    bool tracks;       // what changes is noted
    struct image gone; // slots that were saved and are no more
    struct clock *clock;
    int64_t max_time, heard_ms; // close_after: greatest event time, and when the last record came

    // Where the record in hand goes, and which of these are to fire when it is in.
    struct agg_target *targets;
    uint32_t target_count, target_cap;
    struct agg_target *again;
    uint32_t again_count, again_at;

    // Work that could not be finished: the next entry of the window that is firing; that its
    // retraction is out.
    uint32_t fire_next;
    bool retracted;
    uint32_t nomem_tries; // of the result that is due, for which memory was out

    // The window of the row before, as most records are of the same one.
    struct window near;
    struct keyed_window *near_window; // NULL: none
    bool near_late;

    struct buf key, key_json, undo; // scratch
    struct agg_row rows[AGG_ROWS];
};

static inline struct agg_head *agg_head(struct table_entry *entry)
{
    return (struct agg_head *)(void *)entry->slot;
}
static inline struct agg_slot *agg_slot(struct agg_head *head)
{
    return (struct agg_slot *)(void *)(head + 1);
}
static inline struct agg_acc *agg_acc(struct agg_head *head)
{
    return (struct agg_acc *)(void *)(head + 1);
}
// The same slot as it was last told, behind a head that is none.
static inline struct agg_head *agg_last(const struct aggregate *agg, struct agg_head *head)
{
    return (struct agg_head *)(void *)((char *)head + agg->last_at);
}
static inline struct agg_times *agg_times(const struct aggregate *agg, struct agg_head *head)
{
    return (struct agg_times *)(void *)((char *)head + agg->times_at);
}
static inline struct window agg_bounds(const struct keyed_window *window)
{
    return (struct window){window->start, window->end};
}

// -- ways --

enum op_status aggregate_rows(struct aggregate *agg, struct batch *batch, struct outputs *outputs);
enum op_status aggregate_each(struct aggregate *agg, struct batch *batch, struct outputs *outputs);
// The record's key into agg->key; what is wrong with it.
int read_key(struct aggregate *agg, struct batch *batch, struct record *record, struct error *err);
// Its time in the window's sense. ERR_DATA: it has none.
int read_time(struct aggregate *agg, const struct record *record, int64_t *time, struct error *err);
// Rows `first` to `end` of the chunk, whose record numbers are batch->cursor and on; batch->cursor
// is behind each record that is done. OP_DONE: all were done.
enum op_status native_rows(struct aggregate *agg, struct batch *batch, uint32_t count,
                           struct outputs *outputs);
enum op_status fold_rows(struct aggregate *agg, struct batch *batch, uint32_t count,
                         struct outputs *outputs);
// The record under the cursor is late or bad: sends it where it belongs and moves the cursor on.
enum op_status row_leaves(struct aggregate *agg, struct batch *batch, const struct agg_row *row,
                          struct outputs *outputs);
// ERR_LIMIT and ERR_NOMEM with a story.
void explain_state_error(struct aggregate *agg, int rc, struct error *err);
// By hand: makes sure that there is an accumulator in the slot.
int fold_prepare(struct aggregate *agg, struct agg_head *head, struct error *err);
// The budget learns how the accumulator has grown.
void fold_count(struct aggregate *agg, struct agg_acc *acc);
// By hand, the record under the cursor into agg->targets. OP_DONE: it is in, or it was skipped and
// the cursor has moved on (*in false).
enum op_status fold_record(struct aggregate *agg, struct batch *batch, struct outputs *outputs,
                           bool *in);

// -- slots --

void slot_added(struct aggregate *agg, struct agg_head *head, int64_t time); // one record more
// Frees what the slot owns; it is empty then.
void slot_clear(struct aggregate *agg, struct agg_head *head);
// The same for all that is behind the head.
void slot_release(struct aggregate *agg, struct agg_head *head);
// All that `from` holds into `into`; `from` is released.
int slot_merge(struct aggregate *agg, struct agg_head *into, struct agg_head *from,
               struct error *err);
// As `from`, for `into` that is empty: a copy that owns what it has.
int slot_copy(struct aggregate *agg, struct agg_head *into, struct agg_head *from,
              struct error *err);

// -- firing --

// True when a record that went into this window must fire it at once.
static inline bool fires_again(const struct aggregate *agg, struct window window,
                               const struct agg_head *head)
{
    return window.end - 1 <= agg->progress || (agg->early_count && head->since >= agg->early_count);
}
// A result of what came since the last one, if anything did. Repeated after OP_AGAIN.
enum op_status fire(struct aggregate *agg, const struct agg_target *target,
                    struct outputs *outputs);
// Takes back what was told of it last.
enum op_status fire_retraction(struct aggregate *agg, const struct agg_target *target,
                               struct outputs *outputs);
// An error of a result, which on_error decides about. OP_DONE: it is left out.
enum op_status fire_failed(struct aggregate *agg, const struct agg_target *target,
                           struct outputs *outputs, struct error *err);
void fire_later(struct aggregate *agg, const struct agg_target *target);
enum op_status fire_again(struct aggregate *agg, struct outputs *outputs); // what is queued
