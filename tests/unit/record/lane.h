// SPDX-License-Identifier: MIT
#pragma once
#include "record/batch.h"
#include "record/json.h"
#include "record/json_reader.h"
#include <CUnit/CUnit.h>
#include <stdlib.h>

// What every test of this folder needs: shapes, a pool, a batch and a reader. `lane_read` puts the
// text into its own heap block: with `pad` bytes behind it, so that AddressSanitizer sees a read
// beyond them.

enum { LANE_TEXTS = 2048 };

struct lane {
    struct shape_table *shapes;
    struct batch_pool *pool;
    struct batch *batch;
    struct json_reader *reader;
    struct buf out;
    struct error err;
    char *texts[LANE_TEXTS];
    size_t text_count;
};

static inline void lane_init(struct lane *lane)
{
    memset(lane, 0, sizeof *lane);
    lane->shapes = shape_table_new();
    CU_ASSERT_FATAL(lane->shapes != NULL);
    lane->pool = batch_pool_new(lane->shapes);
    CU_ASSERT_FATAL(lane->pool != NULL);
    lane->batch = batch_new(lane->pool);
    lane->reader = json_reader_new(lane->shapes, NULL);
    CU_ASSERT_FATAL(lane->batch != NULL && lane->reader != NULL);
    buf_init(&lane->out, 64 << 20);
}

static inline void lane_forget_texts(struct lane *lane)
{
    while (lane->text_count)
        free(lane->texts[--lane->text_count]);
}

static inline void lane_new_batch(struct lane *lane)
{
    batch_unref(lane->batch);
    lane_forget_texts(lane);
    lane->batch = batch_new(lane->pool);
    CU_ASSERT_FATAL(lane->batch != NULL);
}

// Before texts and records that are compared: makes sure that none goes away in between.
static inline void lane_room(struct lane *lane, uint32_t records)
{
    if (lane->batch->count + records > lane->batch->cap || lane->text_count + records > LANE_TEXTS)
        lane_new_batch(lane);
}

static inline void lane_deinit(struct lane *lane)
{
    batch_unref(lane->batch);
    lane_forget_texts(lane);
    json_reader_free(lane->reader);
    batch_pool_free(lane->pool);
    shape_table_free(lane->shapes);
    buf_deinit(&lane->out);
}

static inline const char *lane_text(struct lane *lane, const char *text, size_t len, size_t pad)
{
    lane_room(lane, 1);
    char *copy = malloc(len + pad + (len + pad == 0));
    CU_ASSERT_FATAL(copy != NULL);
    memcpy(copy, text, len);
    memset(copy + len, '7', pad); // goes on as a number would: it must not be seen
    lane->texts[lane->text_count++] = copy;
    return copy;
}

// The code; *out is the record, also when it failed.
static inline int lane_read(struct lane *lane, const char *text, size_t len, size_t pad,
                            struct record **out)
{
    const char *copy = lane_text(lane, text, len, pad);
    *out = batch_add(lane->batch);
    CU_ASSERT_FATAL(*out != NULL);
    return json_read(lane->reader, lane->batch, copy, len, pad, *out, &lane->err);
}

// A record that must be readable.
static inline struct record *lane_record(struct lane *lane, const char *text)
{
    struct record *record;
    int code = lane_read(lane, text, strlen(text), CHUNK_PAD, &record);
    CU_ASSERT_EQUAL_FATAL(code, 0);
    return record;
}

// As JSON, NUL-terminated; valid until the next call.
static inline const char *lane_json(struct lane *lane, const struct record *record)
{
    buf_clear(&lane->out);
    int code = json_write(lane->batch, record, &lane->out, &lane->err);
    CU_ASSERT_EQUAL(code, 0);
    return code ? lane->err.text : buf_cstr(&lane->out);
}
