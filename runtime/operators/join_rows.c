// SPDX-License-Identifier: MIT
#include "operators/join.h"
#include "base/alloc.h"
#include <string.h>

// Rows and lists of them. Everything is taken from the budget first.

enum { ROWS_FIRST = 4 };

// -- one row --

static int make(struct join *join, size_t len, struct join_row **out)
{
    size_t size = sizeof **out + len;
    int rc = budget_take(join->budget, size);
    if (rc)
        return rc;
    *out = mem_alloc(size);
    if (!*out) {
        budget_give(join->budget, size);
        return ERR_NOMEM;
    }
    **out = (struct join_row){.len = (uint32_t)len};
    return 0;
}

int row_make(struct join *join, struct batch *batch, struct record *record, struct join_row **out,
             struct error *err)
{
    bool tombstone = record->flags & RECORD_TOMBSTONE;
    buf_clear(&join->text);
    int rc = tombstone ? 0 : json_write(batch, record, &join->text, err);
    if (rc)
        return rc;
    rc = make(join, join->text.len, out);
    if (rc) {
        join_explain(join, rc, err);
        return rc;
    }
    struct join_row *row = *out;
    row->time = record->time;
    row->tombstone = tombstone;
    row->big_text = (record->flags & RECORD_BIG_TEXT) != 0;
    if (join->text.len)
        memcpy(row->json, join->text.data, join->text.len);
    return 0;
}

int row_copy(struct join *join, const struct join_row *row, struct join_row **out)
{
    int rc = make(join, row->len, out);
    if (rc)
        return rc;
    **out = *row;
    memcpy((*out)->json, row->json, row->len);
    return 0;
}

void row_free(struct join *join, struct join_row *row)
{
    if (!row)
        return;
    budget_give(join->budget, sizeof *row + row->len);
    mem_free(row);
}

// -- lists --

// Rows leave at the front: their room is used again once it is half of it.
int rows_room(struct join *join, struct join_rows *rows, uint32_t count)
{
    uint32_t held = rows->to - rows->from, cap = rows->cap ? rows->cap : ROWS_FIRST;
    if (rows->cap && count <= rows->cap - rows->to)
        return 0;
    if (rows->from && rows->from >= rows->cap / 2 && count <= rows->cap - held) {
        memmove(rows->items, rows->items + rows->from, held * sizeof *rows->items);
        rows->from = 0;
        rows->to = held;
        return 0;
    }
    while (cap - rows->to < count) {
        if (cap > UINT32_MAX / 4)
            return ERR_LIMIT;
        cap *= 2;
    }
    size_t extra = (cap - rows->cap) * sizeof *rows->items;
    int rc = budget_take(join->budget, extra);
    if (rc)
        return rc;
    struct join_row **items = mem_realloc(rows->items, cap * sizeof *items);
    if (!items) {
        budget_give(join->budget, extra);
        return ERR_NOMEM;
    }
    rows->items = items;
    rows->cap = cap;
    return 0;
}

void rows_append(struct join_rows *rows, struct join_row *row)
{
    rows->items[rows->to++] = row;
}

uint32_t rows_from(const struct join_rows *rows, int64_t time)
{
    uint32_t low = rows->from, high = rows->to;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (rows->items[middle]->time < time)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void rows_insert(struct join_rows *rows, struct join_row *row)
{
    uint32_t at = rows->to; // most come in order
    if (at > rows->from && rows->items[at - 1]->time > row->time)
        at = row->time == INT64_MAX ? rows->to : rows_from(rows, row->time + 1);
    memmove(rows->items + at + 1, rows->items + at, (rows->to - at) * sizeof *rows->items);
    rows->items[at] = row;
    rows->to++;
}

void rows_drop_first(struct join *join, struct join_rows *rows)
{
    row_free(join, rows->items[rows->from++]);
    if (rows_empty(rows))
        rows->from = rows->to = 0;
}

void rows_free(struct join *join, struct join_rows *rows)
{
    for (uint32_t i = rows->from; i < rows->to; i++)
        row_free(join, rows->items[i]);
    budget_give(join->budget, rows->cap * sizeof *rows->items);
    mem_free(rows->items);
    *rows = (struct join_rows){0};
}

// -- keys --

static struct join_key **slot_of(struct table_entry *entry)
{
    return (struct join_key **)(void *)entry->slot;
}

struct join_key *key_find(const struct join *join, const struct table_key *key)
{
    struct table_entry *entry = table_find(&join->keys_table, key);
    return entry ? *slot_of(entry) : NULL;
}

static int key_new(struct join *join, struct join_key **out)
{
    int rc = due_room(&join->heap);
    if (!rc)
        rc = budget_take(join->budget, sizeof **out);
    if (rc)
        return rc;
    *out = mem_zalloc(sizeof **out);
    if (*out)
        return 0;
    budget_give(join->budget, sizeof **out);
    return ERR_NOMEM;
}

static void key_free(struct join *join, struct join_key *key)
{
    rows_free(join, &key->rows[JOIN_LEFT]);
    rows_free(join, &key->rows[JOIN_RIGHT]);
    budget_give(join->budget, sizeof *key);
    mem_free(key);
}

int key_take(struct join *join, const struct table_key *key, struct join_key **out)
{
    struct table_entry *entry;
    bool made;
    *out = key_find(join, key);
    if (*out) {
        table_touch(&join->keys_table, (*out)->entry);
        return 0;
    }
    int rc = key_new(join, out);
    if (rc)
        return rc;
    rc = table_take(&join->keys_table, key, &entry, &made);
    if (rc) {
        key_free(join, *out);
        return rc;
    }
    *slot_of(entry) = *out;
    (*out)->entry = table_number(&join->keys_table, entry);
    (*out)->due.at = INT64_MAX;
    (*out)->due.order = (int64_t)key->hash;
    due_add(&join->heap, &(*out)->due);
    return 0;
}

// The key that takes the number over is told.
void key_drop(struct join *join, struct join_key *key)
{
    uint32_t number = key->entry;
    due_drop(&join->heap, &key->due);
    keys_note_gone(join, key);
    key_free(join, key);
    table_remove(&join->keys_table, number);
    if (number < join->keys_table.count)
        (*slot_of(table_at(&join->keys_table, number)))->entry = number;
}

void keys_free(struct join *join)
{
    for (uint32_t i = 0; i < join->keys_table.count; i++)
        key_free(join, *slot_of(table_at(&join->keys_table, i)));
    due_deinit(&join->heap);
    table_deinit(&join->keys_table);
}

void join_explain(const struct join *join, int rc, struct error *err)
{
    uint64_t keys = join->keys_table.count + keyed_entries(&join->keyed);
    if (rc == ERR_NOMEM)
        error_nomem(err);
    else if (rc == ERR_LIMIT)
        error_set(err, rc,
                  "the state has reached its limit of %zu bytes (%llu keys); raise "
                  "`limits: { state: ... }`",
                  join->budget->limit_bytes, (unsigned long long)keys);
}

int key_put_row(struct join *join, const struct table_key *key, enum join_side side,
                struct join_row *row, struct join_key **out)
{
    int rc = key_take(join, key, out);
    if (!rc)
        rc = rows_room(join, &(*out)->rows[side], 1);
    if (!rc)
        rows_insert(&(*out)->rows[side], row);
    return rc;
}
