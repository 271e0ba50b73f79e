// SPDX-License-Identifier: MIT
#include "cli/expect.h"
#include "support/unit.h"

#include <string.h>

// What `expect:` calls equal.

struct comparison {
    const char *wanted; // a JSON list
    const char *lines;  // what came
    bool order, subset, met;
};

static const struct comparison comparisons[] = {
    {"[]", "", false, false, true},
    {"[]", "{\"a\":1}\n", false, false, false},
    {"[{\"a\":1}]", "", false, false, false},
    {"[{\"a\":1},{\"a\":2}]", "{\"a\":2}\n{\"a\":1}\n", false, false, true},
    {"[{\"a\":1},{\"a\":2}]", "{\"a\":2}\n{\"a\":1}\n", true, false, false},
    {"[{\"a\":1},{\"a\":2}]", "{\"a\":1}\n{\"a\":2}\n", true, false, true},
    {"[{\"a\":1},{\"a\":1}]", "{\"a\":1}\n", false, false, false}, // a multiset
    {"[{\"a\":1}]", "{\"a\":1}\n{\"a\":1}\n", false, false, false},
    {"[{\"a\":1}]", "{\"a\":1.0}\n", false, false, false}, // three things
    {"[{\"a\":1}]", "{\"a\":\"1\"}\n", false, false, false},
    {"[{\"a\":1.0}]", "{\"a\":1.0}\n", false, false, true},
    {"[{\"a\":null}]", "{}\n", false, false, false},
    {"[{\"a\":1}]", "{\"a\":1,\"b\":2}\n", false, false, false},
    {"[{\"a\":1}]", "{\"a\":1,\"b\":2}\n", false, true, true},
    {"[{\"a\":{\"b\":1}}]", "{\"a\":{\"b\":1,\"c\":2}}\n", false, true, true},
    {"[{\"a\":1}]", "{\"b\":2}\n", false, true, false},
    {"[{\"a\":null}]", "{\"b\":2}\n", false, true, false},
    {"[{\"a\":[1]}]", "{\"a\":[1,2]}\n", false, true, false},
    {"[null]", "null\n", false, false, true}, // a tombstone
    {"[{\"a\":\"\\u0000\"}]", "{\"a\":\"\\u0000\"}\n", false, false, true},
};

static void check(const struct comparison *c)
{
    struct buf lines, report;
    struct error err = ERROR_INIT;
    buf_init(&lines, 4096);
    buf_init(&report, 4096);
    CU_ASSERT_EQUAL(buf_puts(&lines, c->lines), 0);
    struct expectation expectation = {
        .order = c->order,
        .subset = c->subset,
        .values = json_loads(c->wanted, JSON_ALLOW_NUL, NULL),
    };
    CU_ASSERT_PTR_NOT_NULL_FATAL(expectation.values);
    int code = expect_values(&expectation, "node", &lines, &report, &err);
    CU_ASSERT_EQUAL(code, c->met ? 0 : ERR_DATA);
    if (code != (c->met ? 0 : ERR_DATA))
        printf("\n  wanted %s, came %s", c->wanted, c->lines);
    CU_ASSERT_EQUAL(report.len == 0, c->met);
    json_decref(expectation.values);
    buf_deinit(&lines);
    buf_deinit(&report);
}

static void equality(void)
{
    for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons; i++)
        check(&comparisons[i]);
}

static void both_are_shown(void)
{
    struct buf lines, report;
    struct error err = ERROR_INIT;
    buf_init(&lines, 4096);
    buf_init(&report, 4096);
    CU_ASSERT_EQUAL(buf_puts(&lines, "{\"a\":2}\n"), 0);
    struct expectation expectation = {.values = json_loads("[]", 0, NULL), .order = true};
    CU_ASSERT_EQUAL(expect_values(&expectation, "node.late", &lines, &report, &err), ERR_DATA);
    CU_ASSERT_STRING_EQUAL(err.text, "node.late gave other records than expected (in this order)");
    CU_ASSERT_STRING_EQUAL(buf_cstr(&report), "expected:  nothing\ncame:\n  {\"a\":2}\n");
    json_decref(expectation.values);
    buf_deinit(&lines);
    buf_deinit(&report);
}

static CU_TestInfo cases[] = {
    {"equality", equality},
    {"both are shown", both_are_shown},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("expect", cases))
