// SPDX-License-Identifier: MIT
#include "operators/join.h"
#include "base/alloc.h"
#include <string.h>

// What a join keeps, as an image (state/image.h):
//
//   META   how it joins (another one refuses it), progress, types of keys seen
//   ROW    of a key: side, window, time, flags, JSON text; in the order in which they are to be put

enum { JOIN_META, JOIN_ROW };
enum { TEXT_LIMIT = 1 << 16 };
enum { ROW_MATCHED = 1, ROW_BIG_TEXT = 2, ROW_TOMBSTONE = 4 };

static int describe(const struct join *join, struct buf *out)
{
    int rc = buf_puts(out, join->kind->name);
    for (enum join_side side = JOIN_LEFT; side < JOIN_SIDES; side++)
        for (uint32_t i = 0; i < join->key_count && !rc; i++)
            rc = buf_printf(out, "%s%s",
                            i                   ? ", "
                            : side == JOIN_LEFT ? " join on "
                                                : " = ",
                            join->keys[side][i].text);
    return rc;
}

void save_row(struct join *join, struct image *image, const struct table_key *key,
              enum join_side side, struct window window, const struct join_row *row)
{
    uint32_t len;
    const char *bytes = table_key_bytes(key, &len);
    (void)join;
    image_u64(image, side);
    image_i64(image, window.start);
    image_i64(image, window.end);
    image_i64(image, row->time);
    image_u64(image, (row->matched ? ROW_MATCHED : 0) | (row->big_text ? ROW_BIG_TEXT : 0) |
                         (row->tombstone ? ROW_TOMBSTONE : 0));
    image_bytes(image, row->json, row->len);
    image_end(image, JOIN_ROW, bytes, len);
}

static struct join_key *key_at(const struct join *join, uint32_t number)
{
    return *(struct join_key **)(void *)table_at(&join->keys_table, number)->slot;
}

// All rows of a key: they have one name.
static void save_rows(struct join *join, struct image *image, uint32_t number)
{
    const struct table_key *key = &table_at(&join->keys_table, number)->key;
    const struct join_key *rows = key_at(join, number);
    const struct window none = {0, 0};
    for (enum join_side side = JOIN_LEFT; side < JOIN_SIDES; side++)
        for (uint32_t k = rows->rows[side].from; k < rows->rows[side].to; k++)
            save_row(join, image, key, side, none, rows->rows[side].items[k]);
}

void keys_save(struct join *join, struct image *image)
{
    for (uint32_t i = 0; i < join->keys_table.count; i++)
        save_rows(join, image, i);
}

void keys_note_gone(struct join *join, const struct join_key *key)
{
    uint32_t len;
    const char *bytes = table_key_bytes(&table_at(&join->keys_table, key->entry)->key, &len);
    if (key->saved)
        image_gone(&join->gone, JOIN_ROW, bytes, len);
}

int join_track(struct op *op)
{
    struct join *join = (struct join *)op;
    image_collect(&join->gone);
    for (uint32_t i = 0; i < join->keys_table.count; i++)
        key_at(join, i)->saved = true;
    return table_track(&join->keys_table);
}

static int save_meta(struct join *join, struct image *image)
{
    buf_clear(&join->text);
    int rc = describe(join, &join->text);
    image_bytes(image, join->text.data, join->text.len);
    image_i64(image, join->progress);
    for (enum join_side side = JOIN_LEFT; side < JOIN_SIDES; side++)
        for (uint32_t i = 0; i < join->key_count; i++)
            image_u64(image, join->key_types[side][i]);
    image_end(image, JOIN_META, NULL, 0);
    return rc;
}

int join_save(struct op *op, struct image *image)
{
    struct join *join = (struct join *)op;
    int rc = save_meta(join, image);
    join->kind->save(join, image);
    return rc ? rc : image->rc;
}

int join_save_changes(struct op *op, struct image *image)
{
    struct join *join = (struct join *)op;
    image_whole(image, JOIN_META);
    int rc = save_meta(join, image);
    image_add(image, &join->gone);
    image_collect(&join->gone);
    for (uint32_t i = 0; table_next_dirty(&join->keys_table, &i); i++) {
        save_rows(join, image, i);
        key_at(join, i)->saved = true;
    }
    rc = rc ? rc : image->rc;
    return rc ? rc : table_track(&join->keys_table);
}

static int load_meta(struct join *join, struct image_entry *entry, struct error *err)
{
    size_t len;
    const char *saved = entry_bytes(entry, &len);
    buf_clear(&join->text);
    if (describe(join, &join->text))
        return error_nomem(err);
    if (len != join->text.len || (len && memcmp(saved, join->text.data, len) != 0))
        return error_set(err, ERR_REFUSED, "the state is of a %.*s; this is a %s", (int)len,
                         saved ? saved : "", buf_cstr(&join->text));
    int64_t progress = entry_i64(entry);
    for (enum join_side side = JOIN_LEFT; side < JOIN_SIDES; side++)
        for (uint32_t i = 0; i < join->key_count; i++)
            join->key_types[side][i] |= (uint32_t)entry_u64(entry);
    // Of several lanes the one that was furthest behind: nothing that is kept becomes late.
    if (!join->loaded || progress < join->progress)
        join->progress = progress;
    join->loaded = true;
    return entry_done(entry, err);
}

int row_load(struct join *join, struct image_entry *entry, struct join_row **out)
{
    struct join_row head = {.time = entry_i64(entry)};
    uint64_t flags = entry_u64(entry);
    size_t len;
    const char *json = entry_bytes(entry, &len);
    if (entry->bad || len > UINT32_MAX)
        return ERR_CORRUPT;
    head.matched = (flags & ROW_MATCHED) != 0;
    head.big_text = (flags & ROW_BIG_TEXT) != 0;
    head.tombstone = (flags & ROW_TOMBSTONE) != 0;
    head.len = (uint32_t)len;
    int rc = budget_take(join->budget, sizeof head + len);
    if (rc)
        return rc;
    *out = mem_alloc(sizeof head + len);
    if (!*out) {
        budget_give(join->budget, sizeof head + len);
        return ERR_NOMEM;
    }
    **out = head;
    if (len)
        memcpy((*out)->json, json, len);
    return 0;
}

int join_load(struct op *op, struct image_entry *entry, struct error *err)
{
    struct join *join = (struct join *)op;
    struct table_key key;
    struct join_row *row = NULL;
    if (entry->section == JOIN_META)
        return load_meta(join, entry, err);
    uint64_t side = entry_u64(entry);
    struct window window = {.start = entry_i64(entry)};
    window.end = entry_i64(entry);
    if (!entry->key || entry->section != JOIN_ROW || side >= JOIN_SIDES)
        return error_set(err, ERR_CORRUPT, "a join has no state of section %u", entry->section);
    int rc = row_load(join, entry, &row);
    if (rc == ERR_CORRUPT)
        return entry_done(entry, err);
    table_key_set(&key, entry->key, entry->key_len);
    if (!rc)
        rc = join->kind->load(join, &key, (enum join_side)side, window, row);
    if (!rc)
        return entry_done(entry, err);
    row_free(join, row);
    join_explain(join, rc, err);
    return rc;
}
