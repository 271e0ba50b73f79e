// SPDX-License-Identifier: MIT
#include "state/keyed.h"
#include "base/alloc.h"

void keyed_init(struct keyed *keyed, uint32_t slot_size, size_t limit_bytes)
{
    *keyed = (struct keyed){.slot_size = slot_size};
    keyed->budget.limit_bytes = limit_bytes;
}

void keyed_deinit(struct keyed *keyed)
{
    for (uint32_t i = 0; i < keyed->count; i++) {
        table_deinit(&keyed->heap[i]->table);
        mem_free(keyed->heap[i]);
    }
    mem_free(keyed->heap);
    mem_free(keyed->map);
    *keyed = (struct keyed){.slot_size = keyed->slot_size};
}

// -- the heap --

static bool before(const struct keyed_window *a, const struct keyed_window *b)
{
    return a->due != b->due ? a->due < b->due : a->start < b->start;
}

static void place(struct keyed *keyed, uint32_t at, struct keyed_window *window)
{
    keyed->heap[at] = window;
    window->heap_at = at;
}

static void sift_up(struct keyed *keyed, struct keyed_window *window)
{
    uint32_t at = window->heap_at;
    while (at > 0 && before(window, keyed->heap[(at - 1) / 2])) {
        place(keyed, at, keyed->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    place(keyed, at, window);
}

static void sift_down(struct keyed *keyed, struct keyed_window *window)
{
    uint32_t at = window->heap_at;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= keyed->count)
            break;
        if (child + 1 < keyed->count && before(keyed->heap[child + 1], keyed->heap[child]))
            child++;
        if (!before(keyed->heap[child], window))
            break;
        place(keyed, at, keyed->heap[child]);
        at = child;
    }
    place(keyed, at, window);
}

void keyed_due(struct keyed *keyed, struct keyed_window *window, int64_t due)
{
    bool later = due > window->due;
    window->due = due;
    if (later)
        sift_down(keyed, window);
    else
        sift_up(keyed, window);
}

// -- the map --

static size_t home(const struct keyed *keyed, int64_t start)
{
    uint64_t mixed = (uint64_t)start * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(mixed ^ mixed >> 32) & (keyed->map_cells - 1);
}

static size_t next_cell(const struct keyed *keyed, size_t at)
{
    return (at + 1) & (keyed->map_cells - 1);
}

static void map_put(struct keyed *keyed, struct keyed_window *window)
{
    size_t at = home(keyed, window->start);
    while (keyed->map[at])
        at = next_cell(keyed, at);
    keyed->map[at] = window;
}

struct keyed_window *keyed_find(const struct keyed *keyed, int64_t start)
{
    if (!keyed->map_cells)
        return NULL;
    for (size_t at = home(keyed, start); keyed->map[at]; at = next_cell(keyed, at))
        if (keyed->map[at]->start == start)
            return keyed->map[at];
    return NULL;
}

// Takes the window out and moves those back that its cell had pushed on.
static void map_take(struct keyed *keyed, const struct keyed_window *window)
{
    size_t hole = home(keyed, window->start);
    while (keyed->map[hole] != window)
        hole = next_cell(keyed, hole);
    keyed->map[hole] = NULL;
    for (size_t at = next_cell(keyed, hole); keyed->map[at]; at = next_cell(keyed, at)) {
        size_t want = home(keyed, keyed->map[at]->start);
        size_t mask = keyed->map_cells - 1;
        if (((at - want) & mask) < ((at - hole) & mask))
            continue; // its way from home does not lead over the hole
        keyed->map[hole] = keyed->map[at];
        keyed->map[at] = NULL;
        hole = at;
    }
}

// Room for one window more.
static int map_room(struct keyed *keyed)
{
    if ((size_t)keyed->count * 2 < keyed->map_cells)
        return 0;
    size_t cells = keyed->map_cells ? keyed->map_cells * 2 : 16;
    size_t extra = (cells - keyed->map_cells) * sizeof *keyed->map;
    int rc = budget_take(&keyed->budget, extra);
    if (rc)
        return rc;
    struct keyed_window **map = mem_zalloc(cells * sizeof *map);
    if (!map) {
        budget_give(&keyed->budget, extra);
        return ERR_NOMEM;
    }
    mem_free(keyed->map);
    keyed->map = map;
    keyed->map_cells = cells;
    for (uint32_t i = 0; i < keyed->count; i++)
        map_put(keyed, keyed->heap[i]);
    return 0;
}

static int heap_room(struct keyed *keyed)
{
    size_t had = keyed->heap_cap;
    int rc =
        mem_grow(&keyed->heap, &keyed->heap_cap, (size_t)keyed->count + 1, sizeof *keyed->heap);
    keyed->budget.used_bytes += (keyed->heap_cap - had) * sizeof *keyed->heap;
    return rc;
}

int keyed_open(struct keyed *keyed, int64_t start, int64_t end, int64_t due,
               struct keyed_window **out)
{
    int rc = map_room(keyed);
    if (!rc)
        rc = heap_room(keyed);
    if (!rc)
        rc = budget_take(&keyed->budget, sizeof(struct keyed_window));
    if (rc)
        return rc;
    struct keyed_window *window = mem_zalloc(sizeof *window);
    if (!window) {
        budget_give(&keyed->budget, sizeof *window);
        return ERR_NOMEM;
    }
    window->start = start;
    window->end = end;
    window->due = due;
    table_init(&window->table, keyed->slot_size, &keyed->budget);
    map_put(keyed, window);
    window->heap_at = keyed->count++;
    sift_up(keyed, window);
    *out = window;
    return 0;
}

void keyed_drop(struct keyed *keyed, struct keyed_window *window)
{
    map_take(keyed, window);
    uint32_t at = window->heap_at;
    struct keyed_window *last = keyed->heap[--keyed->count];
    if (last != window) {
        place(keyed, at, last);
        sift_up(keyed, last);
        sift_down(keyed, last);
    }
    table_deinit(&window->table);
    mem_free(window);
    budget_give(&keyed->budget, sizeof *window);
}

uint64_t keyed_entries(const struct keyed *keyed)
{
    uint64_t entries = 0;
    for (uint32_t i = 0; i < keyed->count; i++)
        entries += keyed->heap[i]->table.count;
    return entries;
}
