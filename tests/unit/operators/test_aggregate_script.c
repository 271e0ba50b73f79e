// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "operators/aggregate.h"
#include "support/one_operator.h"
#include "support/unit.h"
#include <stdio.h>
#include <stdlib.h>

// Aggregates with a script: agg {...} with finish, and init, add, finish by hand.

#define BY_HAND                                                                                    \
    "return { init = function() return { n = 0, sum = 0, seen = array {} } end,\n"                 \
    "  add = function(a, r) a.n = a.n + 1; a.sum = a.sum + r.x; a.seen[a.n] = r.x return a end,\n" \
    "  finish = function(a, w)\n"                                                                  \
    "    if a.n == 3 then return drop end\n"                                                       \
    "    if a.n == 4 then error('four') end\n"                                                     \
    "    return { key = w.key, start = w.start, pane = w.pane, n = a.n, avg = a.sum / a.n,\n"      \
    "      last = a.seen[#a.seen] }\n"                                                             \
    "  end }\n"

static void open_script(struct one_operator *one, const char *key_by, const char *lua)
{
    struct buf options;
    buf_init(&options, 1 << 16);
    (void)buf_printf(&options, "key_by: %s\nwindow: { tumbling: 1s, lateness: 500ms }\nlua: |\n  ",
                     key_by);
    for (const char *at = lua; *at; at++) {
        (void)buf_putc(&options, *at);
        if (*at == '\n')
            (void)buf_puts(&options, "  ");
    }
    (void)buf_puts(&options, "\n");
    int rc = one_init(one, &aggregate_class, buf_cstr(&options));
    if (rc)
        printf("\n  %s\n", one->err.text);
    buf_deinit(&options);
    CU_ASSERT_EQUAL_FATAL(rc, 0);
}

static void expect(struct one_operator *one, uint32_t port, const char *want)
{
    char *got = one_take(one, port);
    CU_ASSERT_STRING_EQUAL(got, want);
    if (strcmp(got, want) != 0)
        printf("\n  got:  %s  want: %s", got, want);
    free(got);
}

static void send(struct one_operator *one, int key, int x, int64_t time)
{
    char json[64];
    snprintf(json, sizeof json, "{\"k\":%d,\"x\":%d}", key, x);
    CU_ASSERT_PTR_NOT_NULL(one_send(one, json, time));
}

// The columns of agg {...} come in the order of their names, finish adds to the result or drops it.
static void test_agg_finish(void)
{
    struct one_operator one = {0};
    open_script(&one, "k",
                "return agg { total = agg.sum 'x', packets = agg.count(),\n"
                "  finish = function(r, w)\n"
                "    if r.total == 5 then return drop end\n"
                "    r.mean = r.packets > 0 and r.total / r.packets or null\n"
                "    r.length = w.duration\n"
                "    r.key = w.key\n"
                "    return r\n"
                "  end }\n");
    send(&one, 1, 3, 0);
    send(&one, 2, 5, 0);
    send(&one, 1, 4, 0);
    one_watermark(&one, 1000);
    CU_ASSERT_EQUAL(one.outputs.error_count, 0);
    expect(&one, PORT_OUT,
           "999 {\"k\":1,\"start\":0,\"end\":1000,\"packets\":2,\"total\":7,\"mean\":3.5,"
           "\"length\":1000,\"key\":1}\n");
    CU_ASSERT_EQUAL(one.op->stats.created, 1);
    one_deinit(&one);
}

// The main job's script: no packets, or no readings of a counter, give null and no error.
static void test_division(void)
{
    struct one_operator one = {0};
    open_script(&one, "k",
                "local function per_packet(bytes, packets)\n"
                "  if bytes and packets and packets > 0 then return bytes / packets end\n"
                "  return null\nend\n"
                "return agg { b = agg.sum 'b', p = agg.sum 'p',\n"
                "  finish = function(r) r.avg = per_packet(r.b, r.p) return r end }\n");
    one_send(&one, "{\"k\":1,\"b\":10,\"p\":4}", 0);
    one_send(&one, "{\"k\":2,\"b\":10,\"p\":0}", 0);
    one_send(&one, "{\"k\":3}", 0);
    one_watermark(&one, 1000);
    CU_ASSERT_EQUAL(one.outputs.error_count, 0);
    expect(&one, PORT_OUT,
           "999 {\"k\":1,\"start\":0,\"end\":1000,\"b\":10,\"p\":4,\"avg\":2.5}\n"
           "999 {\"k\":2,\"start\":0,\"end\":1000,\"b\":10,\"p\":0,\"avg\":null}\n"
           "999 {\"k\":3,\"start\":0,\"end\":1000,\"b\":null,\"p\":null,\"avg\":null}\n");
    one_deinit(&one);
}

// An error in finish goes to on_error with window, key and script:line; the others come out.
static void test_finish_error(void)
{
    for (int by_hand = 0; by_hand < 2; by_hand++) {
        struct one_operator one = {0};
        open_script(&one, "k",
                    by_hand ? "return { init = function() return {} end,\n"
                              "  add = function(a, r) a.x = r.x return a end,\n"
                              "  finish = function(a, w)\n"
                              "    if a.x == 2 then error('two') end\n"
                              "    return { x = a.x } end }\n"
                            : "return agg { x = agg.max 'x',\n"
                              "  finish = function(r)\n\n"
                              "    if r.x == 2 then error('two') end\n"
                              "    return { x = r.x } end }\n");
        for (int i = 1; i <= 3; i++)
            send(&one, i, i, 0);
        one_watermark(&one, 1000);
        CU_ASSERT_EQUAL_FATAL(one.outputs.error_count, 1);
        const char *text = one.outputs.errors[0];
        CU_ASSERT_PTR_NOT_NULL(strstr(text, "window 1970-01-01T00:00:00.000Z of key 2: "));
        CU_ASSERT_PTR_NOT_NULL(strstr(text, "two"));
        expect(&one, PORT_OUT, "999 {\"x\":1}\n999 {\"x\":3}\n");
        one_deinit(&one);
    }
}

static void test_by_hand(void)
{
    struct one_operator one = {0};
    open_script(&one, "k", BY_HAND);
    for (int i = 0; i < 6; i++)
        send(&one, i % 2, i, 100 * i);
    send(&one, 7, 4, 999);
    send(&one, 7, 5, 1000);
    one_watermark(&one, 998);
    expect(&one, PORT_OUT, "");
    one_watermark(&one, 999); // 0 and 1 have three values: dropped
    expect(&one, PORT_OUT,
           "999 {\"avg\":4.0,\"key\":7,\"last\":4,\"n\":1,\"pane\":0,\"start\":0}\n");
    send(&one, 7, 10, 3);
    send(&one, 0, 1, 3); // four values: an error
    send(&one, 0, 9, 3);
    one_process(&one);
    CU_ASSERT_EQUAL(one.outputs.error_count, 1);
    expect(&one, PORT_OUT,
           "999 {\"avg\":7.0,\"key\":7,\"last\":10,\"n\":2,\"pane\":1,\"start\":0}\n"
           "999 {\"avg\":3.2,\"key\":0,\"last\":9,\"n\":5,\"pane\":2,\"start\":0}\n");
    one_watermark(&one, 1499);
    send(&one, 7, 10, 3);
    one_watermark(&one, INT64_MAX);
    CU_ASSERT_EQUAL(fake_results(&one.outputs, 1), 1);
    expect(&one, PORT_OUT,
           "1999 {\"avg\":5.0,\"key\":7,\"last\":5,\"n\":1,\"pane\":0,\"start\":1000}\n");
    CU_ASSERT_EQUAL(one.op->stats.absorbed, 11);
    CU_ASSERT_EQUAL(one.op->stats.late, 1);
    one_deinit(&one);
}

static void test_compound_key(void)
{
    struct one_operator one = {0};
    open_script(&one, "[k, x]",
                "return { init = function() return { n = 0 } end,\n"
                "  add = function(a, r) a.n = a.n + 1 return a end,\n"
                "  finish = function(a, w) return { key = w.key, n = a.n } end }\n");
    send(&one, 1, 2, 0);
    send(&one, 1, 2, 0);
    one_watermark(&one, INT64_MAX);
    expect(&one, PORT_OUT, "999 {\"key\":[1,2],\"n\":2}\n");
    one_deinit(&one);
}

// A record that fails in add leaves the accumulator as it was; a key that has only failed records
// gives no result; the records around it go in.
static void test_failing_add(void)
{
    struct one_operator one = {0};
    open_script(&one, "k",
                "return { init = function() return { sum = 0 } end,\n"
                "  add = function(a, r)\n"
                "    a.sum = a.sum + r.x\n"
                "    if r.x == 13 then error('unlucky') end\n"
                "    return a end,\n"
                "  finish = function(a, w) return { k = w.key, sum = a.sum } end }\n");
    send(&one, 1, 1, 0);
    send(&one, 1, 13, 0);
    send(&one, 2, 13, 0);
    one_send(&one, "{\"k\":3}", 0);
    send(&one, 1, 2, 0);
    one_watermark(&one, INT64_MAX);
    CU_ASSERT_EQUAL(one.outputs.error_count, 3);
    CU_ASSERT_PTR_NOT_NULL(strstr(one.outputs.errors[0], "unlucky"));
    CU_ASSERT_EQUAL(one.op->stats.absorbed, 2);
    expect(&one, PORT_OUT, "999 {\"k\":1,\"sum\":3}\n");
    one_deinit(&one);
}

static void test_failing_init(void)
{
    struct one_operator one = {0};
    open_script(&one, "k",
                "return { init = function() error('no start') end,\n"
                "  add = function(a, r) return a end, finish = function(a, w) return {} end }\n");
    send(&one, 1, 1, 0);
    send(&one, 2, 1, 0);
    one_watermark(&one, INT64_MAX);
    CU_ASSERT_EQUAL(one.outputs.error_count, 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(one.outputs.errors[0], "no start"));
    expect(&one, PORT_OUT, "");
    one_deinit(&one);
}

static void test_stop_and_retry(void)
{
    struct one_operator one = {0};
    open_script(&one, "k",
                "return { init = function() return { n = 0 } end,\n"
                "  add = function(a, r) a.n = a.n + 1 + r.x * 0 return a end,\n"
                "  finish = function(a, w) return { n = a.n } end }\n");
    send(&one, 1, 1, 0);
    one_send(&one, "{\"k\":1}", 0);
    send(&one, 1, 1, 0);
    one.outputs.verdict = ERROR_RETRY;
    CU_ASSERT_EQUAL(one.op->process(one.op, 0, one.batch, &one.outputs), OP_AGAIN);
    CU_ASSERT_EQUAL(one.op->process(one.op, 0, one.batch, &one.outputs), OP_AGAIN);
    CU_ASSERT_EQUAL(one.batch->cursor, 1);
    CU_ASSERT_EQUAL(one.op->stats.absorbed, 1);
    one.outputs.verdict = ERROR_STOP;
    CU_ASSERT_EQUAL(one.op->process(one.op, 0, one.batch, &one.outputs), OP_STOP);
    one.outputs.verdict = ERROR_SKIP;
    one_watermark(&one, INT64_MAX);
    expect(&one, PORT_OUT, "999 {\"n\":2}\n");
    one_deinit(&one);
}

// By hand and natively, with full outputs and late records, must agree.
static void test_agrees_with_native(void)
{
    static const char *const scripts[] = {
        "return agg { n = agg.count(), s = agg.sum 'x',\n"
        "  finish = function(r) return { k = r.k, start = r.start, n = r.n, s = r.s } end }\n",
        "return { init = function() return { n = 0, s = 0 } end,\n"
        "  add = function(a, r) a.n = a.n + 1; a.s = a.s + r.x return a end,\n"
        "  finish = function(a, w) return { k = w.key, start = w.start, n = a.n, s = a.s } end "
        "}\n"};
    char *texts[2];
    for (int i = 0; i < 2; i++) {
        struct one_operator one = {0};
        open_script(&one, "k", scripts[i]);
        one.outputs.room = 2;
        srand(4);
        for (int k = 0; k < 3000; k++) {
            send(&one, rand() % 50, rand() % 100, k * 3 - rand() % 1500);
            if (k % 200 == 199)
                CU_ASSERT_EQUAL(one_watermark(&one, k * 3 - 300), OP_DONE);
        }
        CU_ASSERT_EQUAL(one_watermark(&one, INT64_MAX), OP_DONE);
        CU_ASSERT_EQUAL(one.outputs.error_count, 0);
        texts[i] = one_take(&one, PORT_OUT);
        one_deinit(&one);
    }
    CU_ASSERT_TRUE(strlen(texts[0]) > 10000);
    CU_ASSERT_STRING_EQUAL(texts[0], texts[1]);
    free(texts[0]);
    free(texts[1]);
}

static void test_build_errors(void)
{
    static const struct {
        const char *options, *says;
    } wrong[] = {
        {"lua: 'return function(r) return r end'\n", "not a function"},
        {"lua: 'return { init = function() return 1 end }'\n", "'add' is missing"},
        {"lua: 'return agg {}'\n", ""},
        {"script: nowhere.lua\n", "nowhere.lua"},
        {"lua: 'return agg { start = agg.count() }'\n", "two members 'start'"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char options[256];
        struct one_operator one = {0};
        snprintf(options, sizeof options, "window: { tumbling: 1s }\n%s", wrong[i].options);
        CU_ASSERT_EQUAL(one_init(&one, &aggregate_class, options), ERR_INPUT);
        CHECK_HAS(one.err.text, wrong[i].says);
        one_deinit(&one);
    }
}

// The n-th allocation fails: nothing leaks, and what was counted comes out.
static void test_no_memory(void)
{
    for (uint64_t n = 1; n < 200; n++) {
        struct one_operator one = {0};
        open_script(&one, "k", BY_HAND);
        for (int i = 0; i < 20; i++)
            send(&one, i, i, i % 3 * 1000);
        mem_fail_at(n, false);
        enum op_status status = OP_AGAIN;
        for (int i = 0; status == OP_AGAIN && i < 20; i++)
            status = one.op->process(one.op, 0, one.batch, &one.outputs);
        mem_fail_at(0, false);
        CU_ASSERT_EQUAL(status, OP_DONE);
        CU_ASSERT_EQUAL(one.op->stats.absorbed + one.outputs.error_count, 20);
        CU_ASSERT_EQUAL(one_watermark(&one, INT64_MAX), OP_DONE);
        CU_ASSERT_EQUAL(one.outputs.result_count, one.op->stats.absorbed);
        one_deinit(&one);
    }
}

static CU_TestInfo cases[] = {{"agg with finish", test_agg_finish},
                              {"division by nothing", test_division},
                              {"errors in finish", test_finish_error},
                              {"by hand", test_by_hand},
                              {"compound key", test_compound_key},
                              {"failing add", test_failing_add},
                              {"failing init", test_failing_init},
                              {"stop and retry", test_stop_and_retry},
                              {"agrees with native", test_agrees_with_native},
                              {"build errors", test_build_errors},
                              {"no memory", test_no_memory},
                              CU_TEST_INFO_NULL};
UNIT_MAIN(UNIT_SUITE("aggregate: scripts", cases))
