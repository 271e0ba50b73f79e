// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "operators/process.h"
#include "operator_test.h"

// The operator by itself: full outputs, records that are tried again, and failing memory.

static const char options[] = "key_by: k\n"
                              "lua: |\n"
                              "  return {\n"
                              "    state = { n = state.counter(), v = state.value() },\n"
                              "    on_record = function(r, ctx)\n"
                              "      ctx.v:set({ a = r.k })\n"
                              "      ctx.timer('t', ctx.time + 10)\n"
                              "      ctx.emit(r)\n"
                              "      ctx.emit({ n = ctx.n:add(1), a = ctx.v:get().a })\n"
                              "      if r.bad then error('bad') end\n"
                              "    end,\n"
                              "    on_timer = function(name, ctx)\n"
                              "      ctx.emit({ name = name, n = ctx.n:get() })\n"
                              "    end,\n"
                              "  }\n";

static void check_out(struct one_operator *one, const char *expected)
{
    char *out = one_take(one, PORT_OUT);
    CU_ASSERT_STRING_EQUAL(out, expected);
    if (strcmp(out, expected) != 0)
        printf("\n%s", out);
    free(out);
}

static void full_outputs(void)
{
    struct one_operator one = {0};
    CU_ASSERT_EQUAL_FATAL(one_init(&one, &process_class, options), 0);
    one.outputs.room = 1;
    for (int i = 0; i < 3; i++)
        CU_ASSERT_PTR_NOT_NULL(one_send(&one, "{\"k\":1}", i));
    CU_ASSERT_EQUAL(one_watermark(&one, 100), OP_DONE);
    CU_ASSERT_TRUE(one.agains > 3);
    check_out(&one, "0 {\"k\":1}\n0 {\"a\":1,\"n\":1}\n1 {\"k\":1}\n1 {\"a\":1,\"n\":2}\n"
                    "2 {\"k\":1}\n2 {\"a\":1,\"n\":3}\n12 {\"n\":3,\"name\":\"t\"}\n");
    one_deinit(&one);
}

static void failed_records_leave_nothing(void)
{
    struct one_operator one = {0};
    CU_ASSERT_EQUAL_FATAL(one_init(&one, &process_class, options), 0);
    one_send(&one, "{\"k\":1}", 0);
    one_send(&one, "{\"k\":1,\"bad\":true}", 50);
    one_send(&one, "{\"k\":2,\"bad\":true}", 50);
    CU_ASSERT_EQUAL(one_watermark(&one, 100), OP_DONE);
    CU_ASSERT_EQUAL(one.outputs.error_count, 2);
    check_out(&one, "0 {\"k\":1}\n0 {\"a\":1,\"n\":1}\n10 {\"n\":1,\"name\":\"t\"}\n");
    one_deinit(&one);
}

// Whatever allocation fails, once or from there on: no crash, no leak.
static void no_memory(void)
{
    for (int all_after = 0; all_after < 2; all_after++) {
        bool failed = true;
        for (uint64_t n = 1; failed && n < 2000; n++) {
            struct one_operator one = {0};
            CU_ASSERT_EQUAL_FATAL(one_init(&one, &process_class, options), 0);
            CU_ASSERT_PTR_NOT_NULL(one_send(&one, "{\"k\":1}", 0));
            CU_ASSERT_PTR_NOT_NULL(one_send(&one, "{\"k\":\"another, longer key that is\"}", 1));
            mem_fail_at(n, all_after);
            enum op_status status = one.op->process(one.op, 0, one.batch, &one.outputs);
            failed = mem_fail_count() > 0;
            mem_fail_at(0, false);
            CU_ASSERT(status == OP_DONE || status == OP_AGAIN || status == OP_STOP);
            one_deinit(&one);
        }
        CU_ASSERT_FALSE(failed);
    }
}

static CU_TestInfo cases[] = {{"full outputs", full_outputs},
                              {"failed records leave nothing", failed_records_leave_nothing},
                              {"no memory", no_memory},
                              CU_TEST_INFO_NULL};
UNIT_MAIN(UNIT_SUITE("process", cases))
