// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "operators/aggregate_cell.h"
#include "operators/aggregate.h"
#include "support/one_operator.h"
#include "support/unit.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

// What each function makes of values, and what is an error.

static void open_work(struct one_operator *one, const char *compute)
{
    char options[1024];
    snprintf(options, sizeof options, "key_by: k\nwindow: { tumbling: 1s }\ncompute: { %s }\n",
             compute);
    int rc = one_init(one, &aggregate_class, options);
    if (rc)
        printf("\n  %s\n", one->err.text);
    CU_ASSERT_EQUAL_FATAL(rc, 0);
}

// Sends {"k":1,"x":<value>} for each of the values between blanks; "-" sends none.
static void send_values(struct one_operator *one, const char *values)
{
    char json[256];
    int64_t time = 0;
    while (*values) {
        size_t len = strcspn(values, " ");
        if (*values == '-' && len == 1)
            snprintf(json, sizeof json, "{\"k\":1}");
        else
            snprintf(json, sizeof json, "{\"k\":1,\"x\":%.*s}", (int)len, values);
        CU_ASSERT_PTR_NOT_NULL(one_send(one, json, time++));
        values += len + (values[len] == ' ');
    }
}

static const struct {
    const char *function, *values, *result; // result NULL: no window at all
} rows[] = {
    {"count()", "1 - null \"s\" 2.5", "5"},
    {"count(x)", "1 - null \"s\" 2.5", "3"},
    {"count(x)", "-", "0"},
    {"sum(x)", "1 2 3", "6"},
    {"sum(x)", "1 - null 3", "4"},
    {"sum(x)", "- null", "null"},
    {"sum(x)", "9223372036854775806 1", "9223372036854775807"},
    {"sum(x)", "-9223372036854775807 -1", "-9223372036854775808"},
    {"sum(x)", "1 2.5 3", "6.5"},
    {"sum(x)", "2.0 2.0", "4.0"},
    {"sum(x)", "1e100 1 -1e100", "1.0"},
    {"sum(x)", "9007199254740993 0.0 -9007199254740992", "1.0"}, // beyond 2^53, then a float
    {"sum(x)", "0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1.0", "5.5"},
    {"avg(x)", "1 2", "1.5"},
    {"avg(x)", "4 - null 2", "3.0"},
    {"avg(x)", "1 2.5", "1.75"},
    {"avg(x)", "-", "null"},
    {"min(x)", "3 1 2", "1"},
    {"max(x)", "3 1 2", "3"},
    {"min(x)", "-5 -7", "-7"},
    {"max(x)", "-5 -7 null", "-5"},
    {"min(x)", "2 1.5 1", "1"},
    {"max(x)", "2 2.5", "2.5"},
    {"max(x)", "2.5 3", "3"},
    {"min(x)", "1 1.0", "1"}, // equal: the one that came first
    {"max(x)", "9007199254740993 9007199254740992.0", "9007199254740993"},
    {"min(x)", "9007199254740993 9007199254740992.0", "9007199254740992.0"},
    {"min(x)", "null -", "null"},
    {"first(x)", "3 1 2", "3"},
    {"last(x)", "3 1 2", "2"},
    {"last(x)", "3 1 null", "1"},
    {"first(x)", "- \"a\" \"b\"", "\"a\""},
    {"last(x)", "\"a\" 1 true", "true"},
    {"last(x)", "1 {\"a\":[1,2]}", "{\"a\":[1,2]}"},
    {"first(x)", "[] 1", "[]"},
    {"last(x)", "null", "null"},
    {"stddev(x)", "5", "null"},
    {"stddev(x)", "-", "null"},
    {"stddev(x)", "2 4 4 4 5 5 7 9", "2.138089935299395"},
    {"stddev(x)", "3 3 3.0", "0.0"},
};

static void test_functions(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct one_operator one = {0};
        char compute[128], want[256];
        snprintf(compute, sizeof compute, "y: %s", rows[i].function);
        open_work(&one, compute);
        send_values(&one, rows[i].values);
        one_watermark(&one, INT64_MAX);
        snprintf(want, sizeof want, "999 {\"k\":1,\"start\":0,\"end\":1000,\"y\":%s}\n",
                 rows[i].result);
        CU_ASSERT_EQUAL(one.outputs.error_count, 0);
        char *got = one_take(&one, PORT_OUT);
        CU_ASSERT_STRING_EQUAL(got, want);
        if (strcmp(got, want) != 0)
            printf("\n  %s of %s\n  got:  %s  want: %s", rows[i].function, rows[i].values, got,
                   want);
        free(got);
        one_deinit(&one);
    }
}

// first and last go by event time, then split, then offset, and not by arrival.
static void test_first_and_last(void)
{
    static const struct {
        int64_t time;
        uint32_t split;
        int64_t offset;
        const char *x;
    } arrivals[] = {
        {5, 1, 7, "\"c\""}, {5, 0, 9, "\"b\""}, {5, 0, 8, "\"a\""},
        {9, 2, 1, "\"x\""}, {9, 2, 3, "\"z\""}, {9, 2, 2, "\"y\""},
    };
    struct one_operator one = {0};
    open_work(&one, "f: first(x), l: last(x), n: count()");
    for (size_t i = 0; i < sizeof arrivals / sizeof *arrivals; i++) {
        char json[64];
        snprintf(json, sizeof json, "{\"k\":1,\"x\":%s}", arrivals[i].x);
        struct record *record = one_send(&one, json, arrivals[i].time);
        CU_ASSERT_PTR_NOT_NULL_FATAL(record);
        record->split = arrivals[i].split;
        record->offset = arrivals[i].offset;
    }
    one_watermark(&one, INT64_MAX);
    char *got = one_take(&one, PORT_OUT);
    CU_ASSERT_STRING_EQUAL(
        got, "999 {\"k\":1,\"start\":0,\"end\":1000,\"f\":\"a\",\"l\":\"z\",\"n\":6}\n");
    free(got);
    CU_ASSERT_TRUE(((struct aggregate *)one.op)->keyed.budget.used_bytes < 1000);
    one_deinit(&one);
}

// An overflow is an error of that record, which leaves no trace in any column.
static void test_overflow(void)
{
    struct one_operator one = {0};
    open_work(&one, "n: count(), a: sum(x), m: avg(x), s: sum(y), t: avg(z), hi: max(x)");
    one_send(&one, "{\"k\":1,\"x\":5,\"y\":9223372036854775807,\"z\":-9223372036854775808}", 0);
    one_send(&one, "{\"k\":1,\"x\":70,\"y\":1,\"z\":0}", 0);
    one_send(&one, "{\"k\":1,\"x\":80,\"y\":0,\"z\":-1}", 0);
    one_send(&one, "{\"k\":1,\"x\":3,\"y\":0,\"z\":0}", 0);
    one_send(&one, "{\"k\":1,\"x\":90,\"y\":-1}", 0); // one absent: not the way of all integers
    one_send(&one, "{\"k\":1,\"x\":91,\"y\":4}", 0);
    one_process(&one);
    CU_ASSERT_EQUAL_FATAL(one.outputs.error_count, 3);
    CU_ASSERT_STRING_EQUAL(one.outputs.errors[0], "field 'y': sum overflows");
    CU_ASSERT_STRING_EQUAL(one.outputs.errors[1], "field 'z': avg overflows");
    CU_ASSERT_STRING_EQUAL(one.outputs.errors[2], "field 'y': sum overflows");
    CU_ASSERT_EQUAL(one.outputs.last_error_index, 5);
    fake_outputs_clear(&one.outputs);
    one_watermark(&one, INT64_MAX);
    char *got = one_take(&one, PORT_OUT);
    CU_ASSERT_STRING_EQUAL(got, "999 {\"k\":1,\"start\":0,\"end\":1000,\"n\":3,\"a\":98,"
                                "\"m\":32.666666666666664,\"s\":9223372036854775806,"
                                "\"t\":-4611686018427387904.0,\"hi\":90}\n");
    free(got);
    one_deinit(&one);
}

static void test_float_overflow(void)
{
    struct one_operator one = {0};
    open_work(&one, "s: sum(x), n: count()");
    send_values(&one, "1.7e308 1.7e308 1");
    one_watermark(&one, INT64_MAX);
    CU_ASSERT_EQUAL(one.outputs.error_count, 1);
    fake_outputs_clear(&one.outputs);
    one_deinit(&one);
}

// Another type, an absent key, no time: each names what it is about, and makes no result.
static void test_unusable_records(void)
{
    static const struct {
        const char *json;
        int64_t time;
        const char *says;
    } wrong[] = {
        {"{\"k\":1,\"x\":\"12\"}", 0, "field 'x': sum needs a number, found string"},
        {"{\"k\":1,\"x\":true}", 0, "field 'x': sum needs a number, found boolean"},
        {"{\"k\":1,\"x\":[1]}", 0, "field 'x': sum needs a number, found array"},
        {"{\"x\":1}", 0, "field 'k' (key_by) is absent"},
        {"{\"k\":{},\"x\":1}", 0, "field 'k' (key_by): object is no key"},
        {"{\"k\":1,\"x\":1}", TIME_NONE, "the record has no event time"},
    };
    struct one_operator one = {0};
    open_work(&one, "s: sum(x)");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        one_send(&one, wrong[i].json, wrong[i].time);
        CU_ASSERT_EQUAL(one_process(&one), OP_DONE);
        CU_ASSERT_EQUAL_FATAL(one.outputs.error_count, i + 1);
        CU_ASSERT_STRING_EQUAL(one.outputs.errors[i], wrong[i].says);
    }
    fake_outputs_clear(&one.outputs);
    one_watermark(&one, INT64_MAX);
    CU_ASSERT_EQUAL(one.outputs.result_count, 0);
    CU_ASSERT_EQUAL(one.op->stats.absorbed, 0);
    one_deinit(&one);
}

// on_error says stop: the cursor stays at the record.
static void test_stop(void)
{
    struct one_operator one = {0};
    open_work(&one, "s: sum(x)");
    one.outputs.verdict = ERROR_STOP;
    send_values(&one, "1 2 \"x\" 4");
    struct batch *batch = batch_ref(one.batch);
    CU_ASSERT_EQUAL(one_process(&one), OP_STOP);
    CU_ASSERT_EQUAL(batch->cursor, 2);
    CU_ASSERT_EQUAL(one.op->stats.absorbed, 2);
    batch_unref(batch);
    one_deinit(&one);
}

// on_error says retry: the same record again, the ones before it not.
static void test_retry(void)
{
    struct one_operator one = {0};
    open_work(&one, "n: count(), s: sum(x)");
    send_values(&one, "1 2 \"x\" 4");
    one.outputs.verdict = ERROR_RETRY;
    struct batch *batch = one.batch;
    CU_ASSERT_EQUAL(one.op->process(one.op, 0, batch, &one.outputs), OP_AGAIN);
    CU_ASSERT_EQUAL(one.op->process(one.op, 0, batch, &one.outputs), OP_AGAIN);
    CU_ASSERT_EQUAL(batch->cursor, 2);
    one.outputs.verdict = ERROR_SKIP;
    fake_outputs_clear(&one.outputs);
    one_watermark(&one, INT64_MAX);
    fake_outputs_collect(&one.outputs);
    CU_ASSERT_STRING_EQUAL(fake_result(&one.outputs, PORT_OUT, 0)->json,
                           "{\"k\":1,\"start\":0,\"end\":1000,\"n\":3,\"s\":7}");
    one_deinit(&one);
}

// Keys of one field: 1, 1.0, "1", null and true are different; the result has them as they came.
static void test_keys(void)
{
    static const char *const keys[] = {"1",
                                       "1.0",
                                       "\"1\"",
                                       "null",
                                       "true",
                                       "\"\"",
                                       "\"a key of more than twenty-three bytes, and \\u00e9\""};
    enum { KEYS = sizeof keys / sizeof *keys };
    struct one_operator one = {0};
    open_work(&one, "n: count()");
    char json[256];
    for (int i = 0; i < KEYS * 2; i++) {
        snprintf(json, sizeof json, "{\"k\":%s}", keys[i % KEYS]);
        one_send(&one, json, 0);
    }
    one_watermark(&one, INT64_MAX);
    CU_ASSERT_EQUAL_FATAL(fake_results(&one.outputs, PORT_OUT), KEYS);
    for (uint32_t i = 0; i < KEYS - 1; i++) {
        snprintf(json, sizeof json, "{\"k\":%s,\"start\":0,\"end\":1000,\"n\":2}", keys[i]);
        CU_ASSERT_STRING_EQUAL(fake_result(&one.outputs, PORT_OUT, i)->json, json);
    }
    one_deinit(&one);
}

static void test_compound_key(void)
{
    struct one_operator one = {0};
    CU_ASSERT_EQUAL_FATAL(one_init(&one, &aggregate_class,
                                   "key_by: [site.id, port]\nwindow: { tumbling: 1s }\n"
                                   "compute: { n: count(), x: sum(v.in) }\n"),
                          0);
    one_send(&one, "{\"site\":{\"id\":\"a\"},\"port\":1,\"v\":{\"in\":2}}", 0);
    one_send(&one, "{\"site\":{\"id\":\"a\"},\"port\":2,\"v\":{\"in\":3}}", 0);
    one_send(&one, "{\"site\":{\"id\":\"a\"},\"port\":1,\"v\":{}}", 0);
    one_send(&one, "{\"site\":{},\"port\":1}", 0);
    one_watermark(&one, INT64_MAX);
    CU_ASSERT_STRING_EQUAL(one.outputs.errors[0], "field 'site.id' (key_by) is absent");
    char *got = one_take(&one, PORT_OUT);
    CU_ASSERT_STRING_EQUAL(
        got, "999 {\"id\":\"a\",\"port\":1,\"start\":0,\"end\":1000,\"n\":2,\"x\":2}\n"
             "999 {\"id\":\"a\",\"port\":2,\"start\":0,\"end\":1000,\"n\":1,\"x\":3}\n");
    free(got);
    one_deinit(&one);
}

// What cannot be built says what to do.
static void test_build_errors(void)
{
    static const struct {
        const char *options;
        const char *says;
    } wrong[] = {
        {"window: { tumbling: 1s }\n", "nothing to compute"},
        {"window: { tumbling: 1s }\ncompute: {}\n", "nothing to compute"},
        {"window: { tumbling: 1s }\ncompute: { a: sum() }\n", "compute.a: sum() wants a field"},
        {"window: { tumbling: 1s }\ncompute: { a: sun(x) }\n", "compute.a: "},
        {"window: { tumbling: 1s }\ncompute: { start: count() }\n", "two members 'start'"},
        {"key_by: x\nwindow: { tumbling: 1s }\ncompute: { x: count() }\n", "two members 'x'"},
        {"key_by: [a.id, b.id]\nwindow: { tumbling: 1s }\ncompute: { x: count() }\n",
         "two members 'id'"},
        {"window: { tumbling: 1s, offset: 1s }\ncompute: { x: count() }\n", "offset"},
        {"window: { tumbling: 1s }\ncompute: { x: count() }\nlua: 'return 1'\n", "not both"},
        {"compute: { x: count() }\n", "window"},
        {"window: { size: 1s }\ncompute: { x: count() }\n", "size"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct one_operator one = {0};
        CU_ASSERT_EQUAL(one_init(&one, &aggregate_class, wrong[i].options), ERR_INPUT);
        CHECK_HAS(one.err.text, wrong[i].says);
        one_deinit(&one);
    }
    struct one_operator one = {.no_event_time = true};
    CU_ASSERT_EQUAL(
        one_init(&one, &aggregate_class, "window: { tumbling: 1s }\ncompute: { x: count() }\n"),
        ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(one.err.text, "event_time: { field"));
    one_deinit(&one);
}

// Any split of the records over two slots, merged, gives what one slot gives.
static void test_merge(void)
{
    struct one_operator one = {0};
    open_work(&one, "a: sum(x), b: avg(x), c: min(x), d: max(x), e: first(s), f: last(s), "
                    "g: stddev(x), h: count(), i: count(s), j: sum(y)");
    struct agg_program *program = &((struct aggregate *)one.op)->program;
    enum { COLUMNS = 10 };
    srand(5);
    for (int round = 0; round < 200; round++) {
        struct agg_slot *slots[3];
        for (int i = 0; i < 3; i++)
            slots[i] = mem_zalloc(program->slot_words * 8);
        for (int i = 0; i < round % 40; i++) {
            char json[128];
            snprintf(json, sizeof json, "{\"k\":1,\"x\":%d%s,\"s\":\"v%d\"%s}", rand() % 1000 - 500,
                     rand() % 3 ? "" : ".25", i, rand() % 2 ? ",\"y\":7" : "");
            struct record *record = one_send(&one, json, rand() % 10);
            record->offset = i;
            struct agg_values values;
            CU_ASSERT_EQUAL(program_read(program, one.batch, record, &values, NULL), 0);
            CU_ASSERT_EQUAL(program_add(program, slots[2], &values, NULL), 0);
            CU_ASSERT_EQUAL(program_add(program, slots[rand() % 2], &values, NULL), 0);
        }
        CU_ASSERT_EQUAL(program_merge(program, slots[0], slots[1], NULL), 0);
        for (uint32_t c = 0; c < COLUMNS; c++) {
            struct value a, b;
            CU_ASSERT_EQUAL(program_result(program, slots[0], c, 1, &a), 0);
            CU_ASSERT_EQUAL(program_result(program, slots[2], c, 1, &b), 0);
            CU_ASSERT_EQUAL_FATAL(a.type, b.type);
            if (a.type == VALUE_INT)
                CU_ASSERT_EQUAL(a.i, b.i);
            if (a.type == VALUE_FLOAT)
                CU_ASSERT_TRUE(fabs(a.f - b.f) <= 1e-9 * (1 + fabs(b.f)));
            if (a.type == VALUE_STRING)
                CU_ASSERT_TRUE(a.len == b.len && memcmp(a.bytes, b.bytes, a.len) == 0);
        }
        for (int i = 0; i < 3; i++) {
            program_release(program, slots[i]);
            mem_free(slots[i]);
        }
        batch_unref(one.batch);
        one.batch = NULL;
    }
    CU_ASSERT_EQUAL(program->budget->used_bytes, 0);
    one_deinit(&one);
}

static void test_merge_overflow(void)
{
    struct one_operator one = {0};
    open_work(&one, "a: sum(x), b: last(s), c: sum(y)");
    struct agg_program *program = &((struct aggregate *)one.op)->program;
    struct agg_slot *slots[2];
    struct error err = ERROR_INIT;
    for (int i = 0; i < 2; i++) {
        struct agg_values values;
        struct record *record =
            one_send(&one, "{\"k\":1,\"x\":1,\"s\":\"abc\",\"y\":9223372036854775807}", i);
        slots[i] = mem_zalloc(program->slot_words * 8);
        CU_ASSERT_EQUAL(program_read(program, one.batch, record, &values, NULL), 0);
        CU_ASSERT_EQUAL(program_add(program, slots[i], &values, NULL), 0);
    }
    CU_ASSERT_EQUAL(program_merge(program, slots[0], slots[1], &err), ERR_DATA);
    CU_ASSERT_STRING_EQUAL(err.text, "field 'y': sum overflows");
    struct value first;
    CU_ASSERT_EQUAL(program_result(program, slots[0], 0, 1, &first), 0);
    CU_ASSERT_EQUAL(first.i, 1);
    for (int i = 0; i < 2; i++) {
        program_release(program, slots[i]);
        mem_free(slots[i]);
    }
    CU_ASSERT_EQUAL(program->budget->used_bytes, 0);
    one_deinit(&one);
}

static CU_TestInfo cases[] = {{"functions", test_functions},
                              {"first and last", test_first_and_last},
                              {"overflow", test_overflow},
                              {"overflow of floats", test_float_overflow},
                              {"unusable records", test_unusable_records},
                              {"stop", test_stop},
                              {"retry", test_retry},
                              {"keys", test_keys},
                              {"compound keys, nested fields", test_compound_key},
                              {"build errors", test_build_errors},
                              {"merge", test_merge},
                              {"merge that overflows", test_merge_overflow},
                              CU_TEST_INFO_NULL};
UNIT_MAIN(UNIT_SUITE("aggregate: values", cases))
