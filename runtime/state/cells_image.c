// SPDX-License-Identifier: MIT
#include "state/cells_image.h"
#include "state/cells_parts.h"

enum section { SECTION_META, SECTION_KEY, SECTION_BROADCAST };
enum { END_OF_CELLS = CELLS_MAX };

// -- saving --

static void save_item(struct image *image, const struct cell_item *item)
{
    const struct value *value = &item->value;
    image_u64(image, value->type);
    if (value->type == VALUE_FLOAT)
        image_f64(image, value->f);
    else if (value->type == VALUE_INT)
        image_i64(image, value->i);
    else if (value->type == VALUE_BOOL)
        image_u64(image, value->b);
    else if (value->type >= VALUE_STRING) {
        image_u64(image, value->flags);
        image_bytes(image, value->bytes, value->len);
    }
    image_i64(image, item->expires);
}

static void save_map(struct image *image, const struct cell_map *map)
{
    image_u64(image, map->table.count);
    for (uint32_t i = 0; i < map->table.count; i++) {
        uint32_t len;
        const char *key = table_key_bytes(&table_at(&map->table, i)->key, &len);
        image_bytes(image, key, len);
        save_item(image, map_item(map, i));
    }
}

static void save_list(struct image *image, const struct cell_list *list)
{
    image_u64(image, list->count);
    for (uint32_t i = 0; i < list->count; i++)
        save_item(image, &list->items[i]);
}

static void save_cell(const struct cells *cells, struct image *image, uint32_t spec,
                      const union cell *cell)
{
    if (cell_empty(cells, spec, cell))
        return;
    image_u64(image, spec);
    if (cells->specs[spec].kind == CELL_MAP)
        save_map(image, cell->map);
    else if (cells->specs[spec].kind == CELL_LIST)
        save_list(image, cell->list);
    else
        save_item(image, &cell->item);
}

static void save_timers(struct image *image, const struct cells_slot *slot)
{
    uint64_t count = 0;
    for (const struct timer *timer = slot->timers; timer; timer = timer->next)
        count += !timer->spent;
    image_u64(image, count);
    for (const struct timer *timer = slot->timers; timer; timer = timer->next) {
        if (timer->spent)
            continue;
        image_u64(image, timer->time);
        image_i64(image, timer->at);
        image_i64(image, timer->order);
        image_bytes(image, timer->name, timer->name_len);
    }
}

static void save_key(const struct cells *cells, struct image *image,
                     const struct table_entry *entry)
{
    const struct cells_slot *slot = slot_of(entry);
    uint32_t len;
    const char *key = table_key_bytes(&entry->key, &len);
    for (uint32_t i = 0; i < cells->count; i++)
        save_cell(cells, image, i, &slot->cells[i]);
    image_u64(image, END_OF_CELLS);
    save_timers(image, slot);
    image_end(image, SECTION_KEY, key, len);
}

// What belongs to no key.
static void save_common(const struct cells *cells, int64_t version, struct image *image)
{
    image_i64(image, version);
    image_i64(image, cells->progress[EVENT_TIME]);
    image_i64(image, cells->latest);
    image_u64(image, cells->count);
    for (uint32_t i = 0; i < cells->count; i++) {
        const struct cell_spec *spec = &cells->specs[i];
        image_bytes(image, spec->name, strlen(spec->name));
        image_u64(image, (uint64_t)spec->kind * 2 + spec->broadcast);
    }
    image_end(image, SECTION_META, NULL, 0);
    for (uint32_t i = 0; i < cells->count; i++) {
        if (!cells->specs[i].broadcast || cell_empty(cells, i, &cells->broadcast[i]))
            continue;
        save_cell(cells, image, i, &cells->broadcast[i]);
        image_end(image, SECTION_BROADCAST, NULL, 0);
    }
}

int cells_save(const struct cells *cells, int64_t version, struct image *image)
{
    save_common(cells, version, image);
    for (uint32_t i = 0; i < cells->keys.count; i++)
        save_key(cells, image, table_at(&cells->keys, i));
    return image->rc;
}

// -- saving what has changed --

void cells_note_gone(struct cells *cells, const struct table_key *key)
{
    uint32_t len;
    const char *bytes = table_key_bytes(key, &len);
    image_gone(&cells->gone, SECTION_KEY, bytes, len);
}

int cells_track(struct cells *cells)
{
    image_collect(&cells->gone);
    for (uint32_t i = 0; i < cells->keys.count; i++)
        slot_of(table_at(&cells->keys, i))->saved = 1;
    return table_track(&cells->keys);
}

int cells_save_changes(struct cells *cells, int64_t version, struct image *image)
{
    image_whole(image, SECTION_META);
    image_whole(image, SECTION_BROADCAST);
    save_common(cells, version, image);
    image_add(image, &cells->gone);
    image_collect(&cells->gone);
    for (uint32_t i = 0; table_next_dirty(&cells->keys, &i); i++) {
        save_key(cells, image, table_at(&cells->keys, i));
        slot_of(table_at(&cells->keys, i))->saved = 1;
    }
    return image->rc ? image->rc : table_track(&cells->keys);
}

// -- loading --

// The value's bytes are the entry's.
static struct cell_item load_item(struct image_entry *entry)
{
    struct cell_item item = {.expires = 0};
    uint64_t type = entry_u64(entry);
    size_t len = 0;
    item.value.type = (uint8_t)type;
    if (type == VALUE_FLOAT) {
        item.value.f = entry_f64(entry);
    } else if (type == VALUE_INT) {
        item.value.i = entry_i64(entry);
    } else if (type == VALUE_BOOL) {
        item.value.b = entry_u64(entry) != 0;
    } else if (type >= VALUE_STRING && type <= VALUE_OBJECT) {
        item.value.flags = (uint8_t)(entry_u64(entry) & VALUE_BIG_TEXT);
        item.value.bytes = entry_bytes(entry, &len);
        item.value.len = (uint32_t)len;
    } else if (type != VALUE_NULL) {
        entry->bad = true;
    }
    item.expires = entry_i64(entry);
    if (entry->bad)
        item.value = value_null();
    return item;
}

// The log of undoing is not wanted, but what is written goes the same way: the stamp follows.
static int load_map(struct cells *cells, struct image_entry *entry, uint32_t spec,
                    struct error *err)
{
    uint64_t count = entry_u64(entry);
    int rc = 0;
    for (uint64_t i = 0; i < count && !entry->bad && !rc; i++) {
        size_t len;
        struct table_key key;
        const char *bytes = entry_bytes(entry, &len);
        struct cell_item item = load_item(entry);
        if (entry->bad || len > UINT32_MAX)
            break;
        table_key_set(&key, bytes ? bytes : "", (uint32_t)len);
        rc = cells_map_set(cells, spec, &key, item.value, err);
        struct cell_map *map = rc ? NULL : cell_of(cells, spec)->map;
        if (map)
            ((struct cell_item *)(void *)table_find(&map->table, &key)->slot)->expires =
                item.expires;
    }
    return rc;
}

static int load_list(struct cells *cells, struct image_entry *entry, uint32_t spec,
                     struct error *err)
{
    uint64_t count = entry_u64(entry);
    int rc = cells_clear(cells, spec, err); // broadcast cells come from each lane
    for (uint64_t i = 0; i < count && !entry->bad && !rc; i++) {
        struct cell_item item = load_item(entry);
        if (entry->bad)
            break;
        rc = cells_append(cells, spec, item.value, err);
        if (rc)
            break;
        struct cell_list *list = cell_of(cells, spec)->list;
        list->items[list->count - 1].expires = item.expires;
        list->soonest = item.expires < list->soonest ? item.expires : list->soonest;
    }
    return rc;
}

static int load_cell(struct cells *cells, struct image_entry *entry, uint32_t spec,
                     struct error *err)
{
    if (cells->specs[spec].kind == CELL_MAP)
        return load_map(cells, entry, spec, err);
    if (cells->specs[spec].kind == CELL_LIST)
        return load_list(cells, entry, spec, err);
    struct cell_item item = load_item(entry);
    if (cells->specs[spec].kind == CELL_COUNTER && item.value.type != VALUE_INT)
        entry->bad = true;
    int rc = entry->bad ? 0 : cells_set(cells, spec, item.value, err);
    if (!rc && !entry->bad)
        cell_of(cells, spec)->item.expires = item.expires;
    return rc;
}

static int load_timers(struct cells *cells, struct image_entry *entry, struct error *err)
{
    uint64_t count = entry_u64(entry);
    int rc = 0;
    for (uint64_t i = 0; i < count && !entry->bad && !rc; i++) {
        uint64_t time = entry_u64(entry);
        int64_t at = entry_i64(entry), order = entry_i64(entry), newest = cells->order;
        size_t len;
        const char *name = entry_bytes(entry, &len);
        if (entry->bad || time >= CELL_TIMES || len > TIMER_NAME_MAX || order < 0 ||
            order == INT64_MAX) {
            entry->bad = true;
            break;
        }
        cells->order = order - 1; // what it will be given
        rc = cells_timer_set(cells, name, len, (enum cell_time)time, at, err);
        cells->order = newest > order ? newest : order;
    }
    return rc;
}

static int load_cells(struct cells *cells, struct image_entry *entry, struct error *err)
{
    int rc = 0;
    while (!rc && !entry->bad && entry->at < entry->end) {
        uint64_t spec = entry_u64(entry);
        if (entry->bad || spec == END_OF_CELLS)
            break;
        if (spec >= cells->count || cells->specs[spec].broadcast != !cells->has_key)
            entry->bad = true;
        else
            rc = load_cell(cells, entry, (uint32_t)spec, err);
    }
    return rc;
}

static int load_meta(struct cells *cells, struct image_entry *entry, int64_t *version,
                     struct error *err)
{
    *version = entry_i64(entry);
    int64_t progress = entry_i64(entry), latest = entry_i64(entry);
    uint64_t count = entry_u64(entry);
    bool same = count == cells->count;
    for (uint64_t i = 0; i < count && !entry->bad && same; i++) {
        size_t len;
        const struct cell_spec *spec = &cells->specs[i];
        const char *name = entry_bytes(entry, &len);
        uint64_t kind = entry_u64(entry);
        same = name && strlen(spec->name) == len && memcmp(spec->name, name, len) == 0 &&
               kind == (uint64_t)spec->kind * 2 + spec->broadcast;
    }
    if (!same && !entry->bad)
        return error_set(err, ERR_REFUSED,
                         "what was kept is of a script that declares other states than this one");
    // Of several lanes the one that was furthest behind.
    int64_t *mine = &cells->progress[EVENT_TIME];
    if (!cells->loaded || progress < *mine)
        *mine = progress;
    cells->loaded = true;
    if (latest > cells->latest)
        cells->latest = latest;
    return entry_done(entry, err);
}

int cells_load(struct cells *cells, struct image_entry *entry, int64_t *version, struct error *err)
{
    struct table_key key;
    if (entry->section == SECTION_META)
        return load_meta(cells, entry, version, err);
    if (entry->section > SECTION_BROADCAST || !entry->key != (entry->section == SECTION_BROADCAST))
        return error_set(err, ERR_CORRUPT, "keyed state has no section %u of this kind",
                         entry->section);
    if (entry->key)
        table_key_set(&key, entry->key, entry->key_len);
    // Any time will do: the stamps are those of the image.
    cells_select(cells, entry->key ? &key : NULL, INT64_MIN);
    cells->now[EVENT_TIME] = cells->now[PROCESSING_TIME] = 0;
    int rc = load_cells(cells, entry, err);
    if (!rc && entry->key)
        rc = load_timers(cells, entry, err);
    if (!rc)
        rc = entry_done(entry, err);
    if (rc)
        cells_undo(cells);
    else
        cells_done(cells);
    return rc;
}
