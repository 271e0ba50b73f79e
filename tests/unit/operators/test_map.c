// SPDX-License-Identifier: MIT
#include "operators/map.h"
#include "operator_test.h"

static void changing(void)
{
    struct one_operator one;
    build(&one, &map_class,
          "lua: |\n  return function(r)\n    if r.v == 0 then return drop end\n"
          "    if r.v == 1 then return { one = true } end\n    r.double = r.v * 2\n"
          "    return r\n  end");
    one_send(&one, "{\"v\":0}", 1);
    one_send(&one, "{\"v\":1}", 2);
    one_send(&one, "{\"v\":\"x\"}", 3);
    one_send(&one, "{\"v\":3}", 4);
    CU_ASSERT_EQUAL(one_process(&one), OP_DONE);
    CHECK_PORT(&one, 0, "2 {\"one\":true}\n4 {\"v\":3,\"double\":6}\n");
    CU_ASSERT_EQUAL(one.op->stats.filtered, 1);
    CU_ASSERT_EQUAL(one.outputs.error_count, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(one.outputs.errors[0], "test.yaml:12: attempt to mul"));
    check_accounts(&one, 4);
    one_deinit(&one);
}

// What a failing function had changed is taken back before the record comes again.
static void retrying(void)
{
    struct one_operator one;
    build(&one, &map_class,
          "lua: 'local n = 0 return function(r) n = n + 1 r.v = r.v + 1 r.o.w = (r.o.w or 0) + 1 "
          "if n < 3 then error(\"later\") end return r end'");
    one.outputs.verdict = ERROR_RETRY;
    one.outputs.may_retry = true;
    one_send(&one, "{\"v\":1,\"o\":{}}", 1);
    CU_ASSERT_EQUAL(one_process(&one), OP_DONE);
    CU_ASSERT_EQUAL(one.outputs.error_count, 2);
    CHECK_PORT(&one, 0, "1 {\"v\":2,\"o\":{\"w\":1}}\n");
    one_deinit(&one);
}

static void forgotten_return(void)
{
    struct one_operator one;
    build(&one, &map_class, "lua: 'return function(r) r.x = 1 end'");
    one_send(&one, "{}", 1);
    CU_ASSERT_EQUAL(one_process(&one), OP_DONE);
    CU_ASSERT_EQUAL(one.outputs.error_count, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(one.outputs.errors[0], "forgot 'return r'?"));
    one_deinit(&one);
}

static CU_TestInfo cases[] = {{"changing records", changing},
                              {"retrying", retrying},
                              {"a forgotten return", forgotten_return},
                              CU_TEST_INFO_NULL};

UNIT_MAIN(UNIT_SUITE("operators/map", cases))
