// SPDX-License-Identifier: MIT
#include "record/node_copy.h"
#include "record/path.h"
#include "support/unit.h"
#include "unit/record/paths.h"
#include <math.h>

// Integers beyond int64, and what stands next to them, in each of the ways to read them: in a
// member, in an array that a layout takes as one value, and nested, by node and by path.

static const char *const numbers[] = {
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "99999999999999999999",
    "-12345678901234567890123456789012345678901234567890",
    "1000000000000000000",
    "999999999999999999",
    "0",
    "-1",
};

enum { NUMBERS = sizeof numbers / sizeof *numbers, FITS_BEFORE = 2, FITS_FROM = 7 };

static bool fits(size_t i)
{
    return i < FITS_BEFORE || i >= FITS_FROM;
}

static bool reads_as(struct value value, size_t i, enum json_big_ints big_ints)
{
    if (fits(i))
        return value.type == VALUE_INT && value.i == strtoll(numbers[i], NULL, 10);
    if (big_ints == BIG_INTS_FLOAT)
        return value.type == VALUE_FLOAT && value.f == strtod(numbers[i], NULL);
    return value.type == VALUE_STRING && value.len == strlen(numbers[i]) &&
           memcmp(value.bytes, numbers[i], value.len) == 0;
}

static struct value at_path(struct lane *lane, struct record *record, const char *text)
{
    struct path path;
    CU_ASSERT_EQUAL_FATAL(path_compile(&path, text, NULL), 0);
    struct value value = path_read(lane->batch, record, &path);
    path_deinit(&path);
    return value;
}

// By node, after the record's cells were shared, copied and given back.
static struct value at_node(struct lane *lane, struct record *record)
{
    struct value copy;
    struct node *node = node_enter(lane->batch, record, shape_find(record->shape, "o", 1));
    CU_ASSERT_PTR_NOT_NULL_FATAL(node);
    struct value entered = {.type = VALUE_OBJECT, .flags = VALUE_IS_NODE, .node = node};
    CU_ASSERT_EQUAL_FATAL(value_copy(lane->batch, entered, &copy), 0);
    CU_ASSERT_EQUAL_FATAL(node_detach(lane->batch, &entered), 0);
    CU_ASSERT_EQUAL(entered.flags, copy.flags);
    struct node *around = node_new(lane->batch, true);
    CU_ASSERT_FATAL(around && node_set_at(lane->batch, around, 0, copy) == 0);
    struct node *object = node_enter_member(lane->batch, around, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(object);
    struct node *array = node_enter_member(lane->batch, object, 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(array);
    return node_at(lane->batch, array, 1);
}

static void check_record(struct lane *lane, struct record *record, const char *text, size_t i,
                         enum json_big_ints big_ints)
{
    CU_ASSERT(reads_as(record_name(lane->batch, record, "v", 1), i, big_ints));
    CU_ASSERT(reads_as(at_path(lane, record, "v"), i, big_ints));
    CU_ASSERT(reads_as(at_path(lane, record, "a.1"), i, big_ints));
    CU_ASSERT(reads_as(at_path(lane, record, "o.x"), i, big_ints));
    CU_ASSERT(reads_as(at_path(lane, record, "o.y.1"), i, big_ints));
    CU_ASSERT(reads_as(at_node(lane, record), i, big_ints));
    CU_ASSERT(reads_as(at_path(lane, record, "o.y.1"), i, big_ints));
    CHECK_TEXT(lane_json(lane, record), text);
}

static void check(enum json_big_ints big_ints, const struct reading *reading)
{
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct lane lane;
    limits.big_ints = big_ints;
    lane_init(&lane);
    json_reader_free(lane.reader);
    lane.reader = json_reader_new(lane.shapes, &limits);
    for (size_t n = 0; n < 3 * NUMBERS && use_reading(&lane, reading); n++) {
        size_t i = n % NUMBERS;
        char text[512];
        struct record *record;
        (void)snprintf(text, sizeof text, "{\"v\":%s,\"a\":[0,%s],\"o\":{\"x\":%s,\"y\":[{},%s]}}",
                       numbers[i], numbers[i], numbers[i], numbers[i]);
        int code = lane_read(&lane, text, strlen(text), reading->padded ? CHUNK_PAD : 0, &record);
        bool refused = big_ints == BIG_INTS_ERROR && !fits(i);
        CU_ASSERT_EQUAL(code, refused ? ERR_DATA : 0);
        if (!code)
            check_record(&lane, record, text, i, big_ints);
    }
    lane_deinit(&lane);
}

static void test_all_ways(void)
{
    for (int big_ints = BIG_INTS_FLOAT; big_ints <= BIG_INTS_STRING; big_ints++)
        for (size_t r = 0; r < READINGS; r++)
            check((enum json_big_ints)big_ints, &readings[r]);
}

// The options of one reader do not stick to a record that another reads.
static void test_records_are_used_again(void)
{
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct lane lane;
    limits.big_ints = BIG_INTS_STRING;
    lane_init(&lane);
    struct json_reader *other = json_reader_new(lane.shapes, &limits);
    CU_ASSERT_PTR_NOT_NULL_FATAL(other);
    struct record *record = lane_record(&lane, "{\"v\":[9223372036854775808]}");
    const char *text = record->raw;
    uint32_t len = record->raw_len;
    CU_ASSERT_EQUAL(json_read(other, lane.batch, text, len, CHUNK_PAD, record, NULL), 0);
    CU_ASSERT_EQUAL(at_path(&lane, record, "v.0").type, VALUE_STRING);
    CU_ASSERT_EQUAL(json_read(lane.reader, lane.batch, text, len, CHUNK_PAD, record, NULL), 0);
    CU_ASSERT_EQUAL(at_path(&lane, record, "v.0").type, VALUE_FLOAT);
    json_reader_free(other);
    lane_deinit(&lane);
}

static CU_TestInfo cases[] = {
    {"as doubles, as text, as errors: on every path, nested as well", test_all_ways},
    {"a record that is read again forgets", test_records_are_used_again},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("json big ints", cases))
