// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "operators/aggregate.h"
#include "support/one_operator.h"
#include "support/unit.h"
#include <stdio.h>
#include <stdlib.h>

// Sliding windows that are told more than once, of which fifty hold the same time: outputs that are
// full at any moment, allocations that fail, the cost of a record and of what is kept.

enum { OVERLAP = 50, RECORDS = 300, KEYS = 5 };

static void open_windows(struct one_operator *one, const char *more, const char *column)
{
    char options[256];
    snprintf(options, sizeof options,
             "key_by: k\nwindow: { sliding: 100ms, every: 2ms, lateness: 20ms%s }\n"
             "compute: { n: count(), c: '%s' }\n",
             more, column);
    CU_ASSERT_EQUAL_FATAL(one_init(one, &aggregate_class, options), 0);
}

static void send_all(struct one_operator *one)
{
    srand(4);
    for (int i = 0; i < RECORDS; i++) {
        char json[64];
        snprintf(json, sizeof json, "{\"k\":%d,\"x\":%d}", rand() % KEYS, i);
        CU_ASSERT_PTR_NOT_NULL(one_send(one, json, i + rand() % 30));
    }
}

// Over all results.
static uint64_t told(const struct one_operator *one)
{
    uint64_t counted = 0;
    for (size_t i = 0; i < one->outputs.result_count; i++) {
        const char *at = strstr(one->outputs.results[i].json, "\"n\":");
        CU_ASSERT_PTR_NOT_NULL_FATAL(at);
        counted += strtoull(at + 4, NULL, 10);
    }
    return counted;
}

static void watermarks(struct one_operator *one)
{
    for (int64_t at = -90; at < RECORDS + 200; at += 7)
        for (int i = 0; i < 10 && one->op->watermark(one->op, at, &one->outputs) != OP_DONE; i++) {
        }
}

static void run_failing(uint64_t n)
{
    struct one_operator one = {0};
    open_windows(&one, "", "sum(x)"); // what allocates of its own may stop in between
    send_all(&one);
    mem_fail_at(n, false);
    enum op_status status = one.op->process(one.op, 0, one.batch, &one.outputs);
    for (int i = 0; status == OP_AGAIN && i < 10; i++)
        status = one.op->process(one.op, 0, one.batch, &one.outputs);
    watermarks(&one);
    mem_fail_at(0, false);
    CU_ASSERT_EQUAL(status, OP_DONE);
    CU_ASSERT_EQUAL(one_watermark(&one, INT64_MAX), OP_DONE);
    CU_ASSERT_TRUE(one.outputs.error_count <= 1);
    if (one.outputs.error_count == 0 || one.op->stats.absorbed < RECORDS)
        CU_ASSERT_EQUAL(told(&one), one.op->stats.absorbed * OVERLAP);
    struct operator_state state;
    one.op->measure(one.op, &state);
    CU_ASSERT_EQUAL(state.keys, 0);
    one_deinit(&one);
}

static void test_no_memory(void)
{
    for (uint64_t n = 1; n < 400; n += 3)
        run_failing(n);
}

static void run_room(const char *more, uint32_t room, uint64_t *results)
{
    struct one_operator one = {0};
    open_windows(&one, more, "collect(x, 1000)");
    one.outputs.room = room;
    send_all(&one);
    one_process(&one);
    for (int64_t at = -90; at < RECORDS + 200; at += 7)
        one_watermark(&one, at);
    one_watermark(&one, INT64_MAX);
    *results = one.outputs.result_count;
    if (strstr(more, "discard"))
        CU_ASSERT_EQUAL(told(&one), (uint64_t)RECORDS * OVERLAP);
    one_deinit(&one);
}

// With room for few results at a time the same come out.
static void test_little_room(void)
{
    static const char *const more[] = {"", ", panes: discard, emit: { every: 6ms }",
                                       ", panes: discard, emit: { count: 3 }",
                                       ", panes: retract, emit: { every: 10ms }"};
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        uint64_t all, little;
        run_room(more[i], UINT32_MAX, &all);
        run_room(more[i], 1, &little);
        CU_ASSERT_TRUE(all > RECORDS);
        CU_ASSERT_EQUAL(all, little);
    }
}

// A day by the second: a record is in 86,400 windows and in some thirty places.
static void test_cost(void)
{
    struct one_operator one = {0};
    struct operator_state state;
    CU_ASSERT_EQUAL_FATAL(one_init(&one, &aggregate_class,
                                   "key_by: k\nwindow: { sliding: 1d, every: 1s, lateness: 1m }\n"
                                   "compute: { n: count() }\n"),
                          0);
    one_send(&one, "{\"k\":1}", 1700000000123);
    CU_ASSERT_EQUAL(one_process(&one), OP_DONE);
    one.op->measure(one.op, &state);
    CU_ASSERT_EQUAL(state.keys, 1); // it waits for the first window
    CU_ASSERT_EQUAL(one_watermark(&one, 1700000000123 + 1000000), OP_DONE);
    CU_ASSERT_EQUAL(one.outputs.result_count, 1000);
    one.op->measure(one.op, &state);
    CU_ASSERT_TRUE(state.keys >= 60 && state.keys <= 60 + 34); // those that are late, and the rest
    one_deinit(&one);
}

static CU_TestInfo cases[] = {{"failing allocations", test_no_memory},
                              {"little room", test_little_room},
                              {"cost", test_cost},
                              CU_TEST_INFO_NULL};
UNIT_MAIN(UNIT_SUITE("aggregate: spans", cases))
