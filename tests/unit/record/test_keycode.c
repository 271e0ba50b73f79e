// SPDX-License-Identifier: MIT
#include "record/keycode.h"
#include "support/unit.h"
#include "unit/record/lane.h"
#include <math.h>

// The encoding is what stored state hangs on: these bytes never change.
static const struct {
    const char *json; // the value of the member k; NULL: absent
    const char *hex;
} codes[] = {
    {NULL, "01"},
    {"null", "02"},
    {"false", "03"},
    {"true", "04"},
    {"0", "058000000000000000"},
    {"1", "058000000000000001"},
    {"-1", "057fffffffffffffff"},
    {"9223372036854775807", "05ffffffffffffffff"},
    {"0.0", "068000000000000000"},
    {"-0.0", "068000000000000000"},
    {"1.0", "06bff0000000000000"},
    {"-1.0", "06400fffffffffffff"},
    {"\"\"", "0700"},
    {"\"1\"", "070131"},
    {"\"\\u0000\\u00e9\"", "070300c3a9"},
    {"[1]", NULL},
    {"{}", NULL},
};

static void to_hex(const struct buf *buf, char *out)
{
    for (size_t i = 0; i < buf->len; i++)
        snprintf(out + 2 * i, 3, "%02x", (unsigned char)buf->data[i]);
    out[2 * buf->len] = '\0';
}

static void test_encoding_is_fixed(void)
{
    struct lane lane;
    struct path path;
    lane_init(&lane);
    CU_ASSERT_EQUAL_FATAL(path_compile(&path, "k", NULL), 0);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        char text[128], hex[128];
        snprintf(text, sizeof text, codes[i].json ? "{\"k\":%s}" : "{}", codes[i].json);
        buf_clear(&lane.out);
        int code = key_encode(lane.batch, lane_record(&lane, text), &path, 1, &lane.out, &lane.err);
        CU_ASSERT_EQUAL(code, codes[i].hex ? 0 : ERR_DATA);
        to_hex(&lane.out, hex);
        CHECK_TEXT(hex, codes[i].hex ? codes[i].hex : "");
    }
    CHECK_TEXT(lane.err.text, "the key field 'k' is an object; expected a string, a number, a "
                              "boolean or null");
    path_deinit(&path);
    lane_deinit(&lane);
}

static void test_compounds_decode(void)
{
    struct lane lane;
    struct path paths[5];
    struct value fields[6];
    lane_init(&lane);
    const char *names[] = {"a", "b.c", "d", "e", "f"};
    for (int i = 0; i < 5; i++)
        CU_ASSERT_EQUAL_FATAL(path_compile(&paths[i], names[i], NULL), 0);
    struct record *r =
        lane_record(&lane, "{\"a\":\"x\",\"b\":{\"c\":-5},\"d\":-2.5,\"e\":null,\"f\":"
                           "\"\"}");
    CU_ASSERT_EQUAL(key_encode(lane.batch, r, paths, 5, &lane.out, NULL), 0);
    CU_ASSERT_EQUAL(key_decode(lane.out.data, lane.out.len, fields, 6), 5);
    CU_ASSERT(fields[0].type == VALUE_STRING && fields[0].len == 1 && *fields[0].bytes == 'x');
    CU_ASSERT(fields[1].type == VALUE_INT && fields[1].i == -5);
    CU_ASSERT(fields[2].type == VALUE_FLOAT && fields[2].f == -2.5);
    CU_ASSERT_EQUAL(fields[3].type, VALUE_NULL);
    CU_ASSERT(fields[4].type == VALUE_STRING && fields[4].len == 0);
    CU_ASSERT_EQUAL(key_decode(lane.out.data, lane.out.len, fields, 4), ERR_CORRUPT);
    // Cut anywhere, it is fewer fields or none at all, and nothing is read beyond.
    for (size_t cut = 0; cut < lane.out.len; cut++) {
        const char *copy = lane_text(&lane, lane.out.data, cut, 0);
        int count = key_decode(copy, cut, fields, 6);
        CU_ASSERT(count == ERR_CORRUPT || count < 5);
    }
    CU_ASSERT_EQUAL(key_decode("\x07\xff\xff\xff\xff\xff\xff", 7, fields, 6), ERR_CORRUPT);
    CU_ASSERT_EQUAL(key_decode("\x08", 1, fields, 6), ERR_CORRUPT);
    for (int i = 0; i < 5; i++)
        path_deinit(&paths[i]);
    lane_deinit(&lane);
}

// Fields never run together: ("a","b") and ("ab",""), and long strings.
static void test_compounds_are_unambiguous(void)
{
    struct buf a, b;
    char text[300];
    buf_init(&a, 4096);
    buf_init(&b, 4096);
    memset(text, 'x', sizeof text);
    for (uint32_t i = 0; i < 300; i++) {
        buf_clear(&a);
        buf_clear(&b);
        key_encode_value(value_string(text, i), &a);
        key_encode_value(value_string(text, 299 - i), &a);
        key_encode_value(value_string(text, i + 1), &b);
        if (i < 299)
            key_encode_value(value_string(text, 298 - i), &b);
        CU_ASSERT(a.len != b.len || memcmp(a.data, b.data, a.len) != 0);
        struct value fields[3];
        CU_ASSERT_EQUAL(key_decode(a.data, a.len, fields, 3), 2);
        CU_ASSERT(fields[0].len == i && fields[1].len == 299 - i);
    }
    buf_deinit(&a);
    buf_deinit(&b);
}

static CU_TestInfo cases[] = {
    {"the encoding is fixed", test_encoding_is_fixed},
    {"compounds decode", test_compounds_decode},
    {"compounds are unambiguous", test_compounds_are_unambiguous},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("keycode", cases))
