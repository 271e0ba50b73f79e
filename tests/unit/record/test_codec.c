// SPDX-License-Identifier: MIT
#include "record/codec.h"
#include "support/unit.h"
#include "unit/record/lane.h"

static const struct {
    const char *decode, *bytes;
    const char *set;    // a member that is set to 7, or NULL
    const char *encode; // and what comes out; an error starts with '!'
    const char *wanted;
} cycles[] = {
    {"json", "{\"a\": 1}", NULL, "json", "{\"a\": 1}"},
    {"json", "{\"a\": 1}", "b", "json", "{\"a\": 1,\"b\":7}"},
    {"json", "{\n\"a\": 1}\n", NULL, "json", "{\"a\":1}"},
    {"json", "{\"a\": 1}", NULL, "none", "{\"a\": 1}"},
    {"json", "{\"message\": \"a\\nb\"}", NULL, "text", "a\nb"},
    {"json", "{\"message\": [1]}", NULL, "text", "[1]"},
    {"json", "{\"a\": 1}", NULL, "text", "!encode text needs the member 'message'"},
    {"json", "{\"a\"; 1}", NULL, "text", "!byte 4: expected ':', found ';'"},
    {"text", "a \"line\"", NULL, "json", "{\"message\":\"a \\\"line\\\"\"}"},
    {"text", "a line", NULL, "text", "a line"},
    {"text", "a line", NULL, "none", "a line"},
    {"text", "a line", "x", "json", "{\"message\":\"a line\",\"x\":7}"},
    {"text", "a line", "message", "text", "7"},
    {"text", "", NULL, "json", "{\"message\":\"\"}"},
    {"text", "a\xc3(", NULL, "text", "!byte 1: expected valid UTF-8, found 0xc3"},
    {"none", "\xff\x01", NULL, "none", "\xff\x01"},
    {"none", "\xff", NULL, "json", "!bytes that were not decoded cannot be written as JSON"},
    {"none", "\xff", "x", "json", "{\"x\":7}"},
};

static int run_cycle(struct lane *lane, size_t i, const char **out, size_t *len)
{
    struct decoder *decoder;
    struct encoder *encoder;
    CU_ASSERT_EQUAL_FATAL(decoder_new(&decoder, cycles[i].decode, lane->shapes, NULL, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(encoder_new(&encoder, cycles[i].encode, NULL), 0);
    size_t size = strlen(cycles[i].bytes);
    const char *bytes = lane_text(lane, cycles[i].bytes, size, CHUNK_PAD);
    struct record *r = batch_add(lane->batch);
    buf_clear(&lane->out);
    buf_puts(&lane->out, "before ");
    int code = decoder->decode(decoder, lane->batch, bytes, size, CHUNK_PAD, r, &lane->err);
    if (!code && cycles[i].set)
        code = record_set_name(lane->batch, r, cycles[i].set, (uint32_t)strlen(cycles[i].set),
                               value_int(7));
    if (!code)
        code = encoder->encode(encoder, lane->batch, r, &lane->out, out, len, &lane->err);
    if (!code && !*out)
        *out = lane->out.data + strlen("before ");
    decoder->free(decoder);
    encoder->free(encoder);
    return code;
}

static void test_cycles(void)
{
    struct lane lane;
    lane_init(&lane);
    for (size_t i = 0; i < sizeof cycles / sizeof *cycles; i++) {
        const char *out = NULL;
        size_t len = 0;
        char text[sizeof lane.err.text + 1];
        int code = run_cycle(&lane, i, &out, &len);
        if (code)
            snprintf(text, sizeof text, "!%s", lane.err.text);
        else
            snprintf(text, sizeof text, "%.*s", (int)len, out);
        CHECK_TEXT(text, cycles[i].wanted);
    }
    lane_deinit(&lane);
}

static void test_untouched_is_borrowed(void)
{
    struct lane lane;
    struct encoder *encoder;
    const char *out;
    size_t len;
    lane_init(&lane);
    struct record *r = lane_record(&lane, "{\"a\":1}");
    CU_ASSERT_EQUAL_FATAL(encoder_new(&encoder, "json", NULL), 0);
    CU_ASSERT_EQUAL(encoder->encode(encoder, lane.batch, r, &lane.out, &out, &len, NULL), 0);
    CU_ASSERT_PTR_EQUAL(out, r->raw);
    encoder->free(encoder);
    lane_deinit(&lane);
}

static void test_names(void)
{
    struct lane lane;
    struct decoder *decoder;
    struct encoder *encoder;
    lane_init(&lane);
    CU_ASSERT_EQUAL(decoder_new(&decoder, "jsn", lane.shapes, NULL, &lane.err), ERR_INPUT);
    CHECK_TEXT(lane.err.text,
               "unknown decoder 'jsn'; expected json, text, csv, syslog, logfmt, msgpack, regex or "
               "none");
    CU_ASSERT_EQUAL(encoder_new(&encoder, "xml", &lane.err), ERR_INPUT);
    for (const char *const *name = decoder_names; *name; name++) {
        int wanted = strcmp(*name, "regex") == 0 ? ERR_INPUT : 0; // it needs a pattern
        CU_ASSERT_EQUAL_FATAL(decoder_new(&decoder, *name, lane.shapes, NULL, NULL), wanted);
        if (!wanted)
            decoder->free(decoder);
    }
    for (const char *const *name = encoder_names; *name; name++) {
        CU_ASSERT_EQUAL(encoder_new(&encoder, *name, NULL), 0);
        encoder->free(encoder);
    }
    lane_deinit(&lane);
}

static CU_TestInfo cases[] = {
    {"bytes in, bytes out", test_cycles},
    {"an untouched record is not copied", test_untouched_is_borrowed},
    {"names", test_names},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("codec", cases))
