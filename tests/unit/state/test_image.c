// SPDX-License-Identifier: MIT
#include "state/image.h"
#include "state/image_merge.h"
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

// -- merging --

// "s/key/identity=value " of each entry; "-": no key.
static void tell(const struct buf *bytes, char *out, size_t room)
{
    struct image_reader reader = {bytes->data, bytes->data + bytes->len};
    struct image_entry entry;
    int rc;
    size_t len = 0;
    out[0] = 0;
    while (image_next_any(&reader, &entry, &rc)) {
        CU_ASSERT_EQUAL(entry.mark, IMAGE_ENTRY);
        len += (size_t)snprintf(out + len, room - len, "%u/%.*s/%.*s=%.*s ", entry.section,
                                entry.key ? (int)entry.key_len : 1, entry.key ? entry.key : "-",
                                (int)entry.identity_len, entry.at,
                                (int)(entry.end - entry.at - (long)entry.identity_len),
                                entry.at + entry.identity_len);
    }
    CU_ASSERT_EQUAL(rc, 0);
}

// The same words make an image: "s/key/identity=value", "!" in front: gone, "s*": whole.
static void make(struct buf *out, const char *text)
{
    struct image image;
    image_init(&image, 1 << 20);
    char words[500], *rest;
    snprintf(words, sizeof words, "%s", text);
    for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        bool gone = *word == '!';
        word += gone;
        uint32_t section = (uint32_t)(*word - '0');
        if (word[1] == '*') {
            image_whole(&image, section);
            continue;
        }
        char *key = word + 2, *identity = strchr(key, '/') + 1, *value = strchr(key, '=');
        size_t identity_len = value ? (size_t)(value - identity) : strlen(identity);
        const char *named = *key == '-' ? NULL : key;
        uint32_t key_len = named ? (uint32_t)(identity - 1 - key) : 0;
        image.rc |= buf_append(&image.body, identity, identity_len);
        if (!gone)
            image_identify(&image);
        if (value)
            image.rc |= buf_puts(&image.body, value + 1);
        if (gone)
            image_gone(&image, section, named, key_len);
        else
            image_end(&image, section, named, key_len);
    }
    CU_ASSERT_EQUAL_FATAL(image.rc, 0);
    *out = image.bytes;
    buf_deinit(&image.body);
}

static const struct {
    const char *images[4], *merged;
} merges[] = {
    {{"1/a/=1 1/b/=2"}, "1/a/=1 1/b/=2 "},
    {{"1/a/=1 !1/a/ 1* 2*"}, "1/a/=1 "}, // nothing of its own image
    {{"1/a/=1 1/b/=2 1/c/=3", "1/b/=4"}, "1/a/=1 1/c/=3 1/b/=4 "},
    {{"1/a/=1 2/a/=2", "!1/a/"}, "2/a/=2 "},
    {{"1/a/x=1 1/a/y=2 1/a/=3", "1/a/y=4"}, "1/a/x=1 1/a/=3 1/a/y=4 "},
    {{"1/a/x=1", "!1/a/x", "1/a/x=2"}, "1/a/x=2 "},
    {{"1/a/x=1", "1/a/x=2", "!1/a/x"}, ""},
    {{"1/a/=1", "1/a/=2 1/b/=2", "1/a/=3", "1/c/=4"}, "1/b/=2 1/a/=3 1/c/=4 "},
    {{"1/-/=1 1//=2", "!1/-/"}, "1//=2 "},                  // no key is not the empty key
    {{"1/-/=1 1/-/=2", "1/-/=3 1/-/=4"}, "1/-/=3 1/-/=4 "}, // of several lanes
    {{"1/a/=1 1/b/=2 2/a/=3", "1* 1/c/=4"}, "2/a/=3 1/c/=4 "},
    {{"1/a/=1", "1/b/=2", "1/c/=3 1* 1/d/=4", "1/e/=5"}, "1/c/=3 1/d/=4 1/e/=5 "},
    {{"", "1/a/=1"}, "1/a/=1 "},
    {{"1/ab/c=1", "1/a/bc=2"}, "1/ab/c=1 1/a/bc=2 "},
};

static void test_merge(void)
{
    for (size_t i = 0; i < sizeof merges / sizeof *merges; i++) {
        struct buf images[4];
        char found[500];
        size_t count = 0;
        for (; count < 4 && merges[i].images[count]; count++)
            make(&images[count], merges[i].images[count]);
        CU_ASSERT_EQUAL(image_merge(images, count, NULL), 0);
        tell(&images[0], found, sizeof found);
        CHECK_TEXT(found, merges[i].merged);
        for (size_t j = 0; j < count; j++)
            buf_deinit(&images[j]);
    }
}

// A merged image need not be read by one who knows of marks.
static void test_marks_are_passed_over(void)
{
    struct buf bytes;
    struct image_entry entry;
    int rc;
    make(&bytes, "!1/a/x 2* 1/b/=7 !1/c/");
    struct image_reader reader = {bytes.data, bytes.data + bytes.len};
    CU_ASSERT_TRUE_FATAL(image_next(&reader, &entry, &rc));
    CU_ASSERT_TRUE(entry.key_len == 1 && *entry.key == 'b' && *entry.at == '7');
    CU_ASSERT_FALSE(image_next(&reader, &entry, &rc));
    CU_ASSERT_EQUAL(rc, 0);
    buf_deinit(&bytes);
}

static void test_merge_of_damage(void)
{
    struct buf images[2];
    for (size_t cut = 1; cut < 8; cut++) {
        for (int which = 0; which < 2; which++) {
            make(&images[0], "1/abc/=de");
            make(&images[1], "1/abc/=de");
            images[which].len -= cut;
            CU_ASSERT_EQUAL(image_merge(images, 2, NULL), ERR_CORRUPT);
            buf_deinit(&images[0]);
            buf_deinit(&images[1]);
        }
    }
}

static CU_TestInfo cases[] = {{"there and back", test_round_trip},
                              {"merge", test_merge},
                              {"marks are passed over", test_marks_are_passed_over},
                              {"merge of damage", test_merge_of_damage},
                              {"damaged", test_damaged},
                              {"limit", test_limit},
                              CU_TEST_INFO_NULL};
UNIT_MAIN(UNIT_SUITE("image", cases))
