// SPDX-License-Identifier: MIT
#include "record/batch.h"
#include "base/error.h"
#include "record/node.h"

struct record *batch_share(struct batch *batch, struct record *record)
{
    if (batch->count == batch->cap)
        return NULL;
    if (record->cells)
        record->flags |= RECORD_SHARED_CELLS;
    struct record *copy = &batch->records[batch->count++];
    *copy = *record;
    return copy;
}

static int clone_raw(struct batch *batch, struct record *copy, const struct record *record)
{
    if (record->raw) {
        // With the pad, so that the copy can be read again by the fast paths.
        char *raw = arena_alloc(&batch->arena, record->raw_len + CHUNK_PAD, 1);
        if (!raw)
            return ERR_NOMEM;
        memcpy(raw, record->raw, record->raw_len);
        memset(raw + record->raw_len, 0, CHUNK_PAD);
        copy->raw = raw;
    }
    if (record->wire) {
        struct span *spans = ARENA_ARRAY(&batch->arena, struct span, record->wire);
        if (!spans)
            return ERR_NOMEM;
        memcpy(spans, record->spans, record->wire * sizeof *spans);
        copy->spans = spans;
    }
    return 0;
}

static int clone_cells(struct batch *batch, struct record *copy, const struct record *record)
{
    if (!record->cells)
        return 0;
    uint32_t count = record->shape->count;
    copy->cells = ARENA_ARRAY(&batch->arena, struct value, count ? count : 1);
    if (!copy->cells)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < count; i++) {
        int code = value_copy(batch, record->cells[i], &copy->cells[i]);
        if (code)
            return code;
    }
    copy->cell_cap = (uint16_t)count;
    copy->flags &= (uint16_t)~RECORD_SHARED_CELLS;
    return 0;
}

static int clone_headers(struct batch *batch, struct record_meta *copy,
                         const struct record_meta *meta)
{
    struct header *headers = ARENA_ARRAY(&batch->arena, struct header, meta->header_count);
    if (!headers)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < meta->header_count; i++) {
        const struct header *from = &meta->headers[i];
        headers[i].len = from->len;
        headers[i].name = batch_copy(batch, from->name, strlen(from->name) + 1);
        headers[i].bytes = from->bytes ? batch_copy(batch, from->bytes, from->len) : NULL;
        if (!headers[i].name || (from->bytes && !headers[i].bytes))
            return ERR_NOMEM;
    }
    copy->headers = headers;
    return 0;
}

static int clone_meta(struct batch *batch, struct record *copy, const struct record *record)
{
    if (!record->meta)
        return 0;
    struct record_meta *meta = ARENA_NEW(&batch->arena, struct record_meta);
    if (!meta)
        return ERR_NOMEM;
    *meta = *record->meta;
    copy->meta = meta;
    if (meta->key) {
        meta->key = batch_copy(batch, meta->key, meta->key_len);
        if (!meta->key)
            return ERR_NOMEM;
    }
    return meta->header_count ? clone_headers(batch, meta, record->meta) : 0;
}

static int clone_shape(struct batch *batch, struct record *copy, const struct record *record)
{
    if (record->shape->flags & SHAPE_INTERNED)
        return 0;
    copy->shape =
        shape_intern(batch->shapes, &batch->arena, record->shape->names, record->shape->count);
    return copy->shape ? 0 : ERR_NOMEM;
}

struct record *batch_clone(struct batch *batch, struct batch *from, struct record *record)
{
    (void)from;
    if (batch->count == batch->cap)
        return NULL;
    struct record *copy = &batch->records[batch->count];
    *copy = *record;
    if (clone_shape(batch, copy, record) || clone_raw(batch, copy, record) ||
        clone_cells(batch, copy, record) || clone_meta(batch, copy, record))
        return NULL;
    batch->count++;
    return copy;
}
