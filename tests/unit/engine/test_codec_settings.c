// SPDX-License-Identifier: MIT
#include "engine/codec_settings.h"
#include "support/unit.h"
#include "unit/record/lane.h"

// The options `decode`, `encode` and `framing` as the configuration gives them.

#define TEXT(key, value)                                                                           \
    {                                                                                              \
        .name = (char *)(key), .text = (char *)(value)                                             \
    }
#define MAP(key, list)                                                                             \
    {                                                                                              \
        .name = (char *)(key), .is_map = true, .items = (list),                                    \
        .count = sizeof(list) / sizeof *(list)                                                     \
    }

static struct tide_config json[] = {TEXT("format", "json")};
static struct tide_config msgpack[] = {TEXT("format", "msgpack")};
static struct tide_config csv[] = {TEXT("format", "csv")};
static struct tide_config two[] = {TEXT("format", "json"), TEXT("format", "csv")};
static struct tide_config semicolon[] = {TEXT("delimiter", ";"), TEXT("quote", "'")};
static struct tide_config wide[] = {TEXT("delimiter", ";;")};
static struct tide_config bad_type[] = {TEXT("a", "date")};
static struct tide_config bad_types[] = {TEXT("pattern", "(?<a>x)"), MAP("types", bad_type)};
static struct tide_config pattern[] = {TEXT("pattern", "(?<a>x"), TEXT("match_limit", "5")};
static struct tide_config prefix_2[] = {TEXT("prefix", "2"), TEXT("order", "little")};
static struct tide_config varint[] = {TEXT("prefix", "varint")};
static struct tide_config none[] = {TEXT("kind", "none")};
static struct tide_config octet[] = {TEXT("kind", "octet")};
static struct tide_config csv_semicolon[] = {MAP("csv", semicolon)};
static struct tide_config csv_wide[] = {MAP("csv", wide)};
static struct tide_config regex_types[] = {MAP("regex", bad_types)};
static struct tide_config regex_open[] = {MAP("regex", pattern)};
static struct tide_config length_2[] = {MAP("length", prefix_2)};
static struct tide_config length_varint[] = {MAP("length", varint)};

static void test_framings(void)
{
    static const struct tide_config decode[] = {MAP("decode", json), MAP("decode", msgpack),
                                                MAP("decode", csv), MAP("decode", csv_semicolon)};
    static const struct tide_config framing[] = {MAP("framing", octet), MAP("framing", length_2),
                                                 MAP("framing", length_varint),
                                                 MAP("framing", none)};
    struct row {
        const struct tide_config *framing, *codec;
        struct framing_options source, sink;
        bool of_source;
    };
    const struct row rows[] = {
        {NULL, NULL, {FRAMING_NEWLINE, ',', '"', 4, false}, {.kind = FRAMING_NEWLINE}, true},
        {NULL, &decode[0], {FRAMING_NEWLINE, ',', '"', 4, false}, {.kind = FRAMING_NEWLINE}, true},
        {NULL, &decode[1], {FRAMING_MSGPACK, ',', '"', 4, false}, {.kind = FRAMING_WHOLE}, true},
        {NULL, &decode[2], {FRAMING_CSV, ',', '"', 4, false}, {.kind = FRAMING_NEWLINE}, true},
        {NULL, &decode[3], {FRAMING_CSV, ';', '\'', 4, false}, {.kind = FRAMING_NEWLINE}, true},
        {&framing[0],
         &decode[1],
         {FRAMING_OCTET, ',', '"', 4, false},
         {.kind = FRAMING_OCTET},
         true},
        {&framing[1], NULL, {FRAMING_LENGTH, ',', '"', 2, true}, {.kind = FRAMING_LENGTH}, true},
        {&framing[2], NULL, {FRAMING_LENGTH, ',', '"', 0, false}, {.kind = FRAMING_LENGTH}, true},
        {&framing[3], NULL, {0}, {.kind = FRAMING_WHOLE}, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct framing_options out;
        struct error err = ERROR_INIT;
        int code = framing_from_setting(&out, rows[i].framing, rows[i].codec, &err);
        CU_ASSERT_EQUAL(code, rows[i].of_source ? 0 : ERR_INPUT);
        if (!code) {
            CU_ASSERT_EQUAL(out.kind, rows[i].source.kind);
            CU_ASSERT_EQUAL(out.delimiter, rows[i].source.delimiter);
            CU_ASSERT_EQUAL(out.quote, rows[i].source.quote);
            CU_ASSERT_EQUAL(out.prefix, rows[i].source.prefix);
            CU_ASSERT_EQUAL(out.little_endian, rows[i].source.little_endian);
        }
        CU_ASSERT_EQUAL(framing_of_sink(&out, rows[i].framing, rows[i].codec, &err), 0);
        CU_ASSERT_EQUAL(out.kind, rows[i].sink.kind);
    }
}

static void test_codecs(void)
{
    static const struct {
        struct tide_config setting;
        const char *wanted; // NULL: it opens
    } rows[] = {
        {MAP("decode", json), NULL},
        {MAP("decode", msgpack), NULL},
        {MAP("decode", csv_semicolon), NULL},
        {MAP("decode", two), "decode: one format, not several"},
        {{.name = (char *)"decode", .is_map = true}, "decode: it names no format"},
        {MAP("decode", csv_wide),
         "decode.csv: delimiter: expected one ASCII character, found ';;'"},
        {MAP("decode", regex_types),
         "decode.regex: types.a: expected auto, text, int, number or bool, found 'date'"},
        {MAP("decode", regex_open), "pattern: byte 6: missing closing parenthesis"},
    };
    struct lane lane;
    lane_init(&lane);
    const struct json_limits limits = JSON_LIMITS_DEFAULT;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct decoder *decoder = NULL;
        struct error err = ERROR_INIT;
        int code = decoder_from_setting(&decoder, &rows[i].setting, lane.shapes, &limits, &err);
        CU_ASSERT_EQUAL(code == 0, rows[i].wanted == NULL);
        if (!code)
            decoder->free(decoder);
        else
            CHECK_TEXT(err.text, rows[i].wanted ? rows[i].wanted : "");
        struct encoder *encoder = NULL;
        if (i < 3) {
            CU_ASSERT_EQUAL_FATAL(encoder_from_setting(&encoder, &rows[i].setting, &err), 0);
            encoder->free(encoder);
        }
    }
    lane_deinit(&lane);
}

static CU_TestInfo cases[] = {
    {"framings", test_framings},
    {"codecs", test_codecs},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("codec_settings", cases))
