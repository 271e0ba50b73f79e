// SPDX-License-Identifier: MIT
#include "support/unit.h"
#include "unit/record/decoders.h"

#define ACCESS                                                                                     \
    "^(?<host>\\S+) \\S+ (?:-|(?<user>\\S+)) \\[(?<time>[^\\]]+)\\] \"(?<request>[^\"]*)\" "       \
    "(?<status>\\d{3}) (?:-|(?<bytes>\\d+))$"

static struct codec_options options_of(const char *pattern)
{
    struct codec_options options = CODEC_OPTIONS_DEFAULT;
    options.name = "regex";
    options.regex.pattern = pattern;
    return options;
}

static const struct {
    const char *pattern, *line, *wanted;
} lines[] = {
    {ACCESS, "127.0.0.1 - bob [10/Oct/2000:13:55:36 -0700] \"GET /a HTTP/1.0\" 200 2326",
     "{\"host\":\"127.0.0.1\",\"user\":\"bob\",\"time\":\"10/Oct/2000:13:55:36 -0700\","
     "\"request\":\"GET /a HTTP/1.0\",\"status\":200,\"bytes\":2326}"},
    {ACCESS, "::1 - - [x] \"\" 304 -\r\n",
     "{\"host\":\"::1\",\"user\":null,\"time\":\"x\",\"request\":null,\"status\":304,"
     "\"bytes\":null}"},
    {ACCESS, "::1 - - [x] GET 304 -", "!the line does not match the pattern"},
    {ACCESS, "", "!the line does not match the pattern"},
    {"(?<n>\\d+)", "abc 12 34", "{\"n\":12}"},
    {"(?<b>b)(?<a>a)", "ba", "{\"b\":\"b\",\"a\":\"a\"}"}, // by their place, not by name
    {"(?<a>x)|(?<b>y)", "y", "{\"a\":null,\"b\":\"y\"}"},
    {"(?<a>x)|(?<b>y)", "x", "{\"a\":\"x\",\"b\":null}"},
    {"(?<v>.*)", "007", "{\"v\":\"007\"}"},
    {"(?<v>.*)", "true", "{\"v\":true}"},
    {"^(?<v>.)$", "\xc3\xa9", "{\"v\":\"\xc3\xa9\"}"},
    {"(?<v>.*)", "\xc3(", "!byte 0: expected valid UTF-8, found 0xc3"},
    {"(?<v>[^b]*)", "a\xffz", "!byte 1: expected valid UTF-8, found 0xff"},
    {"(?=(?<v>ab))a", "ab", "{\"v\":\"ab\"}"},
};

static void test_lines(void)
{
    struct lane lane;
    lane_init(&lane);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct codec_options options = options_of(lines[i].pattern);
        struct decoder *decoder = open_decoder(&lane, &options);
        for (int round = 0; round < 2; round++)
            CHECK_TEXT(decode_text(&lane, decoder, lines[i].line), lines[i].wanted);
        decoder->free(decoder);
    }
    lane_deinit(&lane);
}

static void test_types(void)
{
    static const struct typed_member types[] = {
        {"a", TYPED_TEXT}, {"b", TYPED_INT}, {"c", TYPED_NUMBER}, {"d", TYPED_BOOL}};
    struct codec_options options = options_of("^(?<a>\\w*),(?<b>[^,]*),(?<c>[^,]*),(?<d>[^,]*)");
    options.regex.types = types;
    options.regex.type_count = 4;
    struct lane lane;
    lane_init(&lane);
    struct decoder *decoder = open_decoder(&lane, &options);
    CHECK_TEXT(decode_text(&lane, decoder, "1,2,3.5,true"),
               "{\"a\":\"1\",\"b\":2,\"c\":3.5,\"d\":true}");
    CHECK_TEXT(decode_text(&lane, decoder, ",,,"), "{\"a\":\"\",\"b\":null,\"c\":null,\"d\":null}");
    CHECK_TEXT(decode_text(&lane, decoder, "1,x,3,true"),
               "!byte 2: expected an integer of 64 bits in group 'b', found 'x'");
    CHECK_TEXT(decode_text(&lane, decoder, "1,2,3,yes"),
               "!byte 6: expected true or false in group 'd', found 'y'");
    decoder->free(decoder);
    lane_deinit(&lane);
}

// Exponential patterns end soon; the record is refused, the next one is read.
static void test_catastrophe(void)
{
    static const char *const patterns[] = {"^(?<v>(a+)+)$", "^(?<v>(a|aa)+)$",
                                           "(*NO_JIT)^(?<v>(a+)+)$", "(*NO_JIT)^(?<v>((a*)*)*)$"};
    char text[4096];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 2] = '!';
    text[sizeof text - 1] = '\0';
    struct lane lane;
    lane_init(&lane);
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        struct codec_options options = options_of(patterns[i]);
        struct decoder *decoder = open_decoder(&lane, &options);
        CHECK_HAS(decode_text(&lane, decoder, text), "!the pattern takes ");
        CU_ASSERT_EQUAL(*decode_text(&lane, decoder, "aa"), '{');
        decoder->free(decoder);
    }
    struct codec_options options = options_of("(?<v>(a+)+)$");
    options.regex.match_limit = 3;
    struct decoder *decoder = open_decoder(&lane, &options);
    CHECK_TEXT(decode_text(&lane, decoder, "aaaaaaaaaaaaaaaaaaaaaaaaab"),
               "!the pattern takes more than 3 steps on the line (match_limit)");
    decoder->free(decoder);
    lane_deinit(&lane);
}

static void test_patterns(void)
{
    static const struct typed_member types[] = {{"w", TYPED_INT}};
    static const struct {
        const char *pattern, *wanted;
        uint32_t types;
    } rows[] = {
        {NULL, "regex needs a `pattern`", 0},
        {"(?<v>", "pattern: byte 5: missing closing parenthesis", 0},
        {"(?<1>x)", "pattern: byte 3: subpattern name must start with a non-digit", 0},
        {"(x)", "pattern: expected 1 to 4096 named groups, as in (?<name>...), found 0", 0},
        {"(?J)(?<a>x)(?<a>y)", "pattern: two groups have the same name", 0},
        {"(?<a>\\C)", "pattern: byte 7: using \\C is disabled by the application", 0},
        {"(?<v>x)", "types names the group 'w', which is not there", 1},
    };
    struct lane lane;
    lane_init(&lane);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct decoder *decoder = NULL;
        struct codec_options options = options_of(rows[i].pattern);
        options.regex.types = types;
        options.regex.type_count = rows[i].types;
        error_clear(&lane.err);
        CU_ASSERT_EQUAL(decoder_open(&decoder, &options, lane.shapes, NULL, &lane.err), ERR_INPUT);
        CHECK_TEXT(lane.err.text, rows[i].wanted);
    }
    lane_deinit(&lane);
}

static void test_size(void)
{
    struct lane lane;
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct codec_options options = options_of("(?<v>.*)");
    struct decoder *decoder;
    limits.size = 3;
    lane_init(&lane);
    CU_ASSERT_EQUAL_FATAL(decoder_open(&decoder, &options, lane.shapes, &limits, NULL), 0);
    CHECK_TEXT(decode_text(&lane, decoder, "abcd"), "!byte 3: the record is longer than 3 bytes");
    decoder->free(decoder);
    lane_deinit(&lane);
}

static void test_hostile(void)
{
    static const char *const seeds[] = {
        "127.0.0.1 - bob [10/Oct/2000:13:55:36 -0700] \"GET /a HTTP/1.0\" 200 2326",
        "::1 - - [x] \"\" 304 -", NULL};
    static const char *const pieces[] = {" ", "\"", "[", "]", "-", "\xc3\xa9", "\xff", "1", NULL};
    struct lane lane;
    lane_init(&lane);
    struct codec_options options = options_of(ACCESS);
    struct decoder *decoder = open_decoder(&lane, &options);
    attack(&lane, decoder, seeds, NULL, pieces, 20000);
    decoder->free(decoder);
    lane_deinit(&lane);
}

static CU_TestInfo cases[] = {
    {"lines", test_lines},
    {"types", test_types},
    {"patterns that try ever more ways", test_catastrophe},
    {"patterns that are none", test_patterns},
    {"too long", test_size},
    {"hostile lines", test_hostile},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("regex", cases))
