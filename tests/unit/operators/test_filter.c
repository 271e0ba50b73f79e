// SPDX-License-Identifier: MIT
#include "operators/filter.h"
#include "operator_test.h"

static void conditions(void)
{
    struct one_operator one;
    build(&one, &filter_class, "when: status >= 500 and method ~= \"GET\"");
    one_send(&one, "{\"status\":500,\"method\":\"PUT\"}", 1);
    one_send(&one, "{\"status\":500,\"method\":\"GET\"}", 2);
    one_send(&one, "{\"status\":404,\"method\":\"PUT\"}", 3);
    one_send(&one, "{\"method\":\"PUT\"}", 4);
    one_send(&one, "{\"status\": 503, \"method\":\"PUT\"}", 5);
    CU_ASSERT_EQUAL(one_process(&one), OP_DONE);
    CHECK_PORT(&one, 0,
               "1 {\"status\":500,\"method\":\"PUT\"}\n"
               "5 {\"status\": 503, \"method\":\"PUT\"}\n"); // as it came
    CU_ASSERT_EQUAL(one.op->stats.filtered, 2);
    CU_ASSERT_EQUAL(one.outputs.error_count, 1);
    CU_ASSERT_EQUAL(one.outputs.last_error_index, 3);
    CU_ASSERT_PTR_NOT_NULL(strstr(one.outputs.errors[0], "write (status or 0)"));
    CU_ASSERT_PTR_NOT_NULL(strstr(one.outputs.errors[0], "test.yaml:8: "));
    check_accounts(&one, 5);
    one_deinit(&one);
}

static void scripts(void)
{
    struct one_operator one;
    build(&one, &filter_class,
          "lua: 'return function(r) return r.v > conf.least end'\n"
          "params: { least: 10 }");
    for (int i = 0; i < 3000; i++) {
        char json[64];
        (void)snprintf(json, sizeof json, "{\"v\":%d}", i % 20);
        one_send(&one, json, i);
    }
    CU_ASSERT_EQUAL(one_process(&one), OP_DONE);
    CU_ASSERT_EQUAL(fake_results(&one.outputs, 0), 1350);
    check_accounts(&one, 3000);
    one_deinit(&one);
}

// The step's time is over again and again, and an output that is full: nothing is lost or repeated.
static void resuming(void)
{
    struct one_operator one;
    build(&one, &filter_class, "lua: 'return function(r) return r.v % 2 == 0 end'");
    one.outputs.late = true;
    for (int i = 0; i < 1000; i++) {
        char json[64];
        (void)snprintf(json, sizeof json, "{\"v\":%d}", i);
        one_send(&one, json, i);
    }
    CU_ASSERT_EQUAL(one_process(&one), OP_DONE);
    CU_ASSERT(one.agains >= 10);
    CU_ASSERT_EQUAL(fake_results(&one.outputs, 0), 500);
    for (uint32_t i = 0; i < 500; i++)
        CU_ASSERT_EQUAL(fake_result(&one.outputs, 0, i)->time, 2 * i);
    check_accounts(&one, 1000);
    struct batch *batch = batch_new(one.pool);
    CU_ASSERT_PTR_NOT_NULL_FATAL(batch);
    one_send(&one, "{\"v\":2}", 7);
    one.outputs.late = false;
    one.outputs.room = 0;
    CU_ASSERT_EQUAL(one.op->process(one.op, 0, one.batch, &one.outputs), OP_AGAIN);
    CU_ASSERT_EQUAL(one.op->process(one.op, 0, one.batch, &one.outputs), OP_AGAIN);
    one.outputs.room = UINT32_MAX;
    CU_ASSERT_EQUAL(one_process(&one), OP_DONE);
    CU_ASSERT_EQUAL(fake_results(&one.outputs, 0), 501);
    batch_unref(batch);
    one_deinit(&one);
}

static void verdicts(void)
{
    struct one_operator one;
    build(&one, &filter_class, "when: v > 1");
    one.outputs.verdict = ERROR_STOP;
    one_send(&one, "{\"v\":2}", 0);
    one_send(&one, "{}", 1);
    CU_ASSERT_EQUAL(one_process(&one), OP_STOP);
    one_deinit(&one);
    build(&one, &filter_class, "when: v > 1");
    one.outputs.verdict = ERROR_RETRY;
    one_send(&one, "{\"v\":2}", 0);
    one_send(&one, "{}", 1);
    one_send(&one, "{\"v\":3}", 2);
    CU_ASSERT_EQUAL(one.op->process(one.op, 0, one.batch, &one.outputs), OP_AGAIN);
    CU_ASSERT_EQUAL(one.batch->cursor, 1);
    one.outputs.verdict = ERROR_SKIP;
    CU_ASSERT_EQUAL(one_process(&one), OP_DONE);
    CHECK_PORT(&one, 0, "0 {\"v\":2}\n2 {\"v\":3}\n");
    one_deinit(&one);
}

static void building(void)
{
    build_fails(&filter_class, "", "wants a script: FILE, or lua:");
    build_fails(&filter_class, "when: 'v >'", "test.yaml:8: ");
    build_fails(&filter_class, "when: v > 1\nlua: return print", "not both");
    build_fails(&filter_class, "lua: return {}", "no functions");
    build_fails(&filter_class, "lua: 'return { init = print }'", "has to return a function");
    build_fails(&filter_class, "lua: 'return agg { n = agg.count() }'", "has to return a function");
    build_fails(&filter_class, "script: nowhere.lua", "nowhere.lua");
}

static CU_TestInfo cases[] = {{"conditions", conditions}, {"scripts", scripts},
                              {"resuming", resuming},     {"on_error", verdicts},
                              {"building", building},     CU_TEST_INFO_NULL};

UNIT_MAIN(UNIT_SUITE("operators/filter", cases))
