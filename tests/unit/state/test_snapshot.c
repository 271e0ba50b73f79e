// SPDX-License-Identifier: MIT
#include "state/snapshot.h"
#include "support/unit.h"
#include <float.h>
#include <stdlib.h>

static const int64_t numbers[] = {0, 1, -1, 63, 64, -64, -65, 1 << 20, INT64_MAX, INT64_MIN};
static const double doubles[] = {0.0, -0.0, 1.5, DBL_MAX, DBL_MIN, -1e-300};

enum { NUMBERS = sizeof numbers / sizeof *numbers, DOUBLES = sizeof doubles / sizeof *doubles };

static void fill(struct snapshot *snapshot)
{
    snapshot_init(snapshot, 1 << 20);
    for (size_t i = 0; i < NUMBERS; i++)
        snapshot_i64(snapshot, numbers[i]);
    snapshot_u64(snapshot, UINT64_MAX);
    snapshot_end(snapshot, 0, NULL, 0);
    for (size_t i = 0; i < DOUBLES; i++)
        snapshot_f64(snapshot, doubles[i]);
    snapshot_end(snapshot, 7, "key", 3);
    snapshot_bytes(snapshot, "a\0b", 3);
    snapshot_bytes(snapshot, NULL, 0);
    snapshot_end(snapshot, UINT32_MAX - 1, "", 0);
    snapshot_end(snapshot, 1, NULL, 0); // an empty one
    CU_ASSERT_EQUAL_FATAL(snapshot->rc, 0);
}

static void test_round_trip(void)
{
    struct snapshot snapshot;
    struct snapshot_entry entry;
    size_t len;
    int rc;
    fill(&snapshot);
    struct snapshot_reader reader = {snapshot.bytes.data, snapshot.bytes.data + snapshot.bytes.len};
    CU_ASSERT_TRUE_FATAL(snapshot_next(&reader, &entry, &rc));
    CU_ASSERT_EQUAL(entry.section, 0);
    CU_ASSERT_PTR_NULL(entry.key);
    for (size_t i = 0; i < NUMBERS; i++)
        CU_ASSERT_EQUAL(entry_i64(&entry), numbers[i]);
    CU_ASSERT_EQUAL(entry_done(&entry, NULL), ERR_CORRUPT); // one is left
    CU_ASSERT_EQUAL(entry_u64(&entry), UINT64_MAX);
    CU_ASSERT_EQUAL(entry_done(&entry, NULL), 0);
    CU_ASSERT_TRUE_FATAL(snapshot_next(&reader, &entry, &rc));
    CU_ASSERT_TRUE(entry.section == 7 && entry.key_len == 3 && !memcmp(entry.key, "key", 3));
    for (size_t i = 0; i < DOUBLES; i++) {
        double found = entry_f64(&entry);
        CU_ASSERT_EQUAL(memcmp(&found, &doubles[i], sizeof found), 0);
    }
    CU_ASSERT_TRUE_FATAL(snapshot_next(&reader, &entry, &rc));
    CU_ASSERT_TRUE(entry.section == UINT32_MAX - 1 && entry.key && entry.key_len == 0);
    const char *bytes = entry_bytes(&entry, &len);
    CU_ASSERT_TRUE(len == 3 && !memcmp(bytes, "a\0b", 3));
    (void)entry_bytes(&entry, &len);
    CU_ASSERT_EQUAL(len, 0);
    CU_ASSERT_EQUAL(entry_done(&entry, NULL), 0);
    CU_ASSERT_TRUE_FATAL(snapshot_next(&reader, &entry, &rc));
    CU_ASSERT_EQUAL(entry_done(&entry, NULL), 0);
    (void)entry_f64(&entry);
    CU_ASSERT_TRUE(entry.bad);
    CU_ASSERT_FALSE(snapshot_next(&reader, &entry, &rc));
    CU_ASSERT_EQUAL(rc, 0);
    snapshot_deinit(&snapshot);
}

// Reads all that is there; never beyond, which the sanitizer sees.
static int walk(const char *bytes, size_t len)
{
    struct snapshot_reader reader = {bytes, bytes + len};
    struct snapshot_entry entry;
    size_t part;
    int rc;
    while (snapshot_next(&reader, &entry, &rc)) {
        (void)entry_i64(&entry);
        (void)entry_bytes(&entry, &part);
        (void)entry_f64(&entry);
        while (!entry.bad)
            (void)entry_u64(&entry);
    }
    return rc;
}

static void test_damaged(void)
{
    struct snapshot snapshot;
    fill(&snapshot);
    size_t len = snapshot.bytes.len;
    size_t whole = 0; // cuts between two entries
    for (size_t cut = 0; cut <= len; cut++) {
        char *exact = malloc(cut ? cut : 1);
        CU_ASSERT_PTR_NOT_NULL_FATAL(exact);
        memcpy(exact, snapshot.bytes.data, cut);
        whole += walk(exact, cut) == 0;
        free(exact);
    }
    CU_ASSERT_EQUAL(whole, 5);
    srand(3);
    for (int round = 0; round < 20000; round++) {
        char *exact = malloc(len);
        CU_ASSERT_PTR_NOT_NULL_FATAL(exact);
        memcpy(exact, snapshot.bytes.data, len);
        for (int k = 0; k < 3; k++)
            exact[(size_t)rand() % len] = (char)rand();
        int rc = walk(exact, len);
        CU_ASSERT_TRUE(rc == 0 || rc == ERR_CORRUPT);
        free(exact);
    }
    snapshot_deinit(&snapshot);
}

static void test_limit(void)
{
    struct snapshot snapshot;
    snapshot_init(&snapshot, 16);
    for (int i = 0; i < 20; i++)
        snapshot_f64(&snapshot, 1);
    snapshot_end(&snapshot, 1, NULL, 0);
    CU_ASSERT_EQUAL(snapshot.rc, ERR_LIMIT);
    snapshot_deinit(&snapshot);
}

static CU_TestInfo cases[] = {{"there and back", test_round_trip},
                              {"damaged", test_damaged},
                              {"limit", test_limit},
                              CU_TEST_INFO_NULL};
UNIT_MAIN(UNIT_SUITE("snapshot", cases))
