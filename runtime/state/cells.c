// SPDX-License-Identifier: MIT
#include "state/cells.h"
#include "base/alloc.h"
#include "record/json.h"
#include "record/keycode.h"
#include "record/record.h"
#include "state/cells_parts.h"
#include <stdlib.h>

// Keys: which one is at work, and those that come and go.

enum { KEY_JSON_MAX = 1 << 20, KEY_SHOWN = 200 };

static uint32_t slot_bytes(uint32_t count)
{
    return (uint32_t)(sizeof(struct cells_slot) + count * sizeof(union cell));
}

int cells_init(struct cells *cells, const struct cell_spec *specs, uint32_t count,
               size_t limit_bytes)
{
    *cells = (struct cells){.specs = specs, .count = count};
    cells->budget.limit_bytes = cells->limit_bytes = limit_bytes;
    cells->progress[EVENT_TIME] = cells->progress[PROCESSING_TIME] = cells->latest = TIME_NONE;
    for (uint32_t i = 0; i < count; i++)
        cells->any_ttl |= specs[i].ttl_ms != 0;
    table_init(&cells->keys, slot_bytes(count), &cells->budget);
    cells->broadcast = mem_zalloc((count + 1) * sizeof *cells->broadcast);
    return cells->broadcast ? 0 : ERR_NOMEM;
}

static void free_slot(struct cells *cells, struct cells_slot *slot)
{
    for (uint32_t i = 0; i < cells->count; i++)
        cell_free(cells, i, &slot->cells[i]);
    while (slot->timers) {
        struct timer *timer = slot->timers;
        slot->timers = timer->next;
        timer_free(cells, timer);
    }
}

void cells_deinit(struct cells *cells)
{
    if (!cells->broadcast)
        return; // not set up
    cells_undo(cells);
    for (uint32_t i = 0; i < cells->keys.count; i++)
        free_slot(cells, slot_of(table_at(&cells->keys, i)));
    for (uint32_t i = 0; i < cells->count; i++)
        cell_free(cells, i, &cells->broadcast[i]);
    table_deinit(&cells->keys);
    due_deinit(&cells->timers[EVENT_TIME]);
    due_deinit(&cells->timers[PROCESSING_TIME]);
    mem_free(cells->broadcast);
    mem_free(cells->undo);
    image_deinit(&cells->gone);
    *cells = (struct cells){0};
}

static uint64_t key_bytes(const struct cells *cells)
{
    uint64_t bytes = cells->entry ? slot_of(cells->entry)->bytes : 0;
    return bytes + cells->budget.used_bytes - cells->used_before;
}

// The budget's limit, with the key at work's.
static void set_limit(struct cells *cells)
{
    struct state_budget *budget = &cells->budget;
    budget->limit_bytes = cells->limit_bytes;
    if (!cells->key_limit || !cells->has_key)
        return;
    uint64_t bytes = key_bytes(cells);
    size_t left = bytes < cells->key_limit ? cells->key_limit - bytes : 0;
    size_t limit = budget->used_bytes + left;
    if (!budget->limit_bytes || limit < budget->limit_bytes)
        budget->limit_bytes = limit ? limit : 1; // 0 is no limit
}

void key_begin(struct cells *cells)
{
    cells->used_before = cells->budget.used_bytes;
    set_limit(cells);
}

void key_end(struct cells *cells)
{
    if (cells->entry)
        slot_of(cells->entry)->bytes = key_bytes(cells) & KEY_BYTES_MASK;
    cells->used_before = cells->budget.used_bytes;
    cells->budget.limit_bytes = cells->limit_bytes;
}

void cells_select(struct cells *cells, const struct table_key *key, int64_t time)
{
    cells->has_key = key != NULL;
    cells->entry = NULL;
    cells->in_timer = cells->took_key = false;
    if (key) {
        cells->key = *key;
        cells->entry = table_find(&cells->keys, key);
    }
    int64_t event = cells->progress[EVENT_TIME];
    if (time > cells->latest)
        cells->latest = time;
    cells->now[EVENT_TIME] = time > event ? time : event;
    cells->now[PROCESSING_TIME] = cells->progress[PROCESSING_TIME];
    key_begin(cells);
}

int need_key(struct cells *cells)
{
    if (cells->entry)
        return 0;
    // The table's growth is nobody's.
    size_t used = cells->budget.used_bytes;
    cells->budget.limit_bytes = cells->limit_bytes;
    int rc = table_take(&cells->keys, &cells->key, &cells->entry, &cells->took_key);
    cells->used_before += cells->budget.used_bytes - used;
    set_limit(cells);
    return rc;
}

static bool slot_empty(const struct cells *cells, const struct cells_slot *slot)
{
    if (slot->timer_count)
        return false;
    for (uint32_t i = 0; i < cells->count; i++)
        if (!cell_empty(cells, i, &slot->cells[i]))
            return false;
    return true;
}

void cells_remove_key(struct cells *cells, uint32_t number)
{
    const struct table_entry *entry = table_at(&cells->keys, number);
    if (slot_of(entry)->saved)
        cells_note_gone(cells, &entry->key);
    table_remove(&cells->keys, number);
    if (number == cells->keys.count)
        return;
    struct timer *timer = slot_of(table_at(&cells->keys, number))->timers;
    for (; timer; timer = timer->next)
        timer->entry = number;
}

// -- done and undone --

struct gone { // an entry of a map that is to be removed
    union cell *cell;
    uint32_t number;
};

static int gone_order(const void *a, const void *b)
{
    const struct gone *x = a, *y = b;
    if (x->cell != y->cell)
        return x->cell < y->cell ? -1 : 1;
    return (x->number < y->number) - (x->number > y->number); // the last first
}

static bool is_gone(const struct cells *cells, const struct cell_undo *undo)
{
    const union cell *cell = undo->kind == UNDO_ENTRY ? cell_of(cells, undo->spec) : NULL;
    return cell && cell->map && undo->number < cell->map->table.count &&
           map_item(cell->map, undo->number)->value.type == VALUE_UNSET;
}

// The entries are removed from the last one on, so that what takes a number is none of them.
static void remove_gone(struct gone *gone, uint32_t count)
{
    if (count > 1)
        qsort(gone, count, sizeof *gone, gone_order);
    for (uint32_t i = 0; i < count; i++) {
        bool again =
            i > 0 && gone[i].cell == gone[i - 1].cell && gone[i].number == gone[i - 1].number;
        if (!again)
            table_remove(&gone[i].cell->map->table, gone[i].number);
    }
}

// The log of undoing itself serves as memory for what is gone: its entries are larger.
static void finish(struct cells *cells)
{
    _Static_assert(sizeof(struct gone) <= sizeof(struct cell_undo), "gone entries replace the log");
    struct gone *gone = (struct gone *)(void *)cells->undo;
    uint32_t count = 0;
    for (uint32_t i = 0; i < cells->undo_count; i++) {
        struct cell_undo undo = cells->undo[i];
        if (is_gone(cells, &undo))
            gone[count++] = (struct gone){cell_of(cells, undo.spec), undo.number};
    }
    cells->undo_count = 0;
    remove_gone(gone, count);
    if (!cells->entry || !slot_empty(cells, slot_of(cells->entry)))
        return;
    struct cells_slot *slot = slot_of(cells->entry);
    for (uint32_t i = 0; i < cells->count; i++)
        cell_free(cells, i, &slot->cells[i]); // maps and lists without anything in them
    cells_remove_key(cells, table_number(&cells->keys, cells->entry));
    cells->entry = NULL;
}

static void forget(struct cells *cells, struct cell_undo *undo)
{
    switch ((enum undo_kind)undo->kind) {
    case UNDO_ITEM:
    case UNDO_ENTRY:
        item_release(cells, &undo->old.value);
        break;
    case UNDO_CELL:
        cell_free(cells, undo->spec, &undo->cell);
        break;
    case UNDO_TIMER_GONE:
        if (!undo->timer->spent)
            timer_free(cells, undo->timer);
        break;
    case UNDO_APPEND:
    case UNDO_TIMER_NEW:
    case UNDO_TIMER_MOVED:
        break;
    }
}

void cells_done(struct cells *cells)
{
    if (cells->undo_count || cells->took_key) {
        for (uint32_t i = 0; i < cells->undo_count; i++)
            forget(cells, &cells->undo[i]);
        finish(cells);
        if (cells->entry && cells->keys.dirty)
            table_touch(&cells->keys, table_number(&cells->keys, cells->entry));
    }
    key_end(cells);
}

static void put_back_item(struct cells *cells, struct cell_item *item, const struct cell_item *old)
{
    item_release(cells, &item->value);
    *item = *old;
}

static void put_back_timer(struct cells *cells, const struct cell_undo *undo)
{
    struct timer *timer = undo->timer;
    if (undo->kind == UNDO_TIMER_GONE) {
        if (!timer->spent)
            timer_link(cells, timer);
        timer->spent = false;
        timer_enter(cells, timer);
        return;
    }
    if (undo->kind == UNDO_TIMER_MOVED) {
        timer_place(cells, timer, undo->at, undo->order);
        timer->depth = undo->depth;
        return;
    }
    due_drop(&cells->timers[timer->time], &timer->due);
    timer_unlink(cells, timer);
    timer_free(cells, timer);
}

static void put_back(struct cells *cells, struct cell_undo *undo)
{
    union cell *cell = undo->kind < UNDO_TIMER_NEW ? cell_of(cells, undo->spec) : NULL;
    switch ((enum undo_kind)undo->kind) {
    case UNDO_ITEM:
        put_back_item(cells, &cell->item, &undo->old);
        break;
    case UNDO_ENTRY:
        put_back_item(cells, map_item(cell->map, undo->number), &undo->old);
        break;
    case UNDO_APPEND:
        item_release(cells, &cell->list->items[--cell->list->count].value);
        break;
    case UNDO_CELL:
        cell_free(cells, undo->spec, cell);
        *cell = undo->cell;
        break;
    case UNDO_TIMER_NEW:
    case UNDO_TIMER_MOVED:
    case UNDO_TIMER_GONE:
        put_back_timer(cells, undo);
        break;
    }
}

void cells_undo(struct cells *cells)
{
    for (uint32_t i = cells->undo_count; i-- > 0;)
        put_back(cells, &cells->undo[i]);
    finish(cells);
    key_end(cells);
}

struct cell_undo *undo_room(struct cells *cells)
{
    if (mem_grow(&cells->undo, &cells->undo_cap, (size_t)cells->undo_count + 1,
                 sizeof *cells->undo))
        return NULL;
    struct cell_undo *undo = &cells->undo[cells->undo_count];
    *undo = (struct cell_undo){0};
    return undo;
}

// -- what errors say --

int cells_key_json(const struct cells *cells, struct buf *out)
{
    struct value fields[KEY_FIELDS_MAX];
    uint32_t len;
    const char *bytes = table_key_bytes(&cells->key, &len);
    int count = key_decode(bytes, len, fields, KEY_FIELDS_MAX);
    int rc = count < 0 ? count : count == 1 ? 0 : buf_putc(out, '[');
    for (int i = 0; i < count && !rc; i++) {
        if (i > 0)
            rc = buf_putc(out, ',');
        if (!rc)
            rc = fields[i].type == VALUE_ABSENT ? buf_puts(out, "null")
                                                : json_write_value(fields[i], out, NULL);
    }
    return rc ? rc : count == 1 ? 0 : buf_putc(out, ']');
}

int cells_explain(const struct cells *cells, uint32_t spec, int rc, struct error *err)
{
    struct buf key;
    buf_init(&key, KEY_JSON_MAX);
    if (cells->has_key)
        (void)cells_key_json(cells, &key); // as much as there is memory for
    const char *name = spec < cells->count ? cells->specs[spec].name : "(timers)";
    const char *of = cells->has_key ? " of key " : "";
    bool of_key = cells->key_limit && cells->budget.limit_bytes != cells->limit_bytes;
    if (rc == ERR_LIMIT && of_key)
        error_set(err, rc,
                  "state '%s'%s%.*s: the key has reached its limit of %zu bytes; raise `limits: "
                  "{ key: … }`",
                  name, of, KEY_SHOWN, buf_cstr(&key), cells->key_limit);
    else if (rc == ERR_LIMIT)
        error_set(err, rc,
                  "state '%s'%s%.*s: the state has reached its limit of %zu bytes; raise `limits: "
                  "{ state: … }`",
                  name, of, KEY_SHOWN, buf_cstr(&key), cells->limit_bytes);
    else if (rc == ERR_NOMEM)
        error_nomem(err);
    buf_deinit(&key);
    return rc;
}
