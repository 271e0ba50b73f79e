// SPDX-License-Identifier: MIT
#pragma once
#include "base/error.h"
#include "state/cells.h"

// What the files of the keyed cells share.

enum undo_kind {
    UNDO_ITEM,        // a value or counter had `old`
    UNDO_ENTRY,       // entry `number` of a map had `old`
    UNDO_APPEND,      // a list had one element less
    UNDO_CELL,        // the cell was `cell`
    UNDO_TIMER_NEW,   // there was no such timer
    UNDO_TIMER_MOVED, // it was due at `at`
    UNDO_TIMER_GONE,  // it was in the heap
};

struct cell_undo {
    uint8_t kind;
    uint16_t depth;
    uint32_t spec, number;
    union {
        struct cell_item old;
        union cell cell;
        struct {
            struct timer *timer;
            int64_t at, order;
        };
    };
};

// Of cells_slot.bytes, for the compiler.
static const uint64_t KEY_BYTES_MASK = (UINT64_C(1) << 47) - 1;

static inline struct cells_slot *slot_of(const struct table_entry *entry)
{
    return (struct cells_slot *)(void *)(uintptr_t)entry->slot;
}

// NULL: the key keeps nothing.
static inline union cell *cell_of(const struct cells *cells, uint32_t spec)
{
    if (cells->specs[spec].broadcast)
        return &cells->broadcast[spec];
    return cells->entry ? &slot_of(cells->entry)->cells[spec] : NULL;
}

static inline struct cell_item *map_item(const struct cell_map *map, uint32_t number)
{
    return (struct cell_item *)(void *)table_at(&map->table, number)->slot;
}

static inline bool item_live(const struct cells *cells, const struct cell_spec *spec,
                             const struct cell_item *item)
{
    return item->value.type != VALUE_UNSET &&
           (!spec->ttl_ms || cells->now[spec->time] < item->expires);
}

// What the key at work takes from here on counts as its own; and no more.
void key_begin(struct cells *cells);
void key_end(struct cells *cells);
// The key at work is in the table from here on. 0 or an error code.
int need_key(struct cells *cells);
// Room for one more, zeroed but not counted yet: that is undo_push. NULL: out of memory.
struct cell_undo *undo_room(struct cells *cells);
static inline void undo_push(struct cells *cells)
{
    cells->undo_count++;
}
// When what is written now expires. ERR_DATA: there is no time.
int item_expiry(const struct cells *cells, uint32_t spec, int64_t *out, struct error *err);
// A copy that is owned. 0 or an error code.
int item_own(struct cells *cells, struct value value, struct value *out);
void item_release(struct cells *cells, struct value *value);
// Puts what `rc` means for this cell into `err`; returns rc. `spec` UINT32_MAX: timers.
int cells_explain(const struct cells *cells, uint32_t spec, int rc, struct error *err);

void cell_free(struct cells *cells, uint32_t spec, union cell *cell); // and zeroes it
bool cell_empty(const struct cells *cells, uint32_t spec, const union cell *cell);
// Removes entry `number`, which nothing is kept under.
void cells_remove_key(struct cells *cells, uint32_t number);

// The key's entry is gone from what was saved.
void cells_note_gone(struct cells *cells, const struct table_key *key);

void timer_free(struct cells *cells, struct timer *timer);
void timer_unlink(struct cells *cells, struct timer *timer); // from its key
void timer_link(struct cells *cells, struct timer *timer);   // to it
void timer_place(struct cells *cells, struct timer *timer, int64_t at, int64_t order);
void timer_enter(struct cells *cells, struct timer *timer); // into the heap, which has room
static inline size_t timer_size(size_t name_len)
{
    return sizeof(struct timer) + name_len;
}
