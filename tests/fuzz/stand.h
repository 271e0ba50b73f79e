// SPDX-License-Identifier: MIT
#pragma once
#include "fuzz/fuzz.h"
#include "record/codec.h"
#include "record/json.h"
#include <jansson.h>
#include <string.h>

// What targets need that read records: shapes, a batch, and texts in heap blocks of their own size,
// so that AddressSanitizer sees a read beyond them. The same for each run: made and freed by it.

enum { STAND_TEXTS = 600 };

struct stand {
    struct shape_table *shapes;
    struct batch_pool *pool;
    struct batch *batch;
    struct buf out;
    struct error err;
    char *texts[STAND_TEXTS];
    size_t text_count;
};

static inline void stand_open(struct stand *stand)
{
    stand->text_count = 0;
    stand->shapes = shape_table_new();
    stand->pool = stand->shapes ? batch_pool_new(stand->shapes) : NULL;
    stand->batch = stand->pool ? batch_new(stand->pool) : NULL;
    PROMISE(stand->batch != NULL);
    buf_init(&stand->out, 64 << 20);
    error_clear(&stand->err);
}

static inline void stand_close(struct stand *stand)
{
    batch_unref(stand->batch);
    batch_pool_free(stand->pool);
    shape_table_free(stand->shapes);
    buf_deinit(&stand->out);
    while (stand->text_count)
        free(stand->texts[--stand->text_count]);
}

static inline const char *stand_text(struct stand *stand, const void *bytes, size_t len, size_t pad)
{
    PROMISE(stand->text_count < STAND_TEXTS);
    char *copy = malloc(len + pad + (len + pad == 0));
    PROMISE(copy != NULL);
    if (len)
        memcpy(copy, bytes, len);
    memset(copy + len, '7', pad); // goes on as a number would: it must not be seen
    stand->texts[stand->text_count++] = copy;
    return copy;
}

static inline struct record *stand_record(struct stand *stand)
{
    struct record *record = batch_add(stand->batch);
    PROMISE(record != NULL);
    return record;
}

// As JSON, in stand->out: NUL-terminated, until the next call.
static inline const char *stand_json(struct stand *stand, const struct record *record)
{
    buf_clear(&stand->out);
    int code = json_write(stand->batch, record, &stand->out, &stand->err);
    PROMISE_OF(code == 0, stand->err.text);
    return buf_cstr(&stand->out);
}

// What was written must be JSON to others too. Their tree.
static inline json_t *stand_their_tree(const char *text, size_t len)
{
    json_error_t error;
    json_t *tree =
        json_loadb(text, len, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &error);
    bool nul_key = !tree && json_error_code(&error) == json_error_null_byte_in_key;
    PROMISE_OF(tree || nul_key, text);
    return tree;
}

// Decodes: the record as JSON, '!' and the error, or "" for what is no record; until the next call.
static inline const char *stand_decode(struct stand *stand, struct decoder *decoder,
                                       const void *bytes, size_t len, size_t pad)
{
    const char *copy = stand_text(stand, bytes, len, pad);
    struct record *record = stand_record(stand);
    error_clear(&stand->err);
    int code = decoder->decode(decoder, stand->batch, copy, len, pad, record, &stand->err);
    if (code == DECODE_NOTHING)
        return "";
    if (!code)
        return stand_json(stand, record);
    PROMISE(code < 0 && stand->err.code == code && stand->err.len > 0);
    PROMISE(record->raw == copy && record->wire == 0 && record->cells == NULL);
    buf_clear(&stand->out);
    PROMISE(buf_printf(&stand->out, "!%s", stand->err.text) == 0);
    return buf_cstr(&stand->out);
}
