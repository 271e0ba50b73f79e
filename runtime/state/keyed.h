// SPDX-License-Identifier: MIT
#pragma once
#include "state/due.h"
#include "state/table.h"

// Keyed state by window: each open window has a table of its own, so that firing and freeing a
// window touch its keys only. Windows are found by their start, and come up in the order of the
// time at which something is to be done about them (`due`: fire, then free), then of their starts.
//
// Memory is proportional to windows and keys: an open window with one key takes some 300 bytes.
// One thread at a time. Pointers to windows hold until keyed_drop.

struct keyed_window {
    struct due due; // first; in the window's time
    int64_t start, end;
    uint8_t level;
    bool fired;     // its result was out once
    uint32_t saved; // entries that were there when last all were said to be saved
    struct table table;
};

struct keyed {
    struct state_budget budget;
    uint32_t slot_size;
    bool tracks; // what changes in windows is noted (table_track)
    struct due_heap heap;
    struct keyed_window **map; // by start: open addressing, at most half full
    size_t map_cells;          // a power of two, or 0
};

void keyed_init(struct keyed *keyed, uint32_t slot_size, size_t limit_bytes);
// What slots own must be freed before.
void keyed_deinit(struct keyed *keyed);

struct keyed_window *keyed_find_level(const struct keyed *keyed, int64_t start, uint8_t level);
static inline struct keyed_window *keyed_find(const struct keyed *keyed, int64_t start)
{
    return keyed_find_level(keyed, start, 0);
}
// A new window (there is none with this start and level). 0, ERR_NOMEM, ERR_LIMIT.
int keyed_open_level(struct keyed *keyed, int64_t start, int64_t end, uint8_t level, int64_t due,
                     struct keyed_window **out);
int keyed_open(struct keyed *keyed, int64_t start, int64_t end, int64_t due,
               struct keyed_window **out);
static inline uint32_t keyed_windows(const struct keyed *keyed)
{
    return keyed->heap.count;
}
// The n-th window, in no order but that the first has the smallest (due, start).
static inline struct keyed_window *keyed_at(const struct keyed *keyed, uint32_t n)
{
    return (struct keyed_window *)(void *)keyed->heap.items[n];
}
static inline struct keyed_window *keyed_next(const struct keyed *keyed) // NULL: there is none
{
    return keyed->heap.count ? keyed_at(keyed, 0) : NULL;
}
void keyed_due(struct keyed *keyed, struct keyed_window *window, int64_t due); // changes it
void keyed_drop(struct keyed *keyed, struct keyed_window *window);
// All that there is counts as saved; from here on what changes is noted. 0, ERR_NOMEM, ERR_LIMIT.
int keyed_track(struct keyed *keyed);
// Entries of all windows.
uint64_t keyed_entries(const struct keyed *keyed);
