// SPDX-License-Identifier: MIT
#include "record/node.h"
#include "support/unit.h"
#include "unit/record/lane.h"

static const char nested[] =
    "{\"a\":{\"b\":{\"c\":[1,\"x\",null,{\"d\":1e2}]},\"e\\n\":12345678901234567890},"
    "\"l\":[[1],[2]],\"n\":0}";

static void test_reads_leave_it_untouched(void)
{
    struct lane lane;
    lane_init(&lane);
    struct record *r = lane_record(&lane, nested);
    struct node *a = node_enter(lane.batch, r, 0);
    struct node *b = node_enter_member(lane.batch, a, 0);
    struct node *c = node_enter_member(lane.batch, b, 0);
    CU_ASSERT_FATAL(a && b && c);
    CU_ASSERT_EQUAL(a->count, 2);
    CU_ASSERT_EQUAL(c->count, 4);
    CU_ASSERT_EQUAL(node_at(lane.batch, c, 0).i, 1);
    CU_ASSERT_EQUAL(node_at(lane.batch, c, 2).type, VALUE_NULL);
    CU_ASSERT_EQUAL(node_at(lane.batch, c, 4).type, VALUE_ABSENT);
    CU_ASSERT_EQUAL(node_get(lane.batch, a, "e\n", 2).type, VALUE_FLOAT);
    CU_ASSERT_EQUAL(node_get(lane.batch, a, "x", 1).type, VALUE_ABSENT);
    CU_ASSERT_PTR_EQUAL(node_enter(lane.batch, r, 0), a);
    CU_ASSERT_PTR_NULL(node_enter(lane.batch, r, 2));
    CU_ASSERT_PTR_NULL(node_enter(lane.batch, r, -1));
    CU_ASSERT_PTR_NULL(node_enter_member(lane.batch, c, 0));
    CU_ASSERT_PTR_NULL(node_enter_member(lane.batch, c, 9));
    CU_ASSERT(record_untouched(r));
    CHECK_TEXT(lane_json(&lane, r), nested);
    lane_deinit(&lane);
}

// What was not touched inside a changed node is written as it came.
static void test_changes_deep_inside(void)
{
    struct lane lane;
    lane_init(&lane);
    struct record *r = lane_record(&lane, nested);
    struct node *a = node_enter(lane.batch, r, 0);
    struct node *c = node_enter_member(lane.batch, node_enter_member(lane.batch, a, 0), 0);
    CU_ASSERT_EQUAL(node_set_at(lane.batch, c, 0, value_float(2)), 0);
    CU_ASSERT_FALSE(record_untouched(r));
    CHECK_TEXT(lane_json(&lane, r), "{\"a\":{\"b\":{\"c\":[2.0,\"x\",null,{\"d\":1e2}]},\"e\\n\":"
                                    "12345678901234567890},\"l\":[[1],[2]],\"n\":0}");
    lane_deinit(&lane);
}

static void test_arrays(void)
{
    struct lane lane;
    lane_init(&lane);
    struct record *r = lane_record(&lane, "{\"l\":[1,2]}");
    struct node *l = node_enter(lane.batch, r, 0);
    CU_ASSERT_EQUAL(node_set_at(lane.batch, l, 3, value_int(4)), ERR_INPUT);
    CU_ASSERT_EQUAL(node_set_at(lane.batch, l, 0, value_absent()), ERR_INPUT);
    CU_ASSERT_EQUAL(node_set(lane.batch, l, "x", 1, value_int(4)), ERR_INPUT);
    CU_ASSERT(record_untouched(r));
    for (int i = 2; i < 12; i++)
        CU_ASSERT_EQUAL(node_set_at(lane.batch, l, (uint32_t)i, value_int(i + 1)), 0);
    CHECK_TEXT(lane_json(&lane, r), "{\"l\":[1,2,3,4,5,6,7,8,9,10,11,12]}");
    for (uint32_t i = 12; i-- > 0;)
        CU_ASSERT_EQUAL(node_set_at(lane.batch, l, i, value_absent()), 0);
    CU_ASSERT_EQUAL(node_set_at(lane.batch, l, 0, value_absent()), 0);
    CHECK_TEXT(lane_json(&lane, r), "{\"l\":[]}");
    lane_deinit(&lane);
}

static void test_objects(void)
{
    struct lane lane;
    lane_init(&lane);
    struct record *r = lane_record(&lane, "{\"o\":{\"a\":1,\"b\":2,\"a\":3,\"c\":4}}");
    struct node *o = node_enter(lane.batch, r, 0);
    CU_ASSERT_EQUAL(node_get(lane.batch, o, "a", 1).i, 3);
    CU_ASSERT_EQUAL(node_set(lane.batch, o, "none", 4, value_absent()), 0);
    CU_ASSERT(record_untouched(r));
    CU_ASSERT_EQUAL(node_set(lane.batch, o, "a", 1, value_int(9)), 0);
    CU_ASSERT_EQUAL(node_set(lane.batch, o, "b", 1, value_absent()), 0);
    CU_ASSERT_EQUAL(node_set(lane.batch, o, "q\"", 2, value_string("\n", 1)), 0);
    CHECK_TEXT(lane_json(&lane, r), "{\"o\":{\"a\":9,\"c\":4,\"q\\\"\":\"\\n\"}}");
    lane_deinit(&lane);
}

static void test_values_go_in_and_out(void)
{
    struct lane lane;
    struct value copy;
    lane_init(&lane);
    struct record *r = lane_record(&lane, nested);
    struct node *l = node_enter(lane.batch, r, 1);
    struct value whole = record_get(lane.batch, r, 1);
    CU_ASSERT_EQUAL(node_set_at(lane.batch, l, 2, whole), ERR_INPUT); // into itself
    CU_ASSERT_EQUAL(value_copy(lane.batch, whole, &copy), 0);
    CU_ASSERT_EQUAL(node_set_at(lane.batch, l, 2, copy), 0);
    CU_ASSERT_EQUAL(record_set_name(lane.batch, r, "n", 1, value_null()), 0);
    CHECK_TEXT(lane_json(&lane, r), "{\"a\":{\"b\":{\"c\":[1,\"x\",null,{\"d\":1e2}]},\"e\\n\":"
                                    "12345678901234567890},\"l\":[[1],[2],[[1],[2]]],\"n\":null}");
    // A changed one is copied as it is now, and the copy does not follow.
    CU_ASSERT_EQUAL(value_copy(lane.batch, record_get(lane.batch, r, 1), &copy), 0);
    CU_ASSERT(copy.flags & VALUE_IS_NODE);
    CU_ASSERT_EQUAL(record_set_name(lane.batch, r, "k", 1, copy), 0);
    struct node *k = node_enter(lane.batch, r, 3);
    struct node *first = node_enter_member(lane.batch, k, 0);
    CU_ASSERT_EQUAL(node_set_at(lane.batch, first, 0, value_int(8)), 0);
    CU_ASSERT_EQUAL(record_set(lane.batch, r, 0, value_absent()), 0);
    CHECK_TEXT(lane_json(&lane, r),
               "{\"l\":[[1],[2],[[1],[2]]],\"n\":null,\"k\":[[8],[2],[[1],[2]]]}");
    lane_deinit(&lane);
}

static void test_made_from_nothing(void)
{
    struct lane lane;
    lane_init(&lane);
    struct record *r = batch_add(lane.batch);
    struct node *array = node_new(lane.batch, true), *object = node_new(lane.batch, false);
    struct value value = {.type = VALUE_ARRAY, .flags = VALUE_IS_NODE, .node = array};
    CU_ASSERT_EQUAL(record_set_name(lane.batch, r, "e", 1, value), 0);
    value = (struct value){.type = VALUE_OBJECT, .flags = VALUE_IS_NODE, .node = object};
    CU_ASSERT_EQUAL(node_set_at(lane.batch, array, 0, value), 0);
    CHECK_TEXT(lane_json(&lane, r), "{\"e\":[{}]}");
    for (int i = 0; i < 9; i++) { // cells move; the node stays where it is
        char name[4] = {'f', (char)('0' + i), 0};
        CU_ASSERT_EQUAL(record_set_name(lane.batch, r, name, 2, value_int(i)), 0);
        CU_ASSERT_PTR_EQUAL(array->cell, &r->cells[0]);
    }
    CU_ASSERT_EQUAL(node_set(lane.batch, object, "x", 1, value_bool(true)), 0);
    CHECK_TEXT(lane_json(&lane, r), "{\"e\":[{\"x\":true}],\"f0\":0,\"f1\":1,\"f2\":2,\"f3\":3,"
                                    "\"f4\":4,\"f5\":5,\"f6\":6,\"f7\":7,\"f8\":8}");
    lane_deinit(&lane);
}

static void test_too_deep_is_an_error(void)
{
    struct lane lane;
    struct value copy;
    lane_init(&lane);
    struct record *r = batch_add(lane.batch);
    struct node *inner = node_new(lane.batch, true);
    CU_ASSERT_EQUAL(node_set_at(lane.batch, inner, 0, value_int(1)), 0);
    for (int i = 0; i < 100000; i++) {
        struct node *outer = node_new(lane.batch, true);
        struct value value = {.type = VALUE_ARRAY, .flags = VALUE_IS_NODE, .node = inner};
        CU_ASSERT_EQUAL(node_set_at(lane.batch, outer, 0, value), 0);
        inner = outer;
    }
    struct value value = {.type = VALUE_ARRAY, .flags = VALUE_IS_NODE, .node = inner};
    CU_ASSERT_EQUAL(value_copy(lane.batch, value, &copy), ERR_LIMIT);
    CU_ASSERT_EQUAL(record_set_name(lane.batch, r, "d", 1, value), 0);
    CU_ASSERT_EQUAL(json_write(lane.batch, r, &lane.out, &lane.err), ERR_LIMIT);
    CHECK_TEXT(lane.err.text, "member 'd': too large or nested too deep to be written");
    lane_deinit(&lane);
}

static CU_TestInfo cases[] = {
    {"entering and reading leaves a record untouched", test_reads_leave_it_untouched},
    {"a change deep inside", test_changes_deep_inside},
    {"arrays have no holes", test_arrays},
    {"objects keep their order", test_objects},
    {"values are copied in and out", test_values_go_in_and_out},
    {"nodes made from nothing", test_made_from_nothing},
    {"a tree without end is an error", test_too_deep_is_an_error},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("node", cases))
