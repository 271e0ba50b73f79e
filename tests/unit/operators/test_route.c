// SPDX-License-Identifier: MIT
#include "operators/route.h"
#include "operator_test.h"

enum { UNMATCHED = 1, ERRORS, SLOW };

static const char routes[] = "routes:\n"
                             "  failures: status >= 500\n"
                             "  slow: ms > 1000\n";

static void send_some(struct one_operator *one)
{
    one_send(one, "{\"status\":500,\"ms\":1}", 1);
    one_send(one, "{\"status\":200,\"ms\":2000}", 2);
    one_send(one, "{\"status\":200,\"ms\":1}", 3);
    one_send(one, "{\"status\":503,\"ms\":5000}", 4);
    one_send(one, "{\"ms\":5000}", 5);
}

static void first(void)
{
    struct one_operator one;
    build(&one, &route_class, routes);
    CU_ASSERT_STRING_EQUAL(one.op->ports[0], "unmatched");
    CU_ASSERT_STRING_EQUAL(one.op->ports[1], "failures");
    CU_ASSERT_STRING_EQUAL(one.op->ports[2], "slow");
    CU_ASSERT_PTR_NULL(one.op->ports[3]);
    send_some(&one);
    CU_ASSERT_EQUAL(one_process(&one), OP_DONE);
    CHECK_PORT(&one, UNMATCHED, "3 {\"status\":200,\"ms\":1}\n");
    CHECK_PORT(&one, ERRORS, "1 {\"status\":500,\"ms\":1}\n4 {\"status\":503,\"ms\":5000}\n");
    CHECK_PORT(&one, SLOW, "2 {\"status\":200,\"ms\":2000}\n");
    CU_ASSERT_EQUAL(one.outputs.error_count, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(one.outputs.errors[0], "test.yaml:9: attempt to compare"));
    check_accounts(&one, 5);
    one_deinit(&one);
}

static void all(void)
{
    for (uint32_t room = 1; room < 5; room++) {
        struct one_operator one;
        char options[256];
        (void)snprintf(options, sizeof options, "%smatch: all", routes);
        build(&one, &route_class, options);
        one.outputs.room = room;
        send_some(&one);
        CU_ASSERT_EQUAL(one_process(&one), OP_DONE);
        CHECK_PORT(&one, UNMATCHED, "3 {\"status\":200,\"ms\":1}\n");
        CHECK_PORT(&one, ERRORS, "1 {\"status\":500,\"ms\":1}\n4 {\"status\":503,\"ms\":5000}\n");
        CHECK_PORT(&one, SLOW, "2 {\"status\":200,\"ms\":2000}\n4 {\"status\":503,\"ms\":5000}\n");
        CU_ASSERT_EQUAL(one.op->stats.created, 1);
        check_accounts(&one, 5);
        one_deinit(&one);
    }
}

static void unwanted(void)
{
    struct one_operator one;
    build(&one, &route_class, routes);
    one.outputs.ports[UNMATCHED].unwanted = true;
    send_some(&one);
    CU_ASSERT_EQUAL(one_process(&one), OP_DONE);
    CU_ASSERT_EQUAL(one.op->stats.filtered, 1);
    check_accounts(&one, 5);
    one_deinit(&one);
}

static void building(void)
{
    build_fails(&route_class, "match: all", "routes");
    build_fails(&route_class, "routes: { a: 'x >' }", "test.yaml:8: ");
    build_fails(&route_class, "routes:\n  a: x > 1\n  b: foo(x)", "test.yaml:9: global 'foo'");
    build_fails(&route_class, "routes: {}", "routes");
    build_fails(&route_class, "routes: { a: { b: c } }", "the route 'a' is no condition");
    char options[4096] = "routes:\n";
    for (int i = 0; i < 70; i++)
        snprintf(options + strlen(options), sizeof options - strlen(options), "  p%d: x > %d\n", i,
                 i);
    build_fails(&route_class, options, "more than 63 routes");
    build_without_memory(&route_class, "routes: { a: x > 1, b: x < 1 }\nmatch: all");
}

static CU_TestInfo cases[] = {{"first match", first},
                              {"all matches", all},
                              {"nobody reads the rest", unwanted},
                              {"building", building},
                              CU_TEST_INFO_NULL};

UNIT_MAIN(UNIT_SUITE("operators/route", cases))
