// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "record/record.h"
#include "state/cells_parts.h"

// Values, counters, maps and lists of the key at work.

// -- owned values --

static bool has_bytes(const struct value *value)
{
    return value->type >= VALUE_STRING;
}

int item_own(struct cells *cells, struct value value, struct value *out)
{
    *out = value;
    if (!has_bytes(&value))
        return 0;
    int rc = budget_take(&cells->budget, value.len);
    char *bytes = rc ? NULL : mem_alloc(value.len ? value.len : 1);
    if (!bytes) {
        if (!rc)
            budget_give(&cells->budget, value.len);
        return rc ? rc : ERR_NOMEM;
    }
    if (value.len)
        memcpy(bytes, value.bytes, value.len);
    out->bytes = bytes;
    return 0;
}

void item_release(struct cells *cells, struct value *value)
{
    if (has_bytes(value)) {
        budget_give(&cells->budget, value->len);
        mem_free((void *)(uintptr_t)value->bytes);
    }
    *value = (struct value){0};
}

int item_expiry(const struct cells *cells, uint32_t number, int64_t *out, struct error *err)
{
    const struct cell_spec *spec = &cells->specs[number];
    *out = INT64_MAX;
    if (!spec->ttl_ms)
        return 0;
    int64_t now = cells->now[spec->time];
    if (now == TIME_NONE && spec->time == EVENT_TIME)
        now = cells->latest;
    if (now == TIME_NONE)
        return error_set(err, ERR_DATA,
                         "state '%s' has a ttl in event time, but the record has no time and no "
                         "watermark has come",
                         spec->name);
    if (__builtin_add_overflow(now, spec->ttl_ms, out))
        *out = INT64_MAX;
    return 0;
}

// -- whole cells --

static size_t list_size(const struct cell_list *list)
{
    return sizeof *list + list->cap * sizeof *list->items;
}

static void free_map(struct cells *cells, struct cell_map *map)
{
    for (uint32_t i = 0; i < map->table.count; i++)
        item_release(cells, &map_item(map, i)->value);
    table_deinit(&map->table);
    budget_give(&cells->budget, sizeof *map);
    mem_free(map);
}

static void free_list(struct cells *cells, struct cell_list *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        item_release(cells, &list->items[i].value);
    budget_give(&cells->budget, list_size(list));
    mem_free(list->items);
    mem_free(list);
}

void cell_free(struct cells *cells, uint32_t spec, union cell *cell)
{
    switch (cells->specs[spec].kind) {
    case CELL_MAP:
        if (cell->map)
            free_map(cells, cell->map);
        break;
    case CELL_LIST:
        if (cell->list)
            free_list(cells, cell->list);
        break;
    case CELL_VALUE:
    case CELL_COUNTER:
        item_release(cells, &cell->item.value);
        break;
    }
    *cell = (union cell){0};
}

bool cell_empty(const struct cells *cells, uint32_t spec, const union cell *cell)
{
    switch (cells->specs[spec].kind) {
    case CELL_MAP:
        return !cell->map || cell->map->table.count == 0;
    case CELL_LIST:
        return !cell->list || cell->list->count == 0;
    case CELL_VALUE:
    case CELL_COUNTER:
        break;
    }
    return cell->item.value.type == VALUE_UNSET;
}

// Before a write: the cell, whose key is there from now on, and room to undo it.
static int prepare(struct cells *cells, uint32_t spec, union cell **cell, struct cell_undo **undo)
{
    int rc = cells->specs[spec].broadcast ? 0 : need_key(cells);
    if (rc)
        return rc;
    *cell = cell_of(cells, spec);
    *undo = undo_room(cells);
    if (!*undo)
        return ERR_NOMEM;
    (*undo)->spec = spec;
    return 0;
}

int cells_clear(struct cells *cells, uint32_t spec, struct error *err)
{
    union cell *cell = cell_of(cells, spec);
    if (!cell || cell_empty(cells, spec, cell))
        return 0;
    struct cell_undo *undo = undo_room(cells);
    if (!undo)
        return error_nomem(err);
    undo->kind = UNDO_CELL;
    undo->spec = spec;
    undo->cell = *cell;
    undo_push(cells);
    *cell = (union cell){0};
    return 0;
}

// -- values and counters --

const struct value *cells_get(struct cells *cells, uint32_t spec)
{
    const union cell *cell = cell_of(cells, spec);
    if (!cell || !item_live(cells, &cells->specs[spec], &cell->item))
        return NULL;
    return &cell->item.value;
}

// Moves what is there into the log and puts a copy of `value` in its place.
static int replace(struct cells *cells, struct cell_undo *undo, struct cell_item *item,
                   struct value value, int64_t expires)
{
    struct cell_item made = {.expires = expires};
    int rc = value.type == VALUE_UNSET ? 0 : item_own(cells, value, &made.value);
    if (rc)
        return rc;
    undo->old = *item;
    *item = made;
    undo_push(cells);
    return 0;
}

int cells_set(struct cells *cells, uint32_t spec, struct value value, struct error *err)
{
    union cell *cell;
    struct cell_undo *undo;
    int64_t expires;
    if (value.type == VALUE_ABSENT)
        return cells_clear(cells, spec, err);
    int rc = item_expiry(cells, spec, &expires, err);
    if (rc)
        return rc;
    rc = prepare(cells, spec, &cell, &undo);
    if (!rc) {
        undo->kind = UNDO_ITEM;
        rc = replace(cells, undo, &cell->item, value, expires);
    }
    return rc ? cells_explain(cells, spec, rc, err) : 0;
}

int cells_add(struct cells *cells, uint32_t spec, int64_t more, int64_t *out, struct error *err)
{
    const struct value *value = cells_get(cells, spec);
    if (__builtin_add_overflow(value ? value->i : 0, more, out))
        return error_set(err, ERR_DATA, "state '%s': the counter is beyond 64 bits",
                         cells->specs[spec].name);
    return cells_set(cells, spec, value_int(*out), err);
}

// -- maps --

static struct cell_item *find_item(struct cells *cells, uint32_t spec, const struct table_key *key)
{
    const union cell *cell = cell_of(cells, spec);
    if (!cell || !cell->map)
        return NULL;
    const struct table_entry *entry = table_find(&cell->map->table, key);
    return entry ? (struct cell_item *)(void *)(uintptr_t)entry->slot : NULL;
}

const struct value *cells_map_get(struct cells *cells, uint32_t spec, const struct table_key *key)
{
    const struct cell_item *item = find_item(cells, spec, key);
    return item && item_live(cells, &cells->specs[spec], item) ? &item->value : NULL;
}

static int need_map(struct cells *cells, union cell *cell)
{
    if (cell->map)
        return 0;
    int rc = budget_take(&cells->budget, sizeof *cell->map);
    if (rc)
        return rc;
    cell->map = mem_zalloc(sizeof *cell->map);
    if (!cell->map) {
        budget_give(&cells->budget, sizeof *cell->map);
        return ERR_NOMEM;
    }
    table_init(&cell->map->table, sizeof(struct cell_item), &cells->budget);
    return 0;
}

static int map_put(struct cells *cells, uint32_t spec, const struct table_key *key,
                   struct value value, int64_t expires)
{
    union cell *cell;
    struct cell_undo *undo;
    struct table_entry *entry;
    bool made;
    int rc = prepare(cells, spec, &cell, &undo);
    if (!rc)
        rc = need_map(cells, cell);
    if (!rc)
        rc = table_take(&cell->map->table, key, &entry, &made);
    if (rc)
        return rc;
    struct cell_item *item = (struct cell_item *)(void *)entry->slot;
    undo->kind = UNDO_ENTRY;
    undo->number = made ? cell->map->table.count - 1 : table_number(&cell->map->table, entry);
    rc = replace(cells, undo, item, value, expires);
    if (rc && made)
        table_remove(&cell->map->table, undo->number);
    return rc;
}

int cells_map_set(struct cells *cells, uint32_t spec, const struct table_key *key,
                  struct value value, struct error *err)
{
    int64_t expires = 0;
    int rc = 0;
    if (value.type == VALUE_ABSENT) {
        const struct cell_item *item = find_item(cells, spec, key);
        if (!item || item->value.type == VALUE_UNSET)
            return 0;
        value.type = VALUE_UNSET;
    } else {
        rc = item_expiry(cells, spec, &expires, err);
    }
    if (rc)
        return rc;
    rc = map_put(cells, spec, key, value, expires);
    return rc ? cells_explain(cells, spec, rc, err) : 0;
}

const struct value *cells_map_next(struct cells *cells, uint32_t spec, uint32_t *position,
                                   const struct table_key **key)
{
    const union cell *cell = cell_of(cells, spec);
    const struct cell_map *map = cell ? cell->map : NULL;
    while (map && *position < map->table.count) {
        uint32_t at = (*position)++;
        const struct cell_item *item = map_item(map, at);
        if (!item_live(cells, &cells->specs[spec], item))
            continue;
        *key = &table_at(&map->table, at)->key;
        return &item->value;
    }
    return NULL;
}

uint32_t cells_map_count(struct cells *cells, uint32_t spec)
{
    const struct table_key *key;
    uint32_t position = 0, count = 0;
    while (cells_map_next(cells, spec, &position, &key))
        count++;
    return count;
}

// -- lists --

static int need_list(struct cells *cells, union cell *cell)
{
    struct cell_list *list = cell->list;
    if (!list) {
        int rc = budget_take(&cells->budget, sizeof *list);
        list = rc ? NULL : mem_zalloc(sizeof *list);
        if (!list && !rc)
            budget_give(&cells->budget, sizeof *list);
        if (!list)
            return rc ? rc : ERR_NOMEM;
        list->soonest = INT64_MAX;
        cell->list = list;
    }
    if (list->count < list->cap)
        return 0;
    size_t cap = list->cap ? list->cap * 2 : 4, more = (cap - list->cap) * sizeof *list->items;
    if (cap > UINT32_MAX / 2 || budget_take(&cells->budget, more))
        return ERR_LIMIT;
    struct cell_item *items = mem_realloc(list->items, cap * sizeof *items);
    if (!items) {
        budget_give(&cells->budget, more);
        return ERR_NOMEM;
    }
    list->items = items;
    list->cap = cap;
    return 0;
}

int cells_append(struct cells *cells, uint32_t spec, struct value value, struct error *err)
{
    union cell *cell;
    struct cell_undo *undo;
    struct cell_item item;
    int rc = item_expiry(cells, spec, &item.expires, err);
    if (rc)
        return rc;
    rc = prepare(cells, spec, &cell, &undo);
    if (!rc)
        rc = need_list(cells, cell);
    if (!rc)
        rc = item_own(cells, value, &item.value);
    if (rc)
        return cells_explain(cells, spec, rc, err);
    struct cell_list *list = cell->list;
    list->items[list->count++] = item;
    if (item.expires < list->soonest)
        list->soonest = item.expires;
    undo->kind = UNDO_APPEND;
    undo_push(cells);
    return 0;
}

static const struct cell_list *list_of(const struct cells *cells, uint32_t spec, bool *whole)
{
    const union cell *cell = cell_of(cells, spec);
    const struct cell_list *list = cell ? cell->list : NULL;
    const struct cell_spec *s = &cells->specs[spec];
    *whole = !s->ttl_ms || (list && cells->now[s->time] < list->soonest);
    return list;
}

const struct value *cells_list_at(struct cells *cells, uint32_t spec, uint32_t index)
{
    bool whole;
    const struct cell_list *list = list_of(cells, spec, &whole);
    if (!list || index >= list->count)
        return NULL;
    if (whole)
        return &list->items[index].value;
    for (uint32_t i = 0; i < list->count; i++)
        if (item_live(cells, &cells->specs[spec], &list->items[i]) && index-- == 0)
            return &list->items[i].value;
    return NULL;
}

uint32_t cells_list_count(struct cells *cells, uint32_t spec)
{
    bool whole;
    const struct cell_list *list = list_of(cells, spec, &whole);
    uint32_t count = 0;
    if (!list || whole)
        return list ? list->count : 0;
    for (uint32_t i = 0; i < list->count; i++)
        count += item_live(cells, &cells->specs[spec], &list->items[i]);
    return count;
}
