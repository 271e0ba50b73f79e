// SPDX-License-Identifier: MIT
#include "record/shape.h"
#include "base/arena.h"
#include "support/unit.h"
#include <stdio.h>

static void fill(struct shape_name *names, char (*texts)[16], uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        int len = snprintf(texts[i], sizeof texts[i], "n%u", i);
        names[i] = (struct shape_name){.bytes = texts[i], .len = (uint32_t)len};
    }
}

static void test_interned_once(void)
{
    struct shape_table *table = shape_table_new();
    struct shape_name names[3] = {
        {.bytes = "a", .len = 1}, {.bytes = "bc", .len = 2}, {.bytes = "", .len = 0}};
    const struct shape *abc = shape_intern(table, NULL, names, 3);
    CU_ASSERT_PTR_EQUAL(shape_intern(table, NULL, names, 3), abc);
    const struct shape *step = shape_empty(table);
    for (int i = 0; i < 3; i++)
        step = shape_extend(table, NULL, step, names[i].bytes, names[i].len);
    CU_ASSERT_PTR_EQUAL(step, abc);
    CU_ASSERT_PTR_NOT_EQUAL(shape_intern(table, NULL, names, 2), abc);
    CU_ASSERT_EQUAL(shape_find(abc, "bc", 2), 1);
    CU_ASSERT_EQUAL(shape_find(abc, "", 0), 2);
    CU_ASSERT_EQUAL(shape_find(abc, "b", 1), -1);
    // "ab","c" and "a","bc" are two shapes.
    struct shape_name other[2] = {{.bytes = "ab", .len = 2}, {.bytes = "c", .len = 1}};
    CU_ASSERT_PTR_NOT_EQUAL(shape_intern(table, NULL, other, 2),
                            shape_intern(table, NULL, names, 2));
    shape_table_free(table);
}

static void test_large_shapes(void)
{
    enum { COUNT = 3000 };
    static struct shape_name names[COUNT];
    static char texts[COUNT][16];
    struct shape_table *table = shape_table_new();
    fill(names, texts, COUNT);
    const struct shape *shape = shape_intern(table, NULL, names, COUNT);
    CU_ASSERT_PTR_NOT_NULL_FATAL(shape);
    for (uint32_t i = 0; i < COUNT; i++)
        CU_ASSERT_EQUAL(shape_find(shape, texts[i], names[i].len), (int32_t)i);
    CU_ASSERT_EQUAL(shape_find(shape, "n3000", 5), -1);
    CU_ASSERT_FALSE(shape->flags & SHAPE_DUPLICATES);
    names[7] = names[2999];
    shape = shape_intern(table, NULL, names, COUNT);
    CU_ASSERT_EQUAL(shape_find(shape, "n2999", 5), 2999);
    CU_ASSERT(shape->flags & SHAPE_DUPLICATES);
    shape_table_free(table);
}

static void test_last_duplicate_is_found(void)
{
    struct shape_table *table = shape_table_new();
    struct shape_name names[3] = {
        {.bytes = "a", .len = 1}, {.bytes = "b", .len = 1}, {.bytes = "a", .len = 1}};
    const struct shape *shape = shape_intern(table, NULL, names, 3);
    CU_ASSERT_EQUAL(shape_find(shape, "a", 1), 2);
    CU_ASSERT(shape->flags & SHAPE_DUPLICATES);
    shape_table_free(table);
}

// When the table is full, shapes live in the arena; their ids are still unique.
static void test_full_table(void)
{
    struct shape_table *table = shape_table_new(), *second = shape_table_new();
    struct arena arena;
    char name[16];
    uint64_t last = 0;
    int private_shapes = 0;
    arena_init(&arena, 1 << 16);
    for (int i = 0; i < SHAPES_MAX + 100; i++) {
        int len = snprintf(name, sizeof name, "field%d", i);
        const struct shape *shape =
            shape_extend(table, &arena, shape_empty(table), name, (uint32_t)len);
        CU_ASSERT_PTR_NOT_NULL_FATAL(shape);
        CU_ASSERT(shape->id > last);
        last = shape->id;
        private_shapes += !(shape->flags & SHAPE_INTERNED);
        CU_ASSERT_EQUAL(shape_find(shape, name, (uint32_t)len), 0);
    }
    CU_ASSERT_EQUAL(private_shapes, 101); // the empty one is interned as well
    CU_ASSERT_NOT_EQUAL(shape_empty(table)->id, shape_empty(second)->id);
    struct shape_name new_name = {.bytes = "no arena", .len = 8};
    CU_ASSERT_PTR_NULL(shape_intern(table, NULL, &new_name, 1));
    arena_deinit(&arena);
    shape_table_free(table);
    shape_table_free(second);
}

static void test_field_memo(void)
{
    struct shape_table *table = shape_table_new();
    const struct shape *shapes[40];
    struct field field;
    field_init(&field, "x", 1);
    shapes[0] = shape_empty(table);
    for (int i = 1; i < 40; i++) {
        char name[8];
        int len = snprintf(name, sizeof name, i == 20 ? "x" : "n%d", i);
        shapes[i] = shape_extend(table, NULL, shapes[i - 1], name, (uint32_t)len);
    }
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 40; i++)
            CU_ASSERT_EQUAL(field_slot(&field, shapes[i]), i < 20 ? -1 : 19);
    shape_table_free(table);
}

static CU_TestInfo cases[] = {
    {"the same names are one shape", test_interned_once},
    {"large shapes find every name", test_large_shapes},
    {"the last of two is found", test_last_duplicate_is_found},
    {"a full table makes private shapes", test_full_table},
    {"a field remembers slots", test_field_memo},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("shape", cases))
