// SPDX-License-Identifier: MIT
#include "state/keyed.h"
#include "base/alloc.h"
#include "support/unit.h"
#include <stdlib.h>

enum { WINDOWS = 3000 };

static void add_key(struct keyed_window *window, uint64_t number)
{
    struct table_key key;
    struct table_entry *entry;
    bool made;
    table_key_set(&key, (const char *)&number, sizeof number);
    CU_ASSERT_EQUAL_FATAL(table_take(&window->table, &key, &entry, &made), 0);
    entry->slot[0] = number;
}

static void check_order(struct keyed *keyed)
{
    int64_t due = INT64_MIN, start = INT64_MIN;
    struct keyed_window *window;
    while ((window = keyed_next(keyed))) {
        CU_ASSERT_TRUE(window->due.at > due || (window->due.at == due && window->start > start));
        due = window->due.at;
        start = window->start;
        CU_ASSERT_PTR_EQUAL(keyed_find(keyed, start), window);
        keyed_drop(keyed, window);
        CU_ASSERT_PTR_NULL(keyed_find(keyed, start));
    }
}

// Opened in any order, they come up by due and start; what is dropped in between leaves the rest.
static void test_order(void)
{
    struct keyed keyed;
    keyed_init(&keyed, 16, 0);
    srand(3);
    for (int i = 0; i < WINDOWS; i++) {
        int64_t start = (int64_t)((i * 7919) % WINDOWS) * 1000 - 1000000;
        struct keyed_window *window;
        CU_ASSERT_PTR_NULL(keyed_find(&keyed, start));
        CU_ASSERT_EQUAL_FATAL(keyed_open(&keyed, start, start + 1000, rand() % 100, &window), 0);
        add_key(window, (uint64_t)i);
        if (i % 3 == 0)
            keyed_due(&keyed, keyed_at(&keyed, (uint32_t)rand() % keyed_windows(&keyed)),
                      rand() % 100);
        if (i % 5 == 0)
            keyed_drop(&keyed, keyed_at(&keyed, (uint32_t)rand() % keyed_windows(&keyed)));
    }
    CU_ASSERT_EQUAL(keyed_windows(&keyed), WINDOWS - WINDOWS / 5);
    CU_ASSERT_EQUAL(keyed_entries(&keyed), keyed_windows(&keyed));
    for (uint32_t i = 0; i < keyed_windows(&keyed); i++) {
        CU_ASSERT_EQUAL(keyed_at(&keyed, i)->due.place, i);
        CU_ASSERT_PTR_EQUAL(keyed_find(&keyed, keyed_at(&keyed, i)->start), keyed_at(&keyed, i));
    }
    check_order(&keyed);
    CU_ASSERT_EQUAL(keyed_entries(&keyed), 0);
    keyed_deinit(&keyed);
}

static void test_frees_with_windows(void)
{
    struct keyed keyed;
    struct keyed_window *window;
    keyed_init(&keyed, 16, 0);
    for (int64_t i = 0; i < 20; i++) {
        CU_ASSERT_EQUAL_FATAL(keyed_open(&keyed, i, i + 1, i, &window), 0);
        for (uint64_t key = 0; key < 100; key++)
            add_key(window, key);
    }
    size_t used = keyed.budget.used_bytes;
    while ((window = keyed_next(&keyed)))
        keyed_drop(&keyed, window);
    CU_ASSERT_TRUE(keyed.budget.used_bytes < used / 20);
    keyed_deinit(&keyed);
}

static void test_limit(void)
{
    struct keyed keyed;
    struct keyed_window *window;
    keyed_init(&keyed, 16, 6000);
    int64_t n = 0;
    int rc;
    while ((rc = keyed_open(&keyed, n, n + 1, n, &window)) == 0)
        CU_ASSERT_TRUE_FATAL(++n < 1000);
    CU_ASSERT_EQUAL(rc, ERR_LIMIT);
    CU_ASSERT_EQUAL(keyed_windows(&keyed), n);
    CU_ASSERT_TRUE(n > 10);
    keyed_drop(&keyed, keyed_next(&keyed));
    CU_ASSERT_EQUAL(keyed_open(&keyed, n, n + 1, n, &window), 0); // there is room again
    keyed_deinit(&keyed);
}

static void test_no_memory(void)
{
    for (uint64_t n = 1; n < 30; n++) {
        struct keyed keyed;
        struct keyed_window *window;
        keyed_init(&keyed, 16, 0);
        mem_fail_at(n, false);
        for (int64_t i = 0; i < 40; i++) {
            int rc = keyed_open(&keyed, i, i + 1, 40 - i, &window);
            if (rc) {
                CU_ASSERT_EQUAL(rc, ERR_NOMEM);
                CU_ASSERT_PTR_NULL(keyed_find(&keyed, i));
                CU_ASSERT_EQUAL_FATAL(keyed_open(&keyed, i, i + 1, 40 - i, &window), 0);
            }
        }
        mem_fail_at(0, false);
        CU_ASSERT_EQUAL(keyed_windows(&keyed), 40);
        check_order(&keyed);
        keyed_deinit(&keyed);
    }
}

static CU_TestInfo cases[] = {{"order", test_order},
                              {"memory goes with windows", test_frees_with_windows},
                              {"limit", test_limit},
                              {"no memory", test_no_memory},
                              CU_TEST_INFO_NULL};
UNIT_MAIN(UNIT_SUITE("keyed", cases))
