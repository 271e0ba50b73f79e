// SPDX-License-Identifier: MIT
#include "state/cells_parts.h"

// What has expired goes, a few keys at a time, so that no record waits for it.

enum { ENTRIES = 256 }; // of a map, in one go

static bool over(const struct cells *cells, const struct cell_spec *spec,
                 const struct cell_item *item)
{
    return item->value.type != VALUE_UNSET && cells->progress[spec->time] >= item->expires;
}

static void sweep_map(struct cells *cells, const struct cell_spec *spec, struct cell_map *map)
{
    if (map->swept >= map->table.count)
        map->swept = 0;
    for (uint32_t n = 0; n < ENTRIES && map->swept < map->table.count; n++) {
        struct cell_item *item = map_item(map, map->swept);
        if (!over(cells, spec, item)) {
            map->swept++;
            continue;
        }
        item_release(cells, &item->value);
        table_remove(&map->table, map->swept); // another has this number now
    }
}

static void sweep_list(struct cells *cells, const struct cell_spec *spec, struct cell_list *list)
{
    uint32_t kept = 0;
    if (cells->progress[spec->time] < list->soonest)
        return;
    list->soonest = INT64_MAX;
    for (uint32_t i = 0; i < list->count; i++) {
        struct cell_item *item = &list->items[i];
        if (over(cells, spec, item)) {
            item_release(cells, &item->value);
            continue;
        }
        if (item->expires < list->soonest)
            list->soonest = item->expires;
        list->items[kept++] = *item;
    }
    list->count = kept;
}

static void sweep_cell(struct cells *cells, uint32_t number, union cell *cell)
{
    const struct cell_spec *spec = &cells->specs[number];
    if (!spec->ttl_ms || cell_empty(cells, number, cell))
        return;
    if (spec->kind == CELL_MAP)
        sweep_map(cells, spec, cell->map);
    else if (spec->kind == CELL_LIST)
        sweep_list(cells, spec, cell->list);
    else if (over(cells, spec, &cell->item))
        item_release(cells, &cell->item.value);
    if (cell_empty(cells, number, cell))
        cell_free(cells, number, cell);
}

// True: the key keeps nothing any more.
static bool sweep_key(struct cells *cells, struct cells_slot *slot)
{
    bool empty = slot->timer_count == 0;
    for (uint32_t i = 0; i < cells->count; i++) {
        sweep_cell(cells, i, &slot->cells[i]);
        empty = empty && cell_empty(cells, i, &slot->cells[i]);
    }
    return empty;
}

void cells_sweep(struct cells *cells, uint32_t keys)
{
    if (!cells->any_ttl)
        return;
    cells->entry = NULL;
    for (uint32_t i = 0; i < cells->count; i++)
        if (cells->specs[i].broadcast)
            sweep_cell(cells, i, &cells->broadcast[i]);
    if (cells->sweep_at >= cells->keys.count)
        cells->sweep_at = 0;
    for (uint32_t n = 0; n < keys && cells->sweep_at < cells->keys.count; n++) {
        struct cells_slot *slot = slot_of(table_at(&cells->keys, cells->sweep_at));
        size_t used = cells->budget.used_bytes;
        if (!sweep_key(cells, slot)) {
            slot->bytes = (slot->bytes - (used - cells->budget.used_bytes)) & KEY_BYTES_MASK;
            cells->sweep_at++;
            continue;
        }
        for (uint32_t i = 0; i < cells->count; i++)
            cell_free(cells, i, &slot->cells[i]);
        cells_remove_key(cells, cells->sweep_at);
    }
}
