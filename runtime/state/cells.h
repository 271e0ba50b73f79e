// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "record/value.h"
#include "state/due.h"
#include "state/image.h"
#include "state/table.h"

// Keyed cells: what a script keeps per key. A script declares its cells by name and kind; each key
// that keeps something then has one of each, in native form, next to its named timers:
//
//   value    one JSON value          map   values by key (a canonical key, see record/keycode.h)
//   counter  an int64                list  values in their order
//
// Broadcast cells belong to no key: there is one of each, and every key can read it.
//
// Work is done key by key: cells_select (a record comes), reads and writes, then cells_done; or
// cells_undo, which takes back all since cells_select: values, timers, the key itself. What was
// taken out (a map's entry, a timer, a key without anything) is freed by cells_done; so entries of
// maps keep their numbers in between, and undoing never needs memory.
//
// Time to live: each value, map entry, list element and counter expires `ttl_ms` after it was last
// written, in event or in processing time. What is expired reads as if it were not there; its
// memory goes in cells_sweep, which looks at a few keys at a time. Event time is the later one of
// the time of the record (or timer) at work and the watermark; before the first watermark what a
// timer of processing time writes counts from the latest record.
//
// Timers are named, per key, in event and in processing time. The heap of timers is lazy: one that
// is moved to a later time, as those that watch for silence are by each record, stays where it is
// until it comes up.
//
// All memory is taken from `budget`, and what a key keeps is counted: while it is at work the
// budget's limit is what is left to the key, where that is less (`key_limit`). One thread at a
// time. Borrowed values hold until the next write, cells_done or cells_undo.

enum cell_kind { CELL_VALUE, CELL_MAP, CELL_LIST, CELL_COUNTER };
enum cell_time { EVENT_TIME, PROCESSING_TIME, CELL_TIMES };

struct cell_spec {
    const char *name; // outlives the cells
    enum cell_kind kind;
    bool broadcast;
    enum cell_time time; // of the ttl
    int64_t ttl_ms;      // 0: kept until it is deleted
};

enum { CELLS_MAX = 64, CELL_TIMERS_MAX = 1000, TIMER_NAME_MAX = 255, TIMER_DEPTH_MAX = 100 };

// A value with the time from which on it is not there any more. UNSET: there is none.
struct cell_item {
    struct value value; // strings, and arrays and objects as JSON text, are owned
    int64_t expires;    // INT64_MAX: never
};

struct cell_map {
    struct table table; // canonical key -> struct cell_item
    uint32_t swept;     // entry at which the next sweep goes on
};

struct cell_list {
    struct cell_item *items;
    uint32_t count;
    size_t cap;
    int64_t soonest; // no item expires before
};

// All zero: empty. The spec says which.
union cell {
    struct cell_item item; // values, counters
    struct cell_map *map;
    struct cell_list *list;
};

struct timer {
    struct due due;     // first; not later than (at, order)
    struct timer *next; // of the key
    int64_t at, order;
    uint32_t entry; // of the key
    uint16_t depth; // how often in a row it was set by a timer of the same time
    uint8_t time;   // enum cell_time
    bool spent;     // fired at the end of time: it does not do so twice
    uint8_t name_len;
    char name[]; // not terminated
};

// What a key has; the slot of its table entry.
struct cells_slot {
    struct timer *timers;
    uint64_t timer_count : 16, saved : 1, bytes : 47; // bytes: without the slot itself
    union cell cells[];
};

struct cell_undo;

struct cells {
    const struct cell_spec *specs;
    uint32_t count;
    bool any_ttl;
    bool ending; // the last watermark is here
    bool loaded; // `progress` comes from a saved state
    struct state_budget budget;
    size_t limit_bytes; // of all; 0: none
    size_t key_limit;   // of one key; 0: none
    struct table keys;
    union cell *broadcast; // by number of the spec
    struct due_heap timers[CELL_TIMES];
    int64_t order;                // of the timer set last
    int64_t progress[CELL_TIMES]; // how far time has come
    int64_t latest;               // event time of a record; TIME_NONE: none came
    uint32_t sweep_at;
    struct image gone; // keys that were saved and are no more (cells_image.h)

    // At work:
    struct table_key key;
    size_t used_before; // of the budget
    bool has_key;
    bool took_key;             // made for this record
    struct table_entry *entry; // NULL: the key keeps nothing yet
    int64_t now[CELL_TIMES];
    uint16_t depth; // of the timer at work, + 1
    bool in_timer;
    struct cell_undo *undo;
    uint32_t undo_count;
    size_t undo_cap;
};

// 0 or ERR_NOMEM. `limit_bytes` 0: no limit. `key_limit` may be set then.
int cells_init(struct cells *cells, const struct cell_spec *specs, uint32_t count,
               size_t limit_bytes);
void cells_deinit(struct cells *cells);

// -- work on a key --

// The key at work; `time` of the record, or TIME_NONE. Key bytes hold until cells_done. NULL: none,
// only broadcast cells can be reached.
void cells_select(struct cells *cells, const struct table_key *key, int64_t time);
void cells_done(struct cells *cells);
void cells_undo(struct cells *cells);
// The key as JSON (an array when it has several fields). 0 or an error code.
int cells_key_json(const struct cells *cells, struct buf *out);

// All that write: 0, ERR_NOMEM, ERR_LIMIT or ERR_DATA, with the key, the cell and the limit in
// `err`. `spec` is the number of the cell. Values are copied.

const struct value *cells_get(struct cells *cells, uint32_t spec); // NULL: nothing there
// ABSENT clears.
int cells_set(struct cells *cells, uint32_t spec, struct value value, struct error *err);
// `*out` the sum; ERR_DATA: beyond int64.
int cells_add(struct cells *cells, uint32_t spec, int64_t more, int64_t *out, struct error *err);

const struct value *cells_map_get(struct cells *cells, uint32_t spec, const struct table_key *key);
int cells_map_set(struct cells *cells, uint32_t spec, const struct table_key *key,
                  struct value value, struct error *err);
// The first entry at or behind *position, which is moved behind it; NULL: no more. `*key` borrowed.
const struct value *cells_map_next(struct cells *cells, uint32_t spec, uint32_t *position,
                                   const struct table_key **key);
uint32_t cells_map_count(struct cells *cells, uint32_t spec);

int cells_append(struct cells *cells, uint32_t spec, struct value value, struct error *err);
const struct value *cells_list_at(struct cells *cells, uint32_t spec, uint32_t index); // from 0
uint32_t cells_list_count(struct cells *cells, uint32_t spec);
// Empties a cell of any kind.
int cells_clear(struct cells *cells, uint32_t spec, struct error *err);

// -- timers --

// Sets, or moves, the timer of that name and time of the key at work. A time that is over already
// fires when that time next goes on.
int cells_timer_set(struct cells *cells, const char *name, size_t len, enum cell_time time,
                    int64_t at, struct error *err);
int cells_timer_cancel(struct cells *cells, const char *name, size_t len, enum cell_time time,
                       struct error *err);
// The first timer that is due at `upto`, or NULL; ties go by the order in which they were set.
struct timer *cells_due(struct cells *cells, enum cell_time time, int64_t upto);
// When the first one is due; INT64_MAX: there is none.
int64_t cells_next_due(struct cells *cells, enum cell_time time);
// Takes it out and selects its key. cells_done frees it, cells_undo puts it back. 0 or ERR_NOMEM.
int cells_fire(struct cells *cells, struct timer *timer);

// -- between two records --

// Frees what has expired by `progress`, looking at some `keys`.
void cells_sweep(struct cells *cells, uint32_t keys);
