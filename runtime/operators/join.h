// SPDX-License-Identifier: MIT
#pragma once
#include "operators/operator.h"
#include "record/json.h"
#include "record/keycode.h"
#include "state/image.h"
#include "state/keyed.h"
#include "time/window.h"

// Joins: records of two sides, left and right, that have the same key are paired. What a record can
// still be paired with is kept: its JSON text and its time, under its key.
//
//   interval   right.time in [left.time - before, left.time + after]
//   ttl        both at most so far apart
//   window     both in the same window (once for each that they share)
//   table      one side is a table: each of its records is the value of its key from its time on,
//              until the next one; a record of the other side, the stream, waits until the
//              watermark has passed its time, then meets the value of that moment
//
// A pair is told as soon as both are there (table: when the stream's record is due). Records that
// found none are told, for the sides that `kind` says, when nothing can come for them any more:
// then they are forgotten.
//
//   join.c           the operator: records, watermarks, who is late
//   join_build.c     from options to a struct join
//   join_key.c       keys of both sides, and types that never meet
//   join_rows.c      rows, lists of rows, the rows of a key
//   join_merge.c     the names of a result
//   join_tell.c      one result
//   join_state.c     what it keeps, as bytes and back
//
// How rows are kept, by kind (struct join_kind):
//
//   join_timed.c     interval, ttl: the rows of each key in the order of time
//   join_table.c     likewise; versions on one side, who waits on the other
//   join_windows.c   a table of keys for each window
//   join_sessions.c  sessions of each key, merged when a record joins them

extern const struct operator_class join_class;

enum join_side { JOIN_LEFT, JOIN_RIGHT, JOIN_SIDES };
enum { JOIN_MERGES = 32, JOIN_OVERLAP_MAX = 256 };

struct join_row {
    int64_t time;
    uint32_t len;
    uint8_t matched;
    uint8_t big_text;  // integers beyond int64 read as text
    uint8_t tombstone; // of a table: its key has no value from here on
    char json[];       // len bytes
};

// Rows [from, to), owned.
struct join_rows {
    struct join_row **items;
    uint32_t from, to, cap;
};

// A key with its rows (timed, table), or a session of it.
struct join_key {
    struct due due; // first
    uint32_t entry; // its number in join->keys
    bool saved;
    struct join_rows rows[JOIN_SIDES];
};

// The record in hand.
struct join_now {
    bool busy; // it was begun; an output was full
    enum join_side side;
    int64_t time;
    struct join_row *row;   // NULL: it was put away
    struct window window;   // in work (windows)
    struct join_row **rows; // one for each of its windows
    uint32_t row_count, row_at;
    uint32_t merge_side, merge_row; // of the session that is taken over
    uint32_t at; // the row of the other side to be looked at next; UINT32_MAX: not begun
};

enum join_fate { JOIN_TAKE, JOIN_LATE, JOIN_NOWHERE };

struct join;

struct join_kind {
    const char *name;
    // Whether the record in hand (key in join->key) is to be taken.
    enum join_fate (*fate)(struct join *join, const struct table_key *key);
    // Pairs the record in hand and keeps its row. OP_AGAIN: call again. OP_STOP: *err says what is
    // wrong with it, and nothing has changed.
    enum op_status (*add)(struct join *join, const struct table_key *key, struct outputs *outputs,
                          struct error *err);
    // Tells and frees what is due at join->progress.
    enum op_status (*due)(struct join *join, struct outputs *outputs);
    void (*save)(struct join *join, struct image *image);
    bool by_key; // all it keeps is in join->keys_table: save is keys_save
    // Keeps a row that was saved in `window` (windows, sessions).
    int (*load)(struct join *join, const struct table_key *key, enum join_side side,
                struct window window, struct join_row *row);
    void (*free)(struct join *join);
};

extern const struct join_kind join_timed, join_tables, join_windows, join_sessions;

// Where the members of a pair come from, for one pair of shapes.
struct join_merge {
    uint64_t left, right; // ids of shapes; 0: that side is not there
    const struct shape *shape;
    uint16_t *slots; // of each of the right's members in the result; UINT16_MAX: left out
    uint32_t left_count, right_count;
};

struct join_select { // a member of the result
    enum join_side side;
    struct path path;
};

struct join {
    struct op op; // first
    const struct join_kind *kind;
    struct window_assigner windows;
    int64_t low_ms, high_ms; // interval, ttl: right.time - left.time is in [low, high]
    bool ttl;
    enum join_side table; // of the kind table
    int64_t lateness_ms;
    bool outer[JOIN_SIDES]; // tells those that found none
    bool bounds;            // results have the start and the end of their window

    struct path keys[JOIN_SIDES][KEY_FIELDS_MAX];
    uint32_t key_count;
    uint32_t key_types[JOIN_SIDES][KEY_FIELDS_MAX]; // seen so far, as bits
    uint8_t *side_of;                               // of each input

    const char *prefix[JOIN_SIDES]; // NULL: none
    struct join_select *select;     // NULL: all members
    const struct shape *select_shape;
    uint32_t select_count;
    struct join_merge merges[JOIN_MERGES];
    struct shape_table *shapes;
    struct json_reader *readers[2]; // by join_row.big_text

    // What the last result was made of, as long as it is of the same record and batch.
    struct {
        const struct join_row *row;
        const struct batch *batch;
        struct record record;
    } shown[JOIN_SIDES];

    struct state_budget *budget; // keyed's: of all state
    struct keyed keyed;          // windows
    struct table keys_table;     // the others; slot: struct join_key *, or the first session
    struct due_heap heap;
    int64_t progress;                      // the watermark, less lateness
    bool loaded;                           // it comes from a saved state
    uint32_t due_entry, due_side, due_row; // in the window that closes

    struct image gone; // keys that were saved and are no more
    struct join_now now;
    struct buf key, text; // scratch
};

static inline bool join_passed(const struct join *join, int64_t time)
{
    return time <= join->progress;
}
static inline int64_t join_add(int64_t a, int64_t b) // stays at the limits
{
    int64_t sum;
    if (!__builtin_add_overflow(a, b, &sum))
        return sum;
    return b < 0 ? INT64_MIN : INT64_MAX;
}
static inline enum join_side join_other(enum join_side side)
{
    return side == JOIN_LEFT ? JOIN_RIGHT : JOIN_LEFT;
}

// -- join_key.c --

// The key of a record of that side into join->key. *null: a part of it is null, which is equal to
// nothing. ERR_DATA: it has none; or its types never meet those of the other side.
int join_read_key(struct join *join, enum join_side side, struct batch *batch,
                  struct record *record, bool *null, struct error *err);
// A tombstone has no fields: its key is the message's, read as what the table's keys have been.
int join_tombstone_key(struct join *join, const struct record *record, struct error *err);

// -- join_rows.c --

int row_make(struct join *join, struct batch *batch, struct record *record, struct join_row **out,
             struct error *err);
int row_copy(struct join *join, const struct join_row *row, struct join_row **out);
int row_load(struct join *join, struct image_entry *entry, struct join_row **out);
void row_free(struct join *join, struct join_row *row);                   // NULL is fine
int rows_room(struct join *join, struct join_rows *rows, uint32_t count); // for so many more
void rows_append(struct join_rows *rows, struct join_row *row);
void rows_insert(struct join_rows *rows, struct join_row *row); // behind those of the same time
// The first row at or behind `time`.
uint32_t rows_from(const struct join_rows *rows, int64_t time);
void rows_drop_first(struct join *join, struct join_rows *rows);
void rows_free(struct join *join, struct join_rows *rows);
static inline bool rows_empty(const struct join_rows *rows)
{
    return rows->from == rows->to;
}
// The rows of a key (timed, table); made when they are not there.
struct join_key *key_find(const struct join *join, const struct table_key *key);
int key_take(struct join *join, const struct table_key *key, struct join_key **out);
// A row that was saved, into the rows of its key.
int key_put_row(struct join *join, const struct table_key *key, enum join_side side,
                struct join_row *row, struct join_key **out);
void key_drop(struct join *join, struct join_key *key);
void keys_free(struct join *join);
void save_row(struct join *join, struct image *image, const struct table_key *key,
              enum join_side side, struct window window, const struct join_row *row);
void join_explain(const struct join *join, int rc, struct error *err);

// -- join_tell.c --

// One result: a pair, or with NULL the one that found none. `window` may be NULL.
enum op_status join_tell(struct join *join, struct outputs *outputs, const struct join_row *left,
                         const struct join_row *right, int64_t time, const struct window *window);
// The record in hand and a row of the other side.
enum op_status join_pair(struct join *join, struct outputs *outputs, struct join_row *row,
                         struct join_row *other, enum join_side side, const struct window *window);
enum op_status join_alone(struct join *join, struct outputs *outputs, const struct join_row *row,
                          enum join_side side, int64_t time, const struct window *window);
void join_forget_shown(struct join *join);

// -- join_merge.c --

const struct join_merge *join_merge_find(struct join *join, struct batch *batch,
                                         const struct shape *left, const struct shape *right,
                                         struct join_merge *scratch);
void join_merges_free(struct join *join);

// -- join_build.c, join_state.c --

extern const tide_option join_options[];
int join_configure(struct join *join, const struct operator_spec *spec, struct error *err);
void keys_save(struct join *join, struct image *image);
void keys_note_gone(struct join *join, const struct join_key *key);
int join_track(struct op *op);
int join_save_changes(struct op *op, struct image *image);
int join_save(struct op *op, struct image *image);
int join_load(struct op *op, struct image_entry *entry, struct error *err);
