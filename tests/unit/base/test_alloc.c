// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "base/error.h"
#include "support/unit.h"

#include <stdint.h>
#include <string.h>

static void fails_the_nth_once(void)
{
    uint64_t before = mem_calls();
    mem_fail_at(2, false);
    void *a = mem_alloc(8), *b = mem_zalloc(8), *c = mem_array(2, 4);
    CU_ASSERT_PTR_NOT_NULL(a);
    CU_ASSERT_PTR_NULL(b);
    CU_ASSERT_PTR_NOT_NULL(c);
    CU_ASSERT_EQUAL(mem_fail_count(), 1);
    CU_ASSERT_EQUAL(mem_calls() - before, 3);
    mem_fail_at(0, false);
    mem_free(a);
    mem_free(c);
}

static void fails_from_the_nth_on(void)
{
    mem_fail_at(2, true);
    char *a = mem_strdup("abc");
    CU_ASSERT_STRING_EQUAL(a, "abc");
    CU_ASSERT_PTR_NULL(mem_strndup("abc", 2));
    CU_ASSERT_PTR_NULL(mem_realloc(a, 100));
    CU_ASSERT_PTR_NULL(mem_alloc(1));
    CU_ASSERT_EQUAL(mem_fail_count(), 3);
    mem_fail_at(0, false);
    void *b = mem_alloc(1);
    CU_ASSERT_PTR_NOT_NULL(b);
    mem_free(b);
    mem_free(a);
}

static void grows_by_doubling(void)
{
    int *items = NULL;
    size_t cap = 0;
    for (int i = 0; i < 1000; i++) {
        CU_ASSERT_EQUAL_FATAL(mem_grow(&items, &cap, (size_t)i + 1, sizeof *items), 0);
        items[i] = i;
    }
    CU_ASSERT_EQUAL(cap, 1024);
    for (int i = 0; i < 1000; i++)
        CU_ASSERT_EQUAL(items[i], i);
    int *old = items;
    CU_ASSERT_EQUAL(mem_grow(&items, &cap, SIZE_MAX / 2, sizeof *items), ERR_NOMEM);
    mem_fail_at(1, false);
    CU_ASSERT_EQUAL(mem_grow(&items, &cap, 5000, sizeof *items), ERR_NOMEM);
    mem_fail_at(0, false);
    CU_ASSERT_PTR_EQUAL(items, old);
    CU_ASSERT_EQUAL(cap, 1024);
    mem_free(items);
}

static void checks_sizes(void)
{
    volatile size_t half = SIZE_MAX / 2;
    CU_ASSERT_PTR_NULL(mem_array(half, 3));
    char *zeros = mem_zalloc(64);
    for (int i = 0; i < 64; i++)
        CU_ASSERT_EQUAL(zeros[i], 0);
    mem_free(zeros);
    void *none = mem_alloc(0);
    CU_ASSERT_PTR_NOT_NULL(none);
    mem_free(none);
    mem_free(NULL);
    char *cut = mem_strndup("abcdef", 3);
    CU_ASSERT_STRING_EQUAL(cut, "abc");
    mem_free(cut);
}

static CU_TestInfo cases[] = {
    {"fails the n-th once", fails_the_nth_once},
    {"fails from the n-th on", fails_from_the_nth_on},
    {"grows by doubling", grows_by_doubling},
    {"checks sizes", checks_sizes},
    CU_TEST_INFO_NULL,
};
UNIT_MAIN(UNIT_SUITE("alloc", cases))
