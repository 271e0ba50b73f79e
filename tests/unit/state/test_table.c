// SPDX-License-Identifier: MIT
#include "state/table.h"
#include "base/alloc.h"
#include "support/unit.h"
#include <stdio.h>
#include <stdlib.h>

// Keys of several lengths, around what fits into an entry.
static uint32_t make_key(uint32_t number, char out[128])
{
    uint32_t len = (uint32_t)snprintf(out, 128, "key-%u", number);
    uint32_t pad = number % 5 == 0 ? 0 : number % 5 == 1 ? 23 : number % 5 == 2 ? 24 : number % 97;
    while (len < pad)
        out[len++] = 'x';
    return len;
}

static int take(struct table *table, uint32_t number, struct table_entry **entry, bool *made)
{
    char bytes[128];
    struct table_key key;
    table_key_set(&key, bytes, make_key(number, bytes));
    return table_take(table, &key, entry, made);
}

static struct table_entry *find(const struct table *table, uint32_t number)
{
    char bytes[128];
    struct table_key key;
    table_key_set(&key, bytes, make_key(number, bytes));
    return table_find(table, &key);
}

static void check_all(const struct table *table, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct table_entry *entry = find(table, i);
        CU_ASSERT_PTR_NOT_NULL_FATAL(entry);
        char bytes[128];
        uint32_t len, want = make_key(i, bytes);
        const char *held = table_key_bytes(&entry->key, &len);
        CU_ASSERT_TRUE(len == want && memcmp(held, bytes, len) == 0);
        CU_ASSERT_EQUAL(entry->slot[0], i + 1);
        CU_ASSERT_EQUAL(entry->slot[1], 0);
        CU_ASSERT_EQUAL(table_number(table, entry), i); // in the order of insertion
        CU_ASSERT_PTR_EQUAL(table_at(table, i), entry);
    }
    CU_ASSERT_PTR_NULL(find(table, count));
}

static void fill(struct table *table, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct table_entry *entry;
        bool made;
        CU_ASSERT_EQUAL_FATAL(take(table, i, &entry, &made), 0);
        CU_ASSERT_TRUE(made);
        CU_ASSERT_EQUAL(entry->slot[0], 0);
        entry->slot[0] = i + 1;
        CU_ASSERT_EQUAL_FATAL(take(table, i / 2, &entry, &made), 0);
        CU_ASSERT_FALSE(made);
        CU_ASSERT_EQUAL(entry->slot[0], i / 2 + 1);
    }
}

static void test_growth(void)
{
    static const uint32_t counts[] = {0, 1, 2, 7, 8, 9, 23, 24, 25, 1000, 20000};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct state_budget budget = {0};
        struct table table;
        table_init(&table, 16, &budget);
        fill(&table, counts[i]);
        CU_ASSERT_EQUAL(table.count, counts[i]);
        check_all(&table, counts[i]);
        CU_ASSERT_TRUE(budget.used_bytes >= table_size(&table));
        table_deinit(&table);
        CU_ASSERT_EQUAL(budget.used_bytes, 0);
    }
}

// Removes and adds at random; a plain array knows what should be there.
static void test_remove(void)
{
    enum { NUMBERS = 3000, ROUNDS = 40000 };
    static bool there[NUMBERS];
    struct state_budget budget = {0};
    struct table table;
    uint32_t count = 0;
    memset(there, 0, sizeof there);
    table_init(&table, 16, &budget);
    srand(7);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t number = (uint32_t)rand() % (round < ROUNDS / 2 ? NUMBERS : 40);
        struct table_entry *entry = find(&table, number);
        bool made;
        CU_ASSERT_EQUAL_FATAL(entry != NULL, there[number]);
        if (entry) {
            CU_ASSERT_EQUAL(entry->slot[0], number + 1);
            table_remove(&table, table_number(&table, entry));
            count--;
        } else {
            CU_ASSERT_EQUAL_FATAL(take(&table, number, &entry, &made), 0);
            CU_ASSERT_EQUAL(entry->slot[0], 0); // whatever stood there before
            entry->slot[0] = number + 1;
            count++;
        }
        there[number] = !there[number];
        CU_ASSERT_EQUAL_FATAL(table.count, count);
    }
    for (uint32_t i = 0; i < NUMBERS; i++)
        CU_ASSERT_EQUAL(find(&table, i) != NULL, there[i]);
    while (table.count)
        table_remove(&table, table.count / 2);
    table_deinit(&table);
    CU_ASSERT_EQUAL(budget.used_bytes, 0);
}

// Wide slots make full pages small: several pages.
static void test_pages(void)
{
    struct state_budget budget = {0};
    struct table table;
    table_init(&table, 4 << 20, &budget);
    fill(&table, 9);
    CU_ASSERT_TRUE(table.page_count >= 3);
    check_all(&table, 9);
    table_deinit(&table);
    CU_ASSERT_EQUAL(budget.used_bytes, 0);
}

// A table of one key is small: a million of them must be possible.
static void test_small(void)
{
    struct state_budget budget = {0};
    struct table table;
    table_init(&table, 64, &budget);
    fill(&table, 1);
    CU_ASSERT_TRUE(table_size(&table) + sizeof table < 400);
    table_deinit(&table);
}

static void test_limit(void)
{
    struct state_budget budget = {.limit_bytes = 10000};
    struct table table;
    struct table_entry *entry;
    bool made;
    uint32_t n = 0;
    table_init(&table, 16, &budget);
    while (take(&table, n, &entry, &made) == 0) {
        entry->slot[0] = ++n;
        CU_ASSERT_TRUE_FATAL(budget.used_bytes <= 10000 && n < 1000);
    }
    CU_ASSERT_TRUE(n > 30);
    CU_ASSERT_EQUAL(take(&table, n, &entry, &made), ERR_LIMIT);
    check_all(&table, n);
    table_deinit(&table);
    CU_ASSERT_EQUAL(budget.used_bytes, 0);
}

// Whichever allocation fails: the table is as before, and goes on.
static void test_no_memory(void)
{
    for (uint64_t n = 1; n < 60; n++) {
        struct state_budget budget = {0};
        struct table table;
        struct table_entry *entry;
        bool made;
        table_init(&table, 16, &budget);
        mem_fail_at(n, false);
        for (uint32_t i = 0; i < 60; i++) {
            int rc = take(&table, i, &entry, &made);
            if (rc) {
                CU_ASSERT_EQUAL(rc, ERR_NOMEM);
                CU_ASSERT_EQUAL(table.count, i);
                CU_ASSERT_EQUAL_FATAL(take(&table, i, &entry, &made), 0);
            }
            entry->slot[0] = i + 1;
        }
        mem_fail_at(0, false);
        check_all(&table, 60);
        table_deinit(&table);
        CU_ASSERT_EQUAL(budget.used_bytes, 0);
    }
}

// Equal upper halves of the hash, and wholly equal hashes, are still different keys.
static void test_collisions(void)
{
    struct state_budget budget = {0};
    struct table table;
    struct table_entry *entry;
    bool made;
    table_init(&table, 16, &budget);
    for (uint32_t i = 0; i < 200; i++) {
        char bytes[128];
        struct table_key key;
        table_key_set(&key, bytes, make_key(i, bytes));
        key.hash = (i % 3 == 0 ? 77 : i) | UINT64_C(0xabcdef) << 32;
        CU_ASSERT_EQUAL(table_take(&table, &key, &entry, &made), 0);
        CU_ASSERT_TRUE(made);
        entry->slot[0] = i;
    }
    for (uint32_t i = 0; i < 200; i++) {
        char bytes[128];
        struct table_key key;
        table_key_set(&key, bytes, make_key(i, bytes));
        key.hash = (i % 3 == 0 ? 77 : i) | UINT64_C(0xabcdef) << 32;
        table_prefetch(&table, key.hash);
        table_guess(&table, key.hash);
        entry = table_find(&table, &key);
        CU_ASSERT_PTR_NOT_NULL_FATAL(entry);
        CU_ASSERT_EQUAL(entry->slot[0], i);
    }
    table_deinit(&table);
}

// Entries that change, come and go at random, and now and then all are said to be saved.
static void test_tracking(void)
{
    enum { NUMBERS = 3000 };
    static bool there[NUMBERS], changed[NUMBERS];
    struct state_budget budget = {0};
    struct table table;
    struct table_entry *entry;
    bool made;
    table_init(&table, 8, &budget);
    srand(3);
    for (uint32_t step = 0; step < 60000; step++) {
        uint32_t number = (uint32_t)rand() % NUMBERS;
        if (step % 9000 == 4000) {
            CU_ASSERT_EQUAL_FATAL(table_track(&table), 0);
            memset(changed, 0, sizeof changed);
        }
        if (there[number] && rand() % 4 == 0) {
            table_remove(&table, table_number(&table, find(&table, number)));
            there[number] = changed[number] = false;
        } else if (!there[number] || rand() % 8 == 0) {
            CU_ASSERT_EQUAL_FATAL(take(&table, number, &entry, &made), 0);
            entry->slot[0] = number;
            there[number] = changed[number] = true;
        }
    }
    uint32_t found = 0, wanted = 0;
    for (uint32_t i = 0; table_next_dirty(&table, &i); i++, found++)
        CU_ASSERT_TRUE(changed[table_at(&table, i)->slot[0]]);
    for (uint32_t i = 0; i < NUMBERS; i++)
        wanted += changed[i];
    CU_ASSERT_EQUAL(found, wanted);
    CU_ASSERT_TRUE(found > 0 && found < table.count);
    table_deinit(&table);
    CU_ASSERT_EQUAL(budget.used_bytes, 0);
}

static CU_TestInfo cases[] = {
    {"growth", test_growth},         {"removal", test_remove},    {"pages", test_pages},
    {"small tables", test_small},    {"limit", test_limit},       {"no memory", test_no_memory},
    {"collisions", test_collisions}, {"tracking", test_tracking}, CU_TEST_INFO_NULL};
UNIT_MAIN(UNIT_SUITE("table", cases))
