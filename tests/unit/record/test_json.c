// SPDX-License-Identifier: MIT
#include "record/json.h"
#include "support/unit.h"
#include "unit/record/lane.h"

// Accepting and refusing, on every path that this machine has.

static const char *const accepted[] = {
    "{}",
    " { } ",
    "[]",
    "[ ]",
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-0.0",
    "1",
    "-1",
    "12",
    "1.5",
    "1e5",
    "1E+5",
    "1e-5",
    "1.25e300",
    "1e-999",
    "0.0",
    "0e0",
    "-0e-0",
    "\"\"",
    "\"a\"",
    "123456789012345678901234567890",
    "{\"a\":1}",
    "{\"a\":1,\"a\":2}",
    "{\"\":\"\"}",
    "{ \"a\" : [ 1 , { \"b\" : null } ] }",
    "\t\r\n{\"a\"\n:\r1\t}\n",
    "\"\\u00e9\\n\\\"\\\\\\/\"",
    "\"\\ud83d\\ude00\"",
    "\"\xf0\x9f\x98\x80\"",
    "\"\xc3\xa9\xe2\x82\xac\"",
    "\"\x7f\"",
    "{\"a\":\"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\"}",
    "[[[[[[]]]]]]",
    "{\"a\":{\"b\":{}}}",
    "[1,2.5,\"x\",true,false,null,{},[]]",
    "{\"\\u0061\\n\":1}",
    "[\"\\\\\"]",
    "[\"\\\\\\\"\"]",
    "1.7976931348623157e308",
    "5e-324",
    "2.2250738585072011e-308",
    "[\"a\\\\\",\"b\"]",
};

static const char *const refused[] = {
    "",
    " ",
    "{",
    "}",
    "[",
    "]",
    "{\"a\"",
    "{\"a\":",
    "{\"a\":1",
    "{\"a\":1,",
    "{\"a\":1,}",
    "{,}",
    "{\"a\":1 \"b\":2}",
    "{\"a\" 1}",
    "{a:1}",
    "{'a':1}",
    "{1:1}",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[1,,2]",
    "{\"a\":1}}",
    "{\"a\":1}x",
    "{}{}",
    "[]]",
    "[}",
    "{]",
    "[1}",
    "{\"a\":1]",
    "nul",
    "nulll",
    "tru",
    "True",
    "fals",
    "falsee",
    "NaN",
    "Infinity",
    "-",
    "+1",
    "01",
    "-01",
    "00",
    "1.",
    ".5",
    "1.e5",
    "1e",
    "1e+",
    "1e5.5",
    "--1",
    "1-",
    "0x1",
    "1_0",
    "1e999",
    "-1e999",
    "1e309",
    "\"",
    "\"a",
    "\"\\\"",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\\u12g4\"",
    "\"\\ud83d\"",
    "\"\\ud83dx\"",
    "\"\\ud83d\\n\"",
    "\"\\ud83d\\u0041\"",
    "\"\\ude00\"",
    "\"\\ude00\\ud83d\"",
    "\"a\nb\"",
    "\"a\tb\"",
    "\"\x01\"",
    "\"\x1f\"",
    "\"\x80\"",
    "\"\xbf\"",
    "\"\xc0\x80\"",
    "\"\xc1\xbf\"",
    "\"\xc3\"",
    "\"\xc3(\"",
    "\"\xe0\x80\x80\"",
    "\"\xe2\x82\"",
    "\"\xe2\x28\xa1\"",
    "\"\xed\xa0\x80\"",
    "\"\xed\xbf\xbf\"",
    "\"\xf0\x80\x80\x80\"",
    "\"\xf0\x9f\x98\"",
    "\"\xf4\x90\x80\x80\"",
    "\"\xf5\x80\x80\x80\"",
    "\"\xf8\x88\x80\x80\x80\"",
    "\"\xff\"",
    "\xef\xbb\xbf{}",
    "{\"a\":1}\x0c",
    "\x0c{}",
    "{\"a\"\xc2\xa0:1}",
    "\\",
    "{\"a\":\\n}",
    "{\"a\":tru}",
    "{\"a\":1e}",
    "{\"a\":-}",
    "{\"a\":01}",
    "{\"a\":1.}",
    "{\"a\":\"x}",
    "{\"a\":\"x\"y}",
    "{\"a\":1\"b\":2}",
    "{\"a\"\"b\":1}",
    "{\"a\"::1}",
    "{\"a\":1:2}",
    "[\"a\":1]",
    "[1:2]",
    "{\"a\"}",
    "{\"a\",\"b\"}",
    "\"a\"\"b\"",
    "1\"a\"",
    "\"a\"1",
    "[\"a\"1]",
    "1 2",
    "/**/1",
    "1//",
    "[1]#",
    "{\"a\":1;}",
    "\"\\",
    "[\"\\\\\\\"]",
};

static const char *const fast_names[] = {"sse2", "avx2", "avx512", NULL};

// The n-th way to read: the scalar path without pad, then the fast sets. False: no more.
static bool use_path(struct lane *lane, size_t n, size_t *pad, const char **name)
{
    *pad = n ? CHUNK_PAD : 0;
    *name = n ? fast_names[(n - 1) / 2] : "scalar";
    if (!*name)
        return false;
    lane->reader->fast = n ? json_fast_named(*name) : NULL;
    lane->reader->path = n % 2 ? JSON_PATH_BITMAP : JSON_PATH_AUTO;
    return true;
}

static void check_text(const char *text, size_t len, bool valid)
{
    struct lane lane;
    struct record *record;
    const char *name;
    size_t pad;
    lane_init(&lane);
    for (size_t n = 0; use_path(&lane, n, &pad, &name); n++) {
        // Twice and more, so that the second meets the layout of the first.
        for (int round = 0; round < 4; round++) {
            int code = lane_read(&lane, text, len, pad, &record);
            CU_ASSERT_EQUAL(code == 0, valid);
            if ((code == 0) != valid)
                fprintf(stderr, "\n  %s: %.*s: %d %s\n", name, (int)len, text, code, lane.err.text);
            if (!valid && !code)
                break;
            if (!valid)
                CU_ASSERT_EQUAL(code, ERR_DATA);
            if (!code) {
                buf_clear(&lane.out);
                CU_ASSERT_EQUAL(json_write(lane.batch, record, &lane.out, NULL), 0);
            }
        }
    }
    lane_deinit(&lane);
}

static void test_accepts(void)
{
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++)
        check_text(accepted[i], strlen(accepted[i]), true);
}

static void test_refuses(void)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        check_text(refused[i], strlen(refused[i]), false);
    check_text("\"\0\"", 3, false);
    check_text("{}\0", 3, false);
}

static const struct {
    const char *text, *error;
} errors[] = {
    {"", "byte 0: expected a value, found the end of the text"},
    {"{\"a\":1", "byte 6: expected ',' or '}', found the end of the text"},
    {"{\"a\":1,}", "byte 7: expected a member's name in quotes, found '}'"},
    {"{a:1}", "byte 1: expected a member's name in quotes or '}', found 'a'"},
    {"{\"a\" 1}", "byte 5: expected ':', found '1'"},
    {"{\"a\":01}", "byte 6: expected no digit after a leading zero, found '1'"},
    {"{\"a\":1} x", "byte 8: expected nothing behind the value, found 'x'"},
    {"{\"a\":\"\x01\"}",
     "byte 6: expected no control character in a string (write it as an escape), found 0x01"},
    {"{\"a\":\"\xff\"}", "byte 6: expected valid UTF-8, found 0xff"},
    {"[1,1e999]", "byte 3: expected a number that a double can hold, found '1'"},
    {"[\"\\ud800\"]",
     "byte 8: expected the low surrogate (\\uDC00 to \\uDFFF) of the pair, found '\"'"},
};

static void test_errors_say_where(void)
{
    struct lane lane;
    struct record *record;
    const char *name;
    size_t pad;
    lane_init(&lane);
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        for (size_t n = 0; use_path(&lane, n, &pad, &name); n++) {
            int code = lane_read(&lane, errors[i].text, strlen(errors[i].text), pad, &record);
            CU_ASSERT_EQUAL(code, ERR_DATA);
            CHECK_TEXT(lane.err.text, errors[i].error);
        }
    lane_deinit(&lane);
}

static const struct json_limits tight = {.depth = 3, .size = 40, .members = 3};

static const struct {
    const char *text;
    int code;
} limits[] = {
    {"[[[]]]", 0},
    {"[[[[]]]]", ERR_LIMIT},
    {"{\"a\":{\"b\":[1]}}", 0},
    {"{\"a\":{\"b\":[[1]]}}", ERR_LIMIT},
    {"{\"a\":1,\"b\":2,\"c\":3}", 0},
    {"{\"a\":1,\"b\":2,\"c\":3,\"d\":4}", ERR_LIMIT},
    {"[{\"a\":1,\"b\":2,\"c\":3,\"d\":4}]", ERR_LIMIT},
    {"[1,2,3,4,5,6,7]", 0},
    {"[\"34567890123456789012345678901234567\"]", 0},
    {"[\"345678901234567890123456789012345678901\"]", ERR_LIMIT},
};

static void test_limits(void)
{
    struct lane lane;
    struct record *record;
    const char *name;
    size_t pad;
    lane_init(&lane);
    json_reader_free(lane.reader);
    lane.reader = json_reader_new(lane.shapes, &tight);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        for (size_t n = 0; use_path(&lane, n, &pad, &name); n++)
            for (int round = 0; round < 3; round++) {
                int code = lane_read(&lane, limits[i].text, strlen(limits[i].text), pad, &record);
                CU_ASSERT_EQUAL(code, limits[i].code);
                if (code != limits[i].code)
                    fprintf(stderr, "\n  %s: %s: %d\n", name, limits[i].text, code);
            }
    lane_deinit(&lane);
}

static CU_TestInfo cases[] = {
    {"accepts what RFC 8259 allows", test_accepts},
    {"refuses everything else", test_refuses},
    {"errors say what and where", test_errors_say_where},
    {"depth, members and size are limited", test_limits},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("json", cases))
