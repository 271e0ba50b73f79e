// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "record/batch.h"
#include "record/json.h"
#include "record/json_reader.h"
#include "support/unit.h"
#include <CUnit/CUnit.h>
#include <stdlib.h>

// Each allocation fails once: reading, entering, changing and writing say so, and lose nothing.

// Strings so long that each one that is unescaped needs memory of its own.
enum { LONG = 200000, MEMBERS = 40 };

struct state {
    struct shape_table *shapes;
    struct batch_pool *pool;
    struct batch *batch;
    struct json_reader *reader;
    struct buf out;
};

static char *text;
static size_t text_len;

static void put_long(char letter)
{
    text[text_len++] = '"';
    memcpy(text + text_len, "\\n", 2);
    memset(text + text_len + 2, letter, LONG);
    text_len += LONG + 2;
    text[text_len++] = '"';
}

static void make_text(void)
{
    text = malloc((size_t)8 * LONG);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    text_len = 0;
    text[text_len++] = '{';
    put_long('n');
    text[text_len++] = ':';
    put_long('v');
    for (int i = 0; i < MEMBERS; i++)
        text_len += (size_t)snprintf(text + text_len, 32, ",\"m%d\":%d", i, i);
    memcpy(text + text_len, ",\"o\":{", 6);
    text_len += 6;
    put_long('x');
    text[text_len++] = ':';
    put_long('y');
    memcpy(text + text_len, ",\"z\":[1]}}", 10);
    text_len += 10;
    memset(text + text_len, 0, CHUNK_PAD);
}

static int open_state(struct state *state)
{
    static const struct json_limits limits = {.depth = 9, .size = 8 * LONG, .members = 99};
    buf_init(&state->out, (size_t)16 * LONG);
    state->shapes = shape_table_new();
    state->pool = state->shapes ? batch_pool_new(state->shapes) : NULL;
    state->batch = state->pool ? batch_new(state->pool) : NULL;
    state->reader = state->batch ? json_reader_new(state->shapes, &limits) : NULL;
    return state->reader ? 0 : ERR_NOMEM;
}

static void close_state(struct state *state)
{
    buf_deinit(&state->out);
    json_reader_free(state->reader);
    batch_unref(state->batch);
    if (state->pool)
        batch_pool_free(state->pool);
    if (state->shapes)
        shape_table_free(state->shapes);
}

static int change(struct batch *batch, struct record *record)
{
    struct node *node = node_enter(batch, record, shape_find(record->shape, "o", 1));
    struct node *array = node ? node_enter_member(batch, node, 1) : NULL;
    if (!array)
        return ERR_NOMEM;
    struct value copy;
    int code = value_copy(batch, record_get(batch, record, 0), &copy);
    for (uint32_t i = 1; !code && i < 20; i++)
        code = node_set_at(batch, array, i, value_int(i));
    if (!code)
        code = node_set(batch, node, "added", 5, copy);
    return code ? code : record_set_name(batch, record, "new", 3, copy);
}

static int run(struct state *state, size_t pad)
{
    struct error err = {0};
    int code = open_state(state);
    struct record *record = code ? NULL : batch_add(state->batch);
    if (!record)
        return ERR_NOMEM;
    code = json_read(state->reader, state->batch, text, text_len, pad, record, &err);
    if (code) {
        CU_ASSERT(err.len > 0);
        CU_ASSERT_PTR_EQUAL(record->raw, text);
        return code;
    }
    code = change(state->batch, record);
    return code ? code : json_write(state->batch, record, &state->out, &err);
}

static void fail_each(size_t pad)
{
    uint64_t n = 0, failed;
    do {
        struct state state = {0};
        mem_fail_at(++n, false);
        int code = run(&state, pad);
        failed = mem_fail_count();
        mem_fail_at(0, false);
        // What is only remembered for the next records may be forgone.
        CU_ASSERT(code == 0 || (failed && code == ERR_NOMEM));
        close_state(&state);
    } while (failed && n < 1000);
    CU_ASSERT(n > 15 && n < 1000);
}

static void test_each_allocation(void)
{
    make_text();
    fail_each(CHUNK_PAD);
    fail_each(0);
    free(text);
}

static CU_TestInfo cases[] = {
    {"each allocation fails once", test_each_allocation},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("json nomem", cases))
