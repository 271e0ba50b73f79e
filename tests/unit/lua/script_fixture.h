// SPDX-License-Identifier: MIT
#pragma once
#include "lua/script.h"
#include "record/json.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A script over a batch of JSON lines, for the tests of this folder: what came out as JSON lines,
// the errors counted, the last one kept.

// Sanitizers make everything slower, also what runs between two looks at the clock.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { TEST_SLACK_MS = 400 };
#else
enum { TEST_SLACK_MS = 0 };
#endif

struct fixture {
    struct shape_table *shapes;
    struct batch_pool *pool;
    struct error err; // of loading, or of the last record that failed
    uint32_t failed, dropped;
    enum script_verdict on_failure;
    struct buf text;
    struct batch *batch;
    struct virtual_clock clock;
};

static inline void fixture_init(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    f->shapes = shape_table_new();
    CU_ASSERT_FATAL(f->shapes != NULL);
    f->pool = batch_pool_new(f->shapes);
    CU_ASSERT_FATAL(f->pool != NULL);
    buf_init(&f->text, 16u << 20);
    virtual_clock_init(&f->clock, 1700000000123);
}

static inline void fixture_deinit(struct fixture *f)
{
    batch_unref(f->batch);
    buf_deinit(&f->text);
    batch_pool_free(f->pool);
    shape_table_free(f->shapes);
}

static inline struct script_source fixture_source(struct fixture *f, const char *text)
{
    return (struct script_source){.name = "t.lua",
                                  .text = text,
                                  .text_len = text ? strlen(text) : 0,
                                  .clock = &f->clock.clock,
                                  .node = "node",
                                  .shapes = f->shapes,
                                  .limits = {.memory_bytes = 8u << 20, .time_ms = 100}};
}

static inline struct script *fixture_load(struct fixture *f, const char *text)
{
    struct script_source source = fixture_source(f, text);
    struct script *script = NULL;
    error_clear(&f->err);
    if (script_load(&script, &source, &f->err) != 0)
        return NULL;
    return script;
}

static inline enum script_verdict fixture_done(void *arg, uint32_t index, bool kept)
{
    struct fixture *f = arg;
    if (!kept) {
        f->dropped++;
        return SCRIPT_NEXT;
    }
    struct error err = ERROR_INIT;
    if (json_write(f->batch, &f->batch->records[index], &f->text, &err) != 0)
        (void)buf_printf(&f->text, "(%s)", err.text);
    (void)buf_putc(&f->text, '\n');
    return SCRIPT_NEXT;
}

static inline enum script_verdict fixture_failed(void *arg, uint32_t index, const struct error *err)
{
    struct fixture *f = arg;
    (void)index;
    f->failed++;
    f->err = *err;
    return f->on_failure;
}

static inline void fixture_add(struct fixture *f, struct json_reader *reader, const char *line,
                               size_t len)
{
    struct record *record = batch_add(f->batch);
    const char *text = record ? batch_copy(f->batch, line, len) : NULL;
    CU_ASSERT_FATAL(text != NULL);
    record_init(record, shape_empty(f->shapes));
    record->time = 1000 + (int64_t)f->batch->count - 1;
    record->offset = (int64_t)f->batch->count - 1;
    CU_ASSERT_EQUAL_FATAL(json_read(reader, f->batch, text, len, 0, record, &f->err), 0);
}

// A batch of the JSON records in `lines`, with times 1000, 1001, … and offsets 0, 1, ….
static inline void fixture_input(struct fixture *f, const char *lines)
{
    struct json_reader *reader = json_reader_new(f->shapes, NULL);
    batch_unref(f->batch);
    f->batch = batch_new(f->pool);
    CU_ASSERT_FATAL(reader != NULL && f->batch != NULL);
    while (*lines) {
        size_t len = strcspn(lines, "\n");
        if (len)
            fixture_add(f, reader, lines, len);
        lines += len + (lines[len] == '\n');
    }
    json_reader_free(reader);
}

// Runs the lines; what was kept, as JSON lines. The batch stays for a look at it.
static inline const char *fixture_run(struct fixture *f, struct script *script,
                                      enum script_call call, const char *lines)
{
    fixture_input(f, lines);
    buf_clear(&f->text);
    f->failed = f->dropped = 0;
    error_clear(&f->err);
    struct script_sink sink = {.arg = f, .done = fixture_done, .failed = fixture_failed};
    struct error err = ERROR_INIT;
    CU_ASSERT_EQUAL(script_run(script, call, f->batch, &sink, &err), 0);
    return buf_cstr(&f->text);
}

// Loads `text` as a map, runs the lines: the output, or the error of loading.
static inline const char *fixture_map(struct fixture *f, const char *text, const char *lines)
{
    struct script *script = fixture_load(f, text);
    if (!script)
        return f->err.text;
    const char *out = fixture_run(f, script, SCRIPT_CALL_MAP, lines);
    script_free(script);
    return out;
}
