// SPDX-License-Identifier: MIT
#include "operators/native.h"
#include "base/alloc.h"
#include "operators/keys.h"
#include "time/watermark.h"

enum { KEY_BYTES_MAX = 1 << 20 };

int native_init(struct native *native, const struct operator_spec *spec, const char *time,
                size_t key_bytes, struct error *err)
{
    native->clock = spec->clock;
    native->progress = WATERMARK_NONE;
    native->key_bytes = key_bytes;
    native->processing = time && strcmp(time, "processing") == 0;
    native->budget.limit_bytes = (size_t)setting_int(spec->node->common, "limits.state", 0);
    table_init(&native->table, sizeof(void *), &native->budget);
    buf_init(&native->key, KEY_BYTES_MAX);
    if (!native->processing && time && !spec->has_event_time)
        return error_set(err, ERR_INPUT,
                         "the records have no event time: give their sources `event_time:`, or "
                         "this node `time: processing`");
    const struct tide_config *key_by = setting_at(spec->node->options, "key_by");
    if (!key_by)
        return 0; // all records have the same key
    return keys_compile(native->keys, &native->key_count, key_by, "key_by", err);
}

void native_deinit(struct native *native)
{
    for (uint32_t i = 0; i < native->table.count; i++) {
        void *key = native_at(native, i);
        if (native->key_free)
            native->key_free(native, key);
        mem_free(key);
    }
    table_deinit(&native->table);
    due_deinit(&native->due);
    for (uint32_t i = 0; i < native->key_count; i++)
        path_deinit(&native->keys[i]);
    buf_deinit(&native->key);
    image_deinit(&native->gone);
}

// -- records --

int native_read_key(struct native *native, struct batch *batch, struct record *record,
                    struct table_key *key, struct error *err)
{
    buf_clear(&native->key);
    for (uint32_t i = 0; i < native->key_count; i++) {
        struct path *path = &native->keys[i];
        int rc = key_add(path, path_read(batch, record, path), "key_by", &native->key, err);
        if (rc)
            return rc;
    }
    table_key_set(key, native->key.len ? native->key.data : "", (uint32_t)native->key.len);
    return 0;
}

int native_read_time(const struct native *native, const struct record *record, int64_t *time,
                     struct error *err)
{
    *time = native->processing ? native->progress : record->time;
    return *time == TIME_NONE ? error_set(err, ERR_DATA, "the record has no event time") : 0;
}

int native_explain(const struct native *native, int rc, struct error *err)
{
    if (rc == ERR_NOMEM)
        return error_nomem(err);
    if (rc == ERR_LIMIT)
        error_set(err, rc,
                  "the state has reached its limit of %zu bytes (%u keys); raise `limits: { state: "
                  "... }`",
                  native->budget.limit_bytes, native->table.count);
    return rc;
}

// -- keys --

void *native_find(const struct native *native, const struct table_key *key)
{
    struct table_entry *entry = table_find(&native->table, key);
    return entry ? *(void **)(void *)entry->slot : NULL;
}

static int make_key(struct native *native, struct native_key **out)
{
    int rc = budget_take(&native->budget, native->key_bytes);
    if (rc)
        return rc;
    *out = mem_zalloc(native->key_bytes);
    if (*out && due_room(&native->due) == 0)
        return 0;
    mem_free(*out);
    budget_give(&native->budget, native->key_bytes);
    return ERR_NOMEM;
}

int native_take(struct native *native, const struct table_key *key, void **out, bool *made)
{
    *out = native_find(native, key);
    *made = !*out;
    if (*out) {
        table_touch(&native->table, ((struct native_key *)*out)->entry);
        return 0;
    }
    struct native_key *block;
    struct table_entry *entry;
    int rc = make_key(native, &block);
    if (rc)
        return rc;
    rc = table_take(&native->table, key, &entry, made);
    if (rc) {
        mem_free(block);
        budget_give(&native->budget, native->key_bytes);
        return rc;
    }
    *(struct native_key **)(void *)entry->slot = block;
    block->entry = native->table.count - 1;
    block->due.at = INT64_MAX;
    due_add(&native->due, &block->due);
    *out = block;
    return 0;
}

void native_move(struct native *native, void *key, int64_t due)
{
    struct native_key *block = key;
    table_touch(&native->table, block->entry);
    due_move(&native->due, &block->due, due);
}

void native_drop(struct native *native, void *key)
{
    struct native_key *block = key;
    uint32_t number = block->entry, last = native->table.count - 1, len;
    if (block->saved) {
        const char *bytes = native_key_bytes(native, key, &len);
        image_gone(&native->gone, native->section, bytes, len);
    }
    if (native->key_free)
        native->key_free(native, key);
    due_drop(&native->due, &block->due);
    if (number != last)
        ((struct native_key *)native_at(native, last))->entry = number;
    table_remove(&native->table, number);
    mem_free(block);
    budget_give(&native->budget, native->key_bytes);
}

void native_forget(struct native *native)
{
    struct native_key *first = native_first(native);
    for (; first && first->due.at <= native->progress; first = native_first(native))
        native_drop(native, first);
}

// -- as bytes --

void native_save_progress(const struct native *native, struct image *image)
{
    image_i64(image, native->progress);
    image_end(image, SECTION_PROGRESS, NULL, 0);
}

static int save(struct op *op, struct image *image)
{
    const struct native *native = (const struct native *)op;
    native_save_progress(native, image);
    for (uint32_t i = 0; i < native->table.count; i++)
        native->save_key(native, native_at(native, i), image);
    return image->rc;
}

static int track(struct op *op)
{
    struct native *native = (struct native *)op;
    image_collect(&native->gone);
    for (uint32_t i = 0; i < native->table.count; i++)
        ((struct native_key *)native_at(native, i))->saved = true;
    return table_track(&native->table);
}

static int save_changes(struct op *op, struct image *image)
{
    struct native *native = (struct native *)op;
    image_whole(image, SECTION_PROGRESS);
    native_save_progress(native, image);
    image_add(image, &native->gone);
    image_collect(&native->gone);
    for (uint32_t i = 0; table_next_dirty(&native->table, &i); i++) {
        struct native_key *key = native_at(native, i);
        native->save_key(native, key, image);
        key->saved = true;
    }
    return image->rc ? image->rc : table_track(&native->table);
}

void native_saves(struct native *native, uint32_t section,
                  void (*save_key)(const struct native *native, const void *key,
                                   struct image *image))
{
    native->section = section;
    native->save_key = save_key;
    native->op.save = save;
    native->op.track = track;
    native->op.save_changes = save_changes;
}

int native_load_progress(struct native *native, struct image_entry *entry, struct error *err)
{
    if (entry->section != SECTION_PROGRESS)
        return 0;
    int64_t progress = entry_i64(entry);
    // Of several lanes the one that was furthest behind: nothing that is kept becomes late.
    if (!native->loaded || progress < native->progress)
        native->progress = progress;
    native->loaded = true;
    int rc = entry_done(entry, err);
    return rc ? rc : 1;
}

int native_load_key(const struct native *native, const struct image_entry *entry, uint32_t section,
                    struct table_key *key, const char *type, struct error *err)
{
    struct value fields[KEY_FIELDS_MAX];
    if (!entry->key || entry->section != section ||
        key_decode(entry->key, entry->key_len, fields, KEY_FIELDS_MAX) != (int)native->key_count)
        return error_set(err, ERR_CORRUPT, "this is no state of a %s", type);
    table_key_set(key, entry->key, entry->key_len);
    return 0;
}

void native_measure(const struct op *op, struct operator_state *out)
{
    const struct native *native = (const struct native *)op;
    *out = (struct operator_state){.bytes = native->budget.used_bytes, .keys = native->table.count};
}
