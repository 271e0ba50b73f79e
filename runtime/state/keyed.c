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
    for (uint32_t i = 0; i < keyed->heap.count; i++) {
        struct keyed_window *window = keyed_at(keyed, i);
        table_deinit(&window->table);
        mem_free(window);
    }
    due_deinit(&keyed->heap);
    mem_free(keyed->map);
    *keyed = (struct keyed){.slot_size = keyed->slot_size};
}

void keyed_due(struct keyed *keyed, struct keyed_window *window, int64_t due)
{
    due_move(&keyed->heap, &window->due, due);
}

// -- the map --

static size_t home(const struct keyed *keyed, int64_t start, uint8_t level)
{
    uint64_t mixed = ((uint64_t)start ^ (uint64_t)level << 48) * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(mixed ^ mixed >> 32) & (keyed->map_cells - 1);
}

static size_t next_cell(const struct keyed *keyed, size_t at)
{
    return (at + 1) & (keyed->map_cells - 1);
}

static void map_put(struct keyed *keyed, struct keyed_window *window)
{
    size_t at = home(keyed, window->start, window->level);
    while (keyed->map[at])
        at = next_cell(keyed, at);
    keyed->map[at] = window;
}

struct keyed_window *keyed_find_level(const struct keyed *keyed, int64_t start, uint8_t level)
{
    if (!keyed->map_cells)
        return NULL;
    for (size_t at = home(keyed, start, level); keyed->map[at]; at = next_cell(keyed, at))
        if (keyed->map[at]->start == start && keyed->map[at]->level == level)
            return keyed->map[at];
    return NULL;
}

// Takes the window out and moves those back that its cell had pushed on.
static void map_take(struct keyed *keyed, const struct keyed_window *window)
{
    size_t hole = home(keyed, window->start, window->level);
    while (keyed->map[hole] != window)
        hole = next_cell(keyed, hole);
    keyed->map[hole] = NULL;
    for (size_t at = next_cell(keyed, hole); keyed->map[at]; at = next_cell(keyed, at)) {
        size_t want = home(keyed, keyed->map[at]->start, keyed->map[at]->level);
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
    if ((size_t)keyed->heap.count * 2 < keyed->map_cells)
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
    for (uint32_t i = 0; i < keyed->heap.count; i++)
        map_put(keyed, keyed_at(keyed, i));
    return 0;
}

static int heap_room(struct keyed *keyed)
{
    size_t had = keyed->heap.cap;
    int rc = due_room(&keyed->heap);
    keyed->budget.used_bytes += (keyed->heap.cap - had) * sizeof *keyed->heap.items;
    return rc;
}

int keyed_open_level(struct keyed *keyed, int64_t start, int64_t end, uint8_t level, int64_t due,
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
    window->level = level;
    window->due = (struct due){.at = due, .order = start};
    table_init(&window->table, keyed->slot_size, &keyed->budget);
    rc = keyed->tracks ? table_track(&window->table) : 0;
    if (rc) {
        mem_free(window);
        budget_give(&keyed->budget, sizeof *window);
        return rc;
    }
    map_put(keyed, window);
    due_add(&keyed->heap, &window->due);
    *out = window;
    return 0;
}

int keyed_open(struct keyed *keyed, int64_t start, int64_t end, int64_t due,
               struct keyed_window **out)
{
    return keyed_open_level(keyed, start, end, 0, due, out);
}

void keyed_drop(struct keyed *keyed, struct keyed_window *window)
{
    map_take(keyed, window);
    due_drop(&keyed->heap, &window->due);
    table_deinit(&window->table);
    mem_free(window);
    budget_give(&keyed->budget, sizeof *window);
}

int keyed_track(struct keyed *keyed)
{
    int rc = 0;
    keyed->tracks = true;
    for (uint32_t i = 0; i < keyed->heap.count && !rc; i++) {
        struct keyed_window *window = keyed_at(keyed, i);
        window->saved = window->table.count;
        rc = table_track(&window->table);
    }
    return rc;
}

uint64_t keyed_entries(const struct keyed *keyed)
{
    uint64_t entries = 0;
    for (uint32_t i = 0; i < keyed->heap.count; i++)
        entries += keyed_at(keyed, i)->table.count;
    return entries;
}
