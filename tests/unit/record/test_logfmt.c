// SPDX-License-Identifier: MIT
#include "support/unit.h"
#include "unit/record/decoders.h"

static const struct {
    const char *line, *wanted;
} lines[] = {
    {"level=info msg=\"two words\" n=5 t=0.25 ok=true",
     "{\"level\":\"info\",\"msg\":\"two words\",\"n\":5,\"t\":0.25,\"ok\":true}"},
    {"  a=1\tb= c\r\n", "{\"a\":1,\"b\":null,\"c\":true}"},
    {"a=\"\" b=\"1\" c=\"x\\\"y\\\\\\n\"", "{\"a\":\"\",\"b\":\"1\",\"c\":\"x\\\"y\\\\\\n\"}"},
    {"url=http://x/?a=b k=a=b", "{\"url\":\"http://x/?a=b\",\"k\":\"a=b\"}"},
    {"\xc3\xa9=\xc3\xa9", "{\"\xc3\xa9\":\"\xc3\xa9\"}"},
    {"", "{}"},
    {"=x", "!byte 0: expected a key, found '='"},
    {"a=\"x", "!byte 4: expected a closing quote, found the end"},
    {"a=\"x\\", "!byte 5: expected a closing quote, found the end"},
    {"a=\"x\"y", "!byte 5: expected a space, found 'y'"},
    {"a=x\"y\"", "!byte 3: expected a space, found '\"'"},
    {"a=\"\\q\"", "!byte 4: expected one of \" \\ / n r t behind '\\', found 'q'"},
    {"a=b \x01", "!byte 4: expected a key, found 0x01"},
    {"a=\xff", "!byte 2: expected valid UTF-8, found 0xff"},
};

static struct decoder *open_logfmt(struct lane *lane)
{
    struct codec_options options = CODEC_OPTIONS_DEFAULT;
    options.name = "logfmt";
    return open_decoder(lane, &options);
}

static void test_lines(void)
{
    struct lane lane;
    lane_init(&lane);
    struct decoder *decoder = open_logfmt(&lane);
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
            CHECK_TEXT(decode_text(&lane, decoder, lines[i].line), lines[i].wanted);
    decoder->free(decoder);
    lane_deinit(&lane);
}

static void test_many_pairs(void)
{
    static char text[40000];
    size_t len = 0;
    struct lane lane;
    lane_init(&lane);
    struct decoder *decoder = open_logfmt(&lane);
    for (int i = 0; i < 4097; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "k%04d=1 ", i);
    CHECK_TEXT(decode_text(&lane, decoder, text), "!byte 32768: more than 4096 pairs");
    decoder->free(decoder);
    lane_deinit(&lane);
}

static void test_hostile(void)
{
    static const char *const pieces[] = {"=",    "\"",   "\\", "\\n", " ",    "\t", "a",    "1",
                                         "\xc3", "\xa9", "\n", "=\"", "\\\"", "-",  "true", NULL};
    const char *seeds[sizeof lines / sizeof *lines + 1] = {NULL};
    struct lane lane;
    lane_init(&lane);
    struct decoder *decoder = open_logfmt(&lane);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        seeds[i] = lines[i].line;
    attack(&lane, decoder, seeds, NULL, pieces, 20000);
    decoder->free(decoder);
    lane_deinit(&lane);
}

static CU_TestInfo cases[] = {
    {"lines", test_lines},
    {"too many pairs", test_many_pairs},
    {"hostile bytes", test_hostile},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("logfmt", cases))
