// SPDX-License-Identifier: MIT
#include "operators/buffer.h"
#include "base/alloc.h"

static size_t size_of(uint32_t key_len)
{
    return sizeof(struct buffered) + key_len;
}

void buffer_deinit(struct buffer *buffer)
{
    while (buffer->heap.count)
        buffer_drop(buffer, (struct buffered *)(void *)due_first(&buffer->heap));
    due_deinit(&buffer->heap);
}

// Takes the caller's reference, also when it fails.
static int put(struct buffer *buffer, const struct table_key *key, struct kept *kept, uint64_t mask,
               int64_t order)
{
    struct state_budget *budget = &buffer->keeper->native->budget;
    uint32_t len;
    const char *bytes = table_key_bytes(key, &len);
    struct buffered *item = NULL;
    int rc = budget_take(budget, size_of(len));
    if (!rc) {
        item = mem_alloc(size_of(len));
        if (!item || due_room(&buffer->heap)) {
            mem_free(item);
            budget_give(budget, size_of(len));
            rc = ERR_NOMEM;
        }
    }
    if (rc) {
        kept_unref(buffer->keeper, kept);
        return rc;
    }
    *item = (struct buffered){
        .due = {.at = kept->time, .order = order}, .kept = kept, .mask = mask, .key_len = len};
    memcpy(item->key, bytes, len);
    due_add(&buffer->heap, &item->due);
    return 0;
}

int buffer_add(struct buffer *buffer, const struct table_key *key, struct batch *batch,
               struct record *record, uint64_t mask, struct error *err)
{
    struct kept *kept;
    int rc = kept_new(buffer->keeper, batch, record, &kept, err);
    return rc ? rc : put(buffer, key, kept, mask, buffer->arrivals++);
}

void buffer_drop(struct buffer *buffer, struct buffered *item)
{
    due_drop(&buffer->heap, &item->due);
    kept_unref(buffer->keeper, item->kept);
    budget_give(&buffer->keeper->native->budget, size_of(item->key_len));
    mem_free(item);
}

void buffer_save(const struct buffer *buffer, struct image *image, uint32_t section)
{
    for (uint32_t i = 0; i < buffer->heap.count; i++) {
        const struct buffered *item = (const void *)buffer->heap.items[i];
        image_i64(image, item->due.order);
        image_u64(image, item->mask);
        kept_save(image, item->kept);
        image_end(image, section, item->key, item->key_len);
    }
}

int buffer_load(struct buffer *buffer, struct image_entry *entry, struct error *err)
{
    struct kept *kept;
    struct table_key key;
    int64_t order = entry_i64(entry);
    uint64_t mask = entry_u64(entry);
    int rc = kept_load(buffer->keeper, entry, &kept);
    if (!rc && entry_done(entry, err)) {
        kept_unref(buffer->keeper, kept);
        return ERR_CORRUPT;
    }
    if (!rc) {
        table_key_set(&key, entry->key, entry->key_len);
        rc = put(buffer, &key, kept, mask, order);
    }
    if (rc)
        return native_explain(buffer->keeper->native, rc, err);
    if (order >= buffer->arrivals)
        buffer->arrivals = order < INT64_MAX ? order + 1 : order;
    return 0;
}
