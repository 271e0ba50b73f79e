// SPDX-License-Identifier: MIT
#include "operators/kept.h"
#include "base/alloc.h"

int keeper_init(struct keeper *keeper, struct native *native, struct shape_table *shapes,
                struct error *err)
{
    struct json_limits limits = {.depth = UINT32_MAX, .size = UINT32_MAX, .members = UINT32_MAX};
    keeper->native = native;
    buf_init(&keeper->text, UINT32_MAX);
    keeper->readers[0] = json_reader_new(shapes, &limits);
    limits.big_ints = BIG_INTS_STRING;
    keeper->readers[1] = json_reader_new(shapes, &limits);
    return keeper->readers[0] && keeper->readers[1] ? 0 : error_nomem(err);
}

void keeper_deinit(struct keeper *keeper)
{
    json_reader_free(keeper->readers[0]);
    json_reader_free(keeper->readers[1]);
    buf_deinit(&keeper->text);
}

// -- into a block --

// Headers into the text: name, NUL, length (4 bytes), bytes.
static int write_headers(struct keeper *keeper, const struct record_meta *meta)
{
    int rc = 0;
    for (uint32_t i = 0; !rc && i < meta->header_count; i++) {
        const struct header *header = &meta->headers[i];
        uint32_t len = header->bytes ? header->len : UINT32_MAX;
        rc = buf_append(&keeper->text, header->name, strlen(header->name) + 1);
        if (!rc)
            rc = buf_append(&keeper->text, &len, sizeof len);
        if (!rc && header->bytes)
            rc = buf_append(&keeper->text, header->bytes, header->len);
    }
    return rc;
}

// JSON, key, headers into the text; their lengths into `head`.
static int write_all(struct keeper *keeper, struct batch *batch, struct record *record,
                     struct kept *head, struct error *err)
{
    const struct record_meta *meta = record->meta;
    struct buf *text = &keeper->text;
    buf_clear(text);
    int rc = record->flags & RECORD_TOMBSTONE ? 0 : json_write(batch, record, text, err);
    head->json_len = (uint32_t)text->len;
    if (rc || !meta)
        return rc;
    head->split_name = meta->split;
    head->topic_len = meta->topic_len;
    head->has_key = meta->key != NULL;
    if (meta->key) {
        rc = buf_append(text, meta->key, meta->key_len);
        head->key_len = meta->key_len;
    }
    if (!rc)
        rc = write_headers(keeper, meta);
    head->headers = meta->header_count;
    head->header_bytes = (uint32_t)text->len - head->json_len - head->key_len;
    return rc;
}

static int make(struct keeper *keeper, const struct kept *head, const char *bytes, size_t len,
                struct kept **out)
{
    size_t size = sizeof **out + len;
    int rc = budget_take(&keeper->native->budget, size);
    if (rc)
        return rc;
    *out = mem_alloc(size);
    if (!*out) {
        budget_give(&keeper->native->budget, size);
        return ERR_NOMEM;
    }
    **out = *head;
    (*out)->refs = 1;
    if (len)
        memcpy((*out)->bytes, bytes, len);
    return 0;
}

int kept_new(struct keeper *keeper, struct batch *batch, struct record *record, struct kept **out,
             struct error *err)
{
    struct kept head = {.split = record->split,
                        .time = record->time,
                        .offset = record->offset,
                        .node = record->node,
                        .flags =
                            record->flags & (RECORD_TOMBSTONE | RECORD_RETRACT | RECORD_BIG_TEXT)};
    int rc = write_all(keeper, batch, record, &head, err);
    return rc ? rc : make(keeper, &head, keeper->text.data, keeper->text.len, out);
}

void kept_unref(struct keeper *keeper, struct kept *kept)
{
    if (!kept || --kept->refs > 0)
        return;
    size_t len = (size_t)kept->json_len + kept->key_len + kept->header_bytes;
    budget_give(&keeper->native->budget, sizeof *kept + len);
    mem_free(kept);
}

// -- and out of it --

static const struct header *put_headers(const struct kept *kept, struct batch *out)
{
    const char *at = kept->bytes + kept->json_len + kept->key_len;
    struct header *headers = ARENA_ARRAY(&out->arena, struct header, kept->headers);
    at = headers ? batch_copy(out, at, kept->header_bytes) : NULL;
    for (uint32_t i = 0; at && i < kept->headers; i++) {
        headers[i].name = at;
        at += strlen(at) + 1;
        memcpy(&headers[i].len, at, sizeof headers[i].len);
        at += sizeof headers[i].len;
        bool none = headers[i].len == UINT32_MAX;
        headers[i].bytes = none ? NULL : at;
        headers[i].len = none ? 0 : headers[i].len;
        at += headers[i].len;
    }
    return at ? headers : NULL;
}

static int put_meta(const struct kept *kept, struct batch *out, struct record *record)
{
    if (!kept->has_key && !kept->headers && !kept->split_name)
        return 0;
    struct record_meta *meta = ARENA_NEW(&out->arena, struct record_meta);
    if (!meta)
        return ERR_NOMEM;
    *meta = (struct record_meta){.split = kept->split_name, .topic_len = kept->topic_len};
    if (kept->has_key) {
        meta->key = batch_copy(out, kept->bytes + kept->json_len, kept->key_len);
        meta->key_len = kept->key_len;
    }
    if (kept->headers)
        meta->headers = put_headers(kept, out);
    meta->header_count = kept->headers;
    record->meta = meta;
    return (kept->has_key && !meta->key) || (kept->headers && !meta->headers) ? ERR_NOMEM : 0;
}

static int put_json(struct keeper *keeper, const struct kept *kept, struct batch *out,
                    struct record *record)
{
    if (kept->flags & RECORD_TOMBSTONE)
        return 0;
    char *text = arena_alloc(&out->arena, kept->json_len + CHUNK_PAD, 1);
    if (!text)
        return ERR_NOMEM;
    memcpy(text, kept->bytes, kept->json_len);
    memset(text + kept->json_len, 0, CHUNK_PAD);
    int rc = json_read(keeper->readers[(kept->flags & RECORD_BIG_TEXT) != 0], out, text,
                       kept->json_len, CHUNK_PAD, record, NULL);
    return rc == ERR_NOMEM ? rc : 0; // it was written here: it can be read
}

struct record *kept_put(struct keeper *keeper, const struct kept *kept, struct batch *out)
{
    uint32_t count = out->count;
    struct record *record = batch_add(out);
    if (!record)
        return NULL;
    record->flags |= kept->flags;
    record->time = kept->time;
    record->offset = kept->offset;
    record->split = kept->split;
    record->node = kept->node;
    if (!put_json(keeper, kept, out, record) && !put_meta(kept, out, record))
        return record;
    out->count = count;
    return NULL;
}

// -- as bytes --

void kept_save(struct image *image, const struct kept *kept)
{
    image_i64(image, kept->time);
    image_i64(image, kept->offset);
    image_u64(image, kept->split);
    image_u64(image, kept->node);
    image_u64(image, kept->flags);
    image_u64(image, kept->has_key);
    image_u64(image, kept->headers);
    image_bytes(image, kept->bytes, kept->json_len);
    image_bytes(image, kept->bytes + kept->json_len, kept->key_len);
    image_bytes(image, kept->bytes + kept->json_len + kept->key_len, kept->header_bytes);
}

// So many headers, and nothing else.
static bool headers_whole(const char *at, size_t len, uint64_t count)
{
    for (const char *end = at + len; count > 0; count--) {
        const char *nul = at < end ? memchr(at, 0, (size_t)(end - at)) : NULL;
        uint32_t bytes;
        if (!nul || (size_t)(end - nul) < 1 + sizeof bytes)
            return false;
        memcpy(&bytes, nul + 1, sizeof bytes);
        at = nul + 1 + sizeof bytes;
        bytes = bytes == UINT32_MAX ? 0 : bytes;
        if (bytes > (size_t)(end - at))
            return false;
        at += bytes;
        len = (size_t)(end - at);
    }
    return len == 0;
}

int kept_load(struct keeper *keeper, struct image_entry *entry, struct kept **out)
{
    struct kept head = {0};
    const char *parts[3];
    size_t lens[3];
    *out = NULL;
    head.time = entry_i64(entry);
    head.offset = entry_i64(entry);
    head.split = (uint32_t)entry_u64(entry);
    head.node = (uint16_t)entry_u64(entry);
    head.flags = (uint16_t)entry_u64(entry) & (RECORD_TOMBSTONE | RECORD_RETRACT | RECORD_BIG_TEXT);
    head.has_key = entry_u64(entry) != 0;
    head.headers = (uint32_t)entry_u64(entry);
    for (int i = 0; i < 3; i++)
        parts[i] = entry_bytes(entry, &lens[i]);
    if (entry->bad || lens[0] > UINT32_MAX / 4 || lens[1] > UINT32_MAX / 4 ||
        lens[2] > UINT32_MAX / 4 || !headers_whole(parts[2], lens[2], head.headers)) {
        entry->bad = true;
        return 0;
    }
    head.json_len = (uint32_t)lens[0];
    head.key_len = (uint32_t)lens[1];
    head.header_bytes = (uint32_t)lens[2];
    buf_clear(&keeper->text);
    for (int i = 0; i < 3; i++)
        if (buf_append(&keeper->text, parts[i] ? parts[i] : "", lens[i]))
            return ERR_NOMEM;
    return make(keeper, &head, keeper->text.data, keeper->text.len, out);
}
