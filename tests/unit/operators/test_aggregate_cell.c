// SPDX-License-Identifier: MIT
#include "operators/aggregate_cell.h"
#include "base/alloc.h"
#include "record/node.h"
#include "support/unit.h"
#include "unit/record/lane.h"

// Single cells: order of integers and floats, sums that become floats, values that are kept.

static void numbers_compare_exactly(void)
{
    static const struct {
        int64_t i;
        double f;
        int order;
    } rows[] = {
        {1, 1.0, 0},
        {1, 1.5, -1},
        {2, 1.5, 1},
        {-1, -1.5, 1},
        {INT64_MAX, 0x1p63, -1}, // which (double)INT64_MAX would equal
        {INT64_MIN, -0x1p63, 0},
        {INT64_MIN, -0x1.8p63, 1},
        {9007199254740993, 9007199254740992.0, 1},
        {0, -0.0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct value a = value_int(rows[i].i), b = value_float(rows[i].f);
        CU_ASSERT_EQUAL(number_compare(a, b), rows[i].order);
        CU_ASSERT_EQUAL(number_compare(b, a), -rows[i].order);
    }
}

// A node is kept as its JSON text, with bytes that are counted and given back.
static void nested_values_are_kept_as_text(void)
{
    struct lane lane;
    struct value kept;
    struct state_budget budget = {.limit_bytes = 20};
    lane_init(&lane);
    struct record *record =
        lane_record(&lane, "{\"a\":{\"b\":[1, 2]},\"long\":[12345678,12345678]}");
    struct node *node = node_enter(lane.batch, record, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(node);
    CU_ASSERT_EQUAL(node_set(lane.batch, node, "c", 1, value_null()), 0);
    struct value value = record_get(lane.batch, record, 0);
    CU_ASSERT(value.flags & VALUE_IS_NODE);
    CU_ASSERT_EQUAL(value_own(&budget, value, &kept), ERR_LIMIT);
    CU_ASSERT_EQUAL(budget.used_bytes, 0);
    budget.limit_bytes = 100;
    CU_ASSERT_EQUAL_FATAL(value_own(&budget, value, &kept), 0);
    static const char text[] = "{\"b\":[1, 2],\"c\":null}";
    CU_ASSERT_EQUAL(budget.used_bytes, sizeof text - 1);
    CU_ASSERT_EQUAL(kept.type, VALUE_OBJECT);
    CU_ASSERT_EQUAL(kept.flags, 0);
    lane_new_batch(&lane); // the record is gone, what was kept stays
    CU_ASSERT(kept.len == sizeof text - 1 && !memcmp(kept.bytes, text, kept.len));
    value_disown(&budget, &kept);
    CU_ASSERT_EQUAL(budget.used_bytes, 0);
    lane_deinit(&lane);
}

static void keeping_survives_a_lack_of_memory(void)
{
    struct lane lane;
    struct value kept;
    struct state_budget budget = {0};
    lane_init(&lane);
    struct record *record = lane_record(&lane, "{\"a\":{\"b\":1}}");
    CU_ASSERT_PTR_NOT_NULL_FATAL(node_enter(lane.batch, record, 0));
    struct value value = record_get(lane.batch, record, 0);
    for (uint64_t n = 1;; n++) {
        mem_fail_at(n, false);
        int code = value_own(&budget, value, &kept);
        bool fired = mem_fail_count() > 0;
        mem_fail_at(0, false);
        CU_ASSERT_EQUAL(code, fired ? ERR_NOMEM : 0);
        if (!fired)
            break;
        CU_ASSERT_EQUAL(budget.used_bytes, 0);
    }
    value_disown(&budget, &kept);
    lane_deinit(&lane);
}

static CU_TestInfo cases[] = {
    {"numbers compare exactly", numbers_compare_exactly},
    {"nested values are kept as text", nested_values_are_kept_as_text},
    {"keeping survives a lack of memory", keeping_survives_a_lack_of_memory},
    CU_TEST_INFO_NULL,
};
UNIT_MAIN(UNIT_SUITE("aggregate_cell", cases))
