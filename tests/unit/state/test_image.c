// SPDX-License-Identifier: MIT
#include "state/image.h"
#include "support/unit.h"
#include <float.h>
#include <stdlib.h>

static const int64_t numbers[] = {0, 1, -1, 63, 64, -64, -65, 1 << 20, INT64_MAX, INT64_MIN};
static const double doubles[] = {0.0, -0.0, 1.5, DBL_MAX, DBL_MIN, -1e-300};

enum { NUMBERS = sizeof numbers / sizeof *numbers, DOUBLES = sizeof doubles / sizeof *doubles };

static void fill(struct image *image)
{
    image_init(image, 1 << 20);
    for (size_t i = 0; i < NUMBERS; i++)
        image_i64(image, numbers[i]);
    image_u64(image, UINT64_MAX);
    image_end(image, 0, NULL, 0);
    for (size_t i = 0; i < DOUBLES; i++)
        image_f64(image, doubles[i]);
    image_end(image, 7, "key", 3);
    image_bytes(image, "a\0b", 3);
    image_bytes(image, NULL, 0);
    image_end(image, UINT32_MAX - 1, "", 0);
    image_end(image, 1, NULL, 0); // an empty one
    CU_ASSERT_EQUAL_FATAL(image->rc, 0);
}

static void test_round_trip(void)
{
    struct image image;
    struct image_entry entry;
    size_t len;
    int rc;
    fill(&image);
    struct image_reader reader = {image.bytes.data, image.bytes.data + image.bytes.len};
    CU_ASSERT_TRUE_FATAL(image_next(&reader, &entry, &rc));
    CU_ASSERT_EQUAL(entry.section, 0);
    CU_ASSERT_PTR_NULL(entry.key);
    for (size_t i = 0; i < NUMBERS; i++)
        CU_ASSERT_EQUAL(entry_i64(&entry), numbers[i]);
    CU_ASSERT_EQUAL(entry_done(&entry, NULL), ERR_CORRUPT); // one is left
    CU_ASSERT_EQUAL(entry_u64(&entry), UINT64_MAX);
    CU_ASSERT_EQUAL(entry_done(&entry, NULL), 0);
    CU_ASSERT_TRUE_FATAL(image_next(&reader, &entry, &rc));
    CU_ASSERT_TRUE(entry.section == 7 && entry.key_len == 3 && !memcmp(entry.key, "key", 3));
    for (size_t i = 0; i < DOUBLES; i++) {
        double found = entry_f64(&entry);
        CU_ASSERT_EQUAL(memcmp(&found, &doubles[i], sizeof found), 0);
    }
    CU_ASSERT_TRUE_FATAL(image_next(&reader, &entry, &rc));
    CU_ASSERT_TRUE(entry.section == UINT32_MAX - 1 && entry.key && entry.key_len == 0);
    const char *bytes = entry_bytes(&entry, &len);
    CU_ASSERT_TRUE(len == 3 && !memcmp(bytes, "a\0b", 3));
    (void)entry_bytes(&entry, &len);
    CU_ASSERT_EQUAL(len, 0);
    CU_ASSERT_EQUAL(entry_done(&entry, NULL), 0);
    CU_ASSERT_TRUE_FATAL(image_next(&reader, &entry, &rc));
    CU_ASSERT_EQUAL(entry_done(&entry, NULL), 0);
    (void)entry_f64(&entry);
    CU_ASSERT_TRUE(entry.bad);
    CU_ASSERT_FALSE(image_next(&reader, &entry, &rc));
    CU_ASSERT_EQUAL(rc, 0);
    image_deinit(&image);
}

// Reads all that is there; never beyond, which the sanitizer sees.
static int walk(const char *bytes, size_t len)
{
    struct image_reader reader = {bytes, bytes + len};
    struct image_entry entry;
    size_t part;
    int rc;
    while (image_next(&reader, &entry, &rc)) {
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
    struct image image;
    fill(&image);
    size_t len = image.bytes.len;
    size_t whole = 0; // cuts between two entries
    for (size_t cut = 0; cut <= len; cut++) {
        char *exact = malloc(cut ? cut : 1);
        CU_ASSERT_PTR_NOT_NULL_FATAL(exact);
        memcpy(exact, image.bytes.data, cut);
        whole += walk(exact, cut) == 0;
        free(exact);
    }
    CU_ASSERT_EQUAL(whole, 5);
    srand(3);
    for (int round = 0; round < 20000; round++) {
        char *exact = malloc(len);
        CU_ASSERT_PTR_NOT_NULL_FATAL(exact);
        memcpy(exact, image.bytes.data, len);
        for (int k = 0; k < 3; k++)
            exact[(size_t)rand() % len] = (char)rand();
        int rc = walk(exact, len);
        CU_ASSERT_TRUE(rc == 0 || rc == ERR_CORRUPT);
        free(exact);
    }
    image_deinit(&image);
}

static void test_limit(void)
{
    struct image image;
    image_init(&image, 16);
    for (int i = 0; i < 20; i++)
        image_f64(&image, 1);
    image_end(&image, 1, NULL, 0);
    CU_ASSERT_EQUAL(image.rc, ERR_LIMIT);
    image_deinit(&image);
}

static CU_TestInfo cases[] = {{"there and back", test_round_trip},
                              {"damaged", test_damaged},
                              {"limit", test_limit},
                              CU_TEST_INFO_NULL};
UNIT_MAIN(UNIT_SUITE("image", cases))
