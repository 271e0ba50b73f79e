// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "support/unit.h"
#include "unit/record/decoders.h"

static const char *const abc[] = {"a", "b", "c"};

static struct codec_options options_of(const char *const *columns, uint32_t count)
{
    struct codec_options options = CODEC_OPTIONS_DEFAULT;
    options.name = "csv";
    options.csv.columns = columns;
    options.csv.column_count = count;
    options.csv.header = columns == NULL;
    return options;
}

static const struct {
    const char *line, *wanted;
} lines[] = {
    {"1,x,2.5", "{\"a\":1,\"b\":\"x\",\"c\":2.5}"},
    {"1,x,2.5\r\n", "{\"a\":1,\"b\":\"x\",\"c\":2.5}"},
    {"1,x,2.5\n", "{\"a\":1,\"b\":\"x\",\"c\":2.5}"},
    {",,", "{\"a\":null,\"b\":null,\"c\":null}"},
    {"\"\",\"1\",true", "{\"a\":\"\",\"b\":\"1\",\"c\":true}"},
    {"false,truely,-", "{\"a\":false,\"b\":\"truely\",\"c\":\"-\"}"},
    {"007,+5,-0", "{\"a\":\"007\",\"b\":\"+5\",\"c\":-0}"},
    {"9223372036854775807,9223372036854775808,-9223372036854775808",
     "{\"a\":9223372036854775807,\"b\":\"9223372036854775808\",\"c\":-9223372036854775808}"},
    {"1e999,1.,1e3", "{\"a\":\"1e999\",\"b\":\"1.\",\"c\":1e3}"},
    {"\"x,y\",\"l1\nl2\",\"q\"\"q\"", "{\"a\":\"x,y\",\"b\":\"l1\\nl2\",\"c\":\"q\\\"q\"}"},
    {"\"\"\"\",\"\"\"\"\"\",z", "{\"a\":\"\\\"\",\"b\":\"\\\"\\\"\",\"c\":\"z\"}"},
    {" 1,x ,\t", "{\"a\":\" 1\",\"b\":\"x \",\"c\":\"\\t\"}"},
    {"\xc3\xa9,\\,c\"", "!byte 6: expected no quote inside a bare field, found '\"'"},
    {"\xc3\xa9,\\,c", "{\"a\":\"\xc3\xa9\",\"b\":\"\\\\\",\"c\":\"c\"}"},
    {"a,\xc3,c", "!byte 2: expected valid UTF-8, found 0xc3"},
    {"1,2", "!byte 3: expected 3 fields, found 2"},
    {"1,2,3,4", "!byte 7: expected 3 fields, found 4"},
    {"", "!byte 0: expected 3 fields, found 1"},
    {"\"1\"x,2,3", "!byte 3: expected a delimiter or the end of the line, found 'x'"},
    {"1,\"2,3", "!byte 6: expected a closing quote, found the end"},
    {"1,2,3\n4,5,6", "!byte 5: expected no line break outside of quotes, found 0x0a"},
    {"0123456789012345678901234567890123456789,0123456789012345678901234567890123456789,1",
     "{\"a\":\"0123456789012345678901234567890123456789\","
     "\"b\":\"0123456789012345678901234567890123456789\",\"c\":1}"},
};

static void test_lines(void)
{
    struct lane lane;
    lane_init(&lane);
    struct codec_options options = options_of(abc, 3);
    struct decoder *decoder = open_decoder(&lane, &options);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        CHECK_TEXT(decode_text(&lane, decoder, lines[i].line), lines[i].wanted);
        const char *bare = lane_text(&lane, lines[i].line, strlen(lines[i].line), 0);
        CHECK_TEXT(decode_json(&lane, decoder, bare, strlen(lines[i].line), 0), lines[i].wanted);
    }
    CHECK_TEXT(decode_json(&lane, decoder, "a\0b,\"\0\",c", 9, 0),
               "{\"a\":\"a\\u0000b\",\"b\":\"\\u0000\",\"c\":\"c\"}");
    decoder->free(decoder);
    lane_deinit(&lane);
}

static void test_dialect(void)
{
    struct lane lane;
    lane_init(&lane);
    struct codec_options options = options_of(abc, 3);
    options.csv.delimiter = ';';
    options.csv.quote = '\'';
    struct decoder *decoder = open_decoder(&lane, &options);
    CHECK_TEXT(decode_text(&lane, decoder, "1,5;'a;b';\""),
               "{\"a\":\"1,5\",\"b\":\"a;b\",\"c\":\"\\\"\"}");
    decoder->free(decoder);
    options.csv.quote = 0;
    options.csv.delimiter = '\t';
    decoder = open_decoder(&lane, &options);
    CHECK_TEXT(decode_text(&lane, decoder, "'x\t\"\t"), "{\"a\":\"'x\",\"b\":\"\\\"\",\"c\":null}");
    decoder->free(decoder);
    lane_deinit(&lane);
}

static void test_types(void)
{
    static const struct typed_member types[] = {
        {"a", TYPED_TEXT}, {"b", TYPED_INT}, {"c", TYPED_BOOL}};
    struct lane lane;
    lane_init(&lane);
    struct codec_options options = options_of(abc, 3);
    options.csv.types = types;
    options.csv.type_count = 3;
    struct decoder *decoder = open_decoder(&lane, &options);
    CHECK_TEXT(decode_text(&lane, decoder, "1,2,true"), "{\"a\":\"1\",\"b\":2,\"c\":true}");
    CHECK_TEXT(decode_text(&lane, decoder, ",,"), "{\"a\":\"\",\"b\":null,\"c\":null}");
    CHECK_TEXT(decode_text(&lane, decoder, "1,\"2\",\"false\""),
               "{\"a\":\"1\",\"b\":2,\"c\":false}");
    CHECK_TEXT(decode_text(&lane, decoder, "1,2.5,true"),
               "!byte 2: expected an integer of 64 bits in column 'b', found '2'");
    CHECK_TEXT(decode_text(&lane, decoder, "1,\"x\"\"\",true"),
               "!byte 3: expected an integer of 64 bits in column 'b', found 'x'");
    CHECK_TEXT(decode_text(&lane, decoder, "1,2,yes"),
               "!byte 4: expected true or false in column 'c', found 'y'");
    decoder->free(decoder);
    lane_deinit(&lane);
}

static const char *in_split(struct lane *lane, struct decoder *decoder, uint32_t split,
                            const char *text)
{
    const char *copy = lane_text(lane, text, strlen(text), CHUNK_PAD);
    struct record *record = batch_add(lane->batch);
    record->split = split;
    int code =
        decoder->decode(decoder, lane->batch, copy, strlen(text), CHUNK_PAD, record, &lane->err);
    return code < 0 ? lane->err.text : code ? "" : lane_json(lane, record);
}

// Each split has a header of its own, which is part of its position.
static void test_headers(void)
{
    struct lane lane;
    struct buf saved;
    lane_init(&lane);
    buf_init(&saved, 1000);
    struct codec_options options = options_of(NULL, 0);
    struct decoder *decoder = open_decoder(&lane, &options);
    CHECK_TEXT(in_split(&lane, decoder, 0, "x,\"y\"\"z\"\r\n"), "");
    CHECK_TEXT(in_split(&lane, decoder, 5, "y,x"), "");
    CHECK_TEXT(in_split(&lane, decoder, 0, "1,2"), "{\"x\":1,\"y\\\"z\":2}");
    CHECK_TEXT(in_split(&lane, decoder, 5, "1,2"), "{\"y\":1,\"x\":2}");
    CU_ASSERT_EQUAL(decoder->split_save(decoder, 3, &saved), 0);
    CU_ASSERT_EQUAL(saved.len, 0);
    CU_ASSERT_EQUAL(decoder->split_save(decoder, 0, &saved), 0);
    CU_ASSERT_EQUAL(decoder->split_begin(decoder, 0, NULL, 0, &lane.err), 0);
    CHECK_TEXT(in_split(&lane, decoder, 0, "n"), "");
    CHECK_TEXT(in_split(&lane, decoder, 0, "7"), "{\"n\":7}");
    CU_ASSERT_EQUAL(decoder->split_begin(decoder, 7, saved.data, saved.len, &lane.err), 0);
    CHECK_TEXT(in_split(&lane, decoder, 7, "3,4"), "{\"x\":3,\"y\\\"z\":4}");
    CHECK_TEXT(in_split(&lane, decoder, 8, "a,b,a"), "header: the header has a column twice");
    CHECK_TEXT(in_split(&lane, decoder, 8, "a,\"b"),
               "header: byte 4: expected a closing quote, found the end");
    CU_ASSERT_EQUAL(decoder->split_begin(decoder, 8, "\1a,\"b", 5, &lane.err), ERR_DATA);
    decoder->free(decoder);
    buf_deinit(&saved);
    lane_deinit(&lane);
}

static void test_header_with_columns(void)
{
    struct lane lane;
    struct buf saved;
    lane_init(&lane);
    buf_init(&saved, 1000);
    struct codec_options options = options_of(abc, 3);
    options.csv.header = true;
    struct decoder *decoder = open_decoder(&lane, &options);
    CHECK_TEXT(in_split(&lane, decoder, 0, "what,ever"), "");
    CHECK_TEXT(in_split(&lane, decoder, 0, "1,2,3"), "{\"a\":1,\"b\":2,\"c\":3}");
    CU_ASSERT_EQUAL(decoder->split_save(decoder, 0, &saved), 0);
    CU_ASSERT_EQUAL(decoder->split_begin(decoder, 0, saved.data, saved.len, &lane.err), 0);
    CHECK_TEXT(in_split(&lane, decoder, 0, "1,2,3"), "{\"a\":1,\"b\":2,\"c\":3}");
    decoder->free(decoder);
    buf_deinit(&saved);
    lane_deinit(&lane);
}

static void test_wrong_options(void)
{
    struct lane lane;
    struct decoder *decoder;
    lane_init(&lane);
    struct codec_options options = options_of(NULL, 0);
    options.csv.header = false;
    CU_ASSERT_EQUAL(decoder_open(&decoder, &options, lane.shapes, NULL, &lane.err), ERR_INPUT);
    options.csv.header = true;
    options.csv.delimiter = '"';
    CU_ASSERT_EQUAL(decoder_open(&decoder, &options, lane.shapes, NULL, &lane.err), ERR_INPUT);
    options.csv.delimiter = '\n';
    CU_ASSERT_EQUAL(decoder_open(&decoder, &options, lane.shapes, NULL, &lane.err), ERR_INPUT);
    options = options_of(abc, 0);
    CU_ASSERT_EQUAL(decoder_open(&decoder, &options, lane.shapes, NULL, &lane.err), ERR_INPUT);
    lane_deinit(&lane);
}

static void test_limits(void)
{
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct lane lane;
    struct decoder *decoder;
    lane_init(&lane);
    limits.members = 3;
    limits.size = 10;
    struct codec_options options = options_of(NULL, 0);
    CU_ASSERT_EQUAL_FATAL(decoder_open(&decoder, &options, lane.shapes, &limits, &lane.err), 0);
    CHECK_TEXT(in_split(&lane, decoder, 0, "a,b,c,d"),
               "header: the header has more than 3 columns");
    CHECK_TEXT(in_split(&lane, decoder, 0, "a,b,c"), "");
    CHECK_TEXT(in_split(&lane, decoder, 0, "1234567,8,9"),
               "byte 10: the record is longer than 10 bytes");
    decoder->free(decoder);
    lane_deinit(&lane);
}

static void test_hostile(void)
{
    static const char *const seeds[] = {
        "1,two,3.5", "\"a\"\"b\",\"c,d\n\",e",
        "0123456789,0123456789012345678901234567890123456789012345678901234567890,\xc3\xa9\xe2\x82"
        "\xac",
        ",\"\",", NULL};
    static const char *const pieces[] = {",",  "\"",   "\"\"", "\n",          "\r",   "1",     "-",
                                         ".5", "true", "e9",   "\xc3",        "\xa9", "\",\"", ",,",
                                         "00", " ",    "x",    "99999999999", NULL};
    struct lane lane;
    lane_init(&lane);
    struct codec_options options = options_of(abc, 3);
    struct decoder *decoder = open_decoder(&lane, &options);
    attack(&lane, decoder, seeds, NULL, pieces, 20000);
    decoder->free(decoder);
    lane_deinit(&lane);
}

// -- encode --

static const char *encode_once(struct lane *lane, struct encoder *encoder, const char *json)
{
    const char *out;
    size_t len;
    struct record *record = lane_record(lane, json);
    buf_clear(&lane->out);
    int code = encoder->encode(encoder, lane->batch, record, &lane->out, &out, &len, &lane->err);
    if (!code)
        CU_ASSERT(out == NULL && len == lane->out.len);
    return code ? lane->err.text : buf_cstr(&lane->out);
}

static void test_encode(void)
{
    struct lane lane;
    struct encoder *encoder;
    lane_init(&lane);
    CU_ASSERT_EQUAL_FATAL(encoder_new(&encoder, "csv", &lane.err), 0);
    CHECK_TEXT(encode_once(&lane, encoder, "{\"a\":1,\"b,c\":\"x\",\"d\":null}"),
               "a,\"b,c\",d\n1,x,");
    CHECK_TEXT(encode_once(&lane, encoder, "{\"d\":\"\",\"b,c\":\"1\",\"a\":2.50}"),
               "2.5,\"1\",\"\"");
    CHECK_TEXT(encode_once(&lane, encoder, "{\"d\":[1,\"x\"],\"a\":\"q\\\"q\",\"b,c\":true}"),
               "\"q\"\"q\",true,\"[1,\"\"x\"\"]\"");
    CHECK_TEXT(encode_once(&lane, encoder, "{\"a\":\"l\\n\"}"), "\"l\n\",,");
    CHECK_TEXT(encode_once(&lane, encoder, "{\"a\":1,\"z\":1}"),
               "encode csv: the member 'z' is no column; the first record had none of that name: "
               "give `columns`");
    encoder->free(encoder);
    struct codec_options options = options_of(abc, 3);
    options.csv.quote = 0;
    CU_ASSERT_EQUAL_FATAL(encoder_open(&encoder, &options, &lane.err), 0);
    CHECK_TEXT(encode_once(&lane, encoder, "{\"z\":1,\"c\":\"x\"}"), ",,x");
    CHECK_TEXT(encode_once(&lane, encoder, "{\"c\":\"x,\"}"),
               "column 'c': encode csv without quotes: a value holds a delimiter or a line break");
    encoder->free(encoder);
    lane_deinit(&lane);
}

// What is written reads back as the same.
static void test_round_trip(void)
{
    static const char *const records[] = {"{\"a\":\"007\",\"b\":\"7\",\"c\":7}",
                                          "{\"a\":null,\"b\":\"\",\"c\":\"null\"}",
                                          "{\"a\":\"true\",\"b\":true,\"c\":\"\\\"\"}",
                                          "{\"a\":\"-\",\"b\":-1,\"c\":\"x\\ny,\\\"z\\\"\"}",
                                          "{\"a\":\"1e5\",\"b\":0.1,\"c\":\"\\r\"}"};
    struct lane lane;
    struct encoder *encoder;
    lane_init(&lane);
    struct codec_options options = options_of(abc, 3);
    struct decoder *decoder = open_decoder(&lane, &options);
    CU_ASSERT_EQUAL_FATAL(encoder_open(&encoder, &options, &lane.err), 0);
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        char line[256];
        snprintf(line, sizeof line, "%s", encode_once(&lane, encoder, records[i]));
        CHECK_TEXT(decode_text(&lane, decoder, line), records[i]);
    }
    encoder->free(encoder);
    decoder->free(decoder);
    lane_deinit(&lane);
}

static void test_out_of_memory(void)
{
    struct lane lane;
    lane_init(&lane);
    struct codec_options options = options_of(NULL, 0);
    for (uint64_t n = 1; n < 100; n++) {
        struct decoder *decoder = NULL;
        struct record *record = batch_add(lane.batch);
        mem_fail_at(n, true);
        int code = decoder_open(&decoder, &options, lane.shapes, NULL, &lane.err);
        if (!code)
            code = decoder->decode(decoder, lane.batch, "a,b", 3, 0, record, &lane.err);
        bool failed = mem_fail_count() > 0;
        mem_fail_at(0, false);
        CU_ASSERT_EQUAL(code, failed ? ERR_NOMEM : DECODE_NOTHING);
        if (decoder)
            decoder->free(decoder);
        if (!failed)
            break;
        CU_ASSERT_FATAL(n < 99);
    }
    lane_deinit(&lane);
}

static CU_TestInfo cases[] = {
    {"lines", test_lines},
    {"other delimiters and quotes", test_dialect},
    {"declared types", test_types},
    {"a header of each split", test_headers},
    {"a header that is passed over", test_header_with_columns},
    {"wrong options", test_wrong_options},
    {"limits", test_limits},
    {"hostile bytes", test_hostile},
    {"encode", test_encode},
    {"round trip", test_round_trip},
    {"out of memory", test_out_of_memory},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("csv", cases))
