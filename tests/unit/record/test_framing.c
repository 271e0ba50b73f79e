// SPDX-License-Identifier: MIT
#include "record/framing.h"
#include "support/unit.h"
#include <stdio.h>
#include <string.h>

enum { MAX = 10, OUT = 512 };

// Feeds the text in pieces of `step` bytes and writes what comes out as <frame>, ! for an error.
// *held: the most bytes that were kept at once.
static void cut(const struct framing_options *options, const char *text, size_t len, size_t step,
                char *out, size_t *held)
{
    struct framer framer;
    struct frame frame;
    struct error err = ERROR_INIT;
    char kept[256];
    size_t have = 0, fed = 0;
    framer_open(&framer, options, MAX);
    *out = '\0';
    *held = 0;
    for (;;) {
        size_t more = step < len - fed ? step : len - fed;
        memcpy(kept + have, text + fed, more);
        have += more;
        fed += more;
        *held = have > *held ? have : *held;
        int at_end = fed == len, result;
        do {
            result = framer_next(&framer, kept, have, at_end, &frame, &err);
            if (result > 0)
                snprintf(out + strlen(out), OUT - strlen(out), "<%.*s>", (int)frame.len,
                         frame.bytes);
            else if (result < 0)
                snprintf(out + strlen(out), OUT - strlen(out), "%s",
                         result == ERR_LIMIT ? "!" : "?");
            memmove(kept, kept + frame.used, have - frame.used);
            have -= frame.used;
        } while (result != 0);
        if (at_end)
            break;
    }
    CU_ASSERT_EQUAL(have, 0);
}

static const struct {
    const char *text, *wanted;
} lines[] = {
    {"", ""},
    {"a", "<a>"},
    {"a\n", "<a>"},
    {"a\nbc\n", "<a><bc>"},
    {"a\r\nb\r", "<a><b>"},
    {"\n\n", "<><>"},
    {"a\rb\n", "<a\rb>"},
    {"0123456789\n", "<0123456789>"},
    {"0123456789\r\n", "<0123456789>"},
    {"0123456789", "<0123456789>"},
    {"0123456789a\nb\n", "!<b>"},
    {"0123456789a\r\nb", "!<b>"},
    {"0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz\nx\ny", "!<x><y>"},
    {"x\n0123456789abcdefghijklmnopqrstuvwxyz", "<x>!"},
    {"0123456789a", "!"},
    {"0123456789ab\n0123456789ab\nc\n", "!!<c>"},
};

// In pieces of every size.
static void check_cut(const struct framing_options *options, const char *text, size_t len,
                      const char *wanted)
{
    char out[OUT];
    size_t held;
    for (size_t step = 1; step < 80; step++) {
        cut(options, text, len, step, out, &held);
        CHECK_TEXT(out, wanted);
        CU_ASSERT(held <= MAX + 11 + step); // a refused message is not kept
    }
}

static void test_lines(void)
{
    const struct framing_options options = FRAMING_OPTIONS_DEFAULT;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        check_cut(&options, lines[i].text, strlen(lines[i].text), lines[i].wanted);
}

static void test_byte_order_mark(void)
{
    struct framing_options options = FRAMING_OPTIONS_DEFAULT;
    check_cut(&options,
              "\xef\xbb\xbf"
              "a\n\xef\xbb\xbf",
              8, "<a><\xef\xbb\xbf>");
    check_cut(&options, "\xef\xbb\xbf", 3, "");
    check_cut(&options, "\xef\xbb", 2, "<\xef\xbb>");
    check_cut(&options, "\xef\xbbx", 3, "<\xef\xbbx>");
    options.kind = FRAMING_WHOLE;
    check_cut(&options,
              "\xef\xbb\xbf"
              "a\n",
              5, "<a\n>");
    options.kind = FRAMING_CSV;
    check_cut(&options, "\xef\xbb\xbf\"a\nb\"\nc", 10, "<\"a\nb\"><c>");
}

static void test_csv(void)
{
    static const struct {
        const char *text, *wanted;
    } texts[] = {
        {"a,b\nc\n", "<a,b><c>"},
        {"\"a\nb\",c\r\nd", "<\"a\nb\",c><d>"},
        {"\"a\"\"\n\",c\nd", "<\"a\"\"\n\",c><d>"},
        {"5\" x\ny,\"\n\"\nz", "<5\" x><y,\"\n\"><z>"},
        {"a,\"\",b\nc", "<a,\"\",b><c>"},
        {"\"\"\"\n\"\nx", "<\"\"\"\n\"><x>"},
        {"\"ab", "<\"ab>"},
    };
    struct framing_options options = FRAMING_OPTIONS_DEFAULT;
    options.kind = FRAMING_CSV;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        check_cut(&options, texts[i].text, strlen(texts[i].text), texts[i].wanted);
    options.quote = 0;
    check_cut(&options, "\"a\nb\"\n", 6, "<\"a><b\">");
}

// An open quote does not eat more than one message's length.
static void test_csv_open_quote(void)
{
    char text[200], out[OUT];
    size_t held;
    struct framing_options options = FRAMING_OPTIONS_DEFAULT;
    options.kind = FRAMING_CSV;
    memset(text, 'x', sizeof text);
    text[0] = '"';
    text[100] = text[150] = '\n';
    memcpy(text + 101, "a\n", 2);
    for (size_t step = 1; step < 12; step++) {
        cut(&options, text, 103, step, out, &held);
        CHECK_TEXT(out, "!<a>");
        CU_ASSERT(held <= MAX + 1 + step);
    }
}

static void test_length(void)
{
    struct framing_options options = FRAMING_OPTIONS_DEFAULT;
    options.kind = FRAMING_LENGTH;
    check_cut(&options, "\0\0\0\2ab\0\0\0\0\0\0\0\1\n", 15, "<ab><><\n>");
    check_cut(&options, "\0\0\0\013abcdefghijk\0\0\0\1x", 20, "!<x>");
    check_cut(&options,
              "\xff\xff\xff\xff"
              "abc",
              7, "!");
    check_cut(&options, "\0\0\0\3ab", 6, "?");
    check_cut(&options, "\0\0\0\1a\0\0", 7, "<a>?");
    options.little_endian = true;
    check_cut(&options, "\2\0\0\0ab", 6, "<ab>");
    options.prefix = 2;
    check_cut(&options, "\2\0ab\1\0c", 7, "<ab><c>");
    options.little_endian = false;
    check_cut(&options, "\0\2ab\0\1c", 7, "<ab><c>");
    options.prefix = 1;
    check_cut(&options, "\2ab\1c\0", 6, "<ab><c><>");
    options.prefix = 8;
    check_cut(&options, "\0\0\0\0\0\0\0\2ab", 10, "<ab>");
    check_cut(&options,
              "\xff\xff\xff\xff\xff\xff\xff\xff"
              "ab",
              10, "!");
}

static void test_varint(void)
{
    struct framing_options options = FRAMING_OPTIONS_DEFAULT;
    options.kind = FRAMING_LENGTH;
    options.prefix = 0;
    check_cut(&options, "\2ab\0\1c", 6, "<ab><><c>");
    check_cut(&options, "\x82\0ab", 4, "<ab>"); // longer than need be, but a varint
    check_cut(&options, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\1x", 11, "!");
    check_cut(&options, "\1a\xff\xff\xff\xff\xff\xff\xff\xff\xff\2x", 13, "<a>?");
    check_cut(&options, "\x80", 1, "?");
}

static void test_octet(void)
{
    struct framing_options options = FRAMING_OPTIONS_DEFAULT;
    options.kind = FRAMING_OCTET;
    check_cut(&options, "2 ab3 c\nd1 e", 12, "<ab><c\nd><e>");
    check_cut(&options, "<1>a\r\n3 <2>3 <3><4>b", 21, "<<1>a><<2>><<3>><<4>b>");
    check_cut(&options, "11 abcdefghijk1 x", 17, "!<x>");
    check_cut(&options, "<2345678901234567890123\n1 x", 27, "!<x>");
    check_cut(&options, "1 ax 1 b", 8, "<a>?");
    check_cut(&options, "01 a", 4, "?");
    check_cut(&options, "12345678901 a", 13, "?");
    check_cut(&options, "4 ab", 4, "?");
}

static void test_msgpack(void)
{
    struct framing_options options = FRAMING_OPTIONS_DEFAULT;
    options.kind = FRAMING_MSGPACK;
    check_cut(&options, "\1\x81\xa1k\x92\2\3\xc0", 8, "<\1><\x81\xa1k\x92\2\3><\xc0>");
    check_cut(&options, "\xd9\2ab\xc7\1\5x\xd4\1y", 11,
              "<\xd9\2"
              "ab><\xc7\1\5x><\xd4\1y>");
    check_cut(&options, "\x92\x90\x80\xcd\1\1\xc4\1z", 9, "<\x92\x90\x80><\xcd\1\1><\xc4\1z>");
    check_cut(&options, "\xdc\1\1\1\1\1\1\1\1\1\1\1\1\1\1", 15, "!"); // 257 items
    check_cut(&options,
              "\xaa"
              "0123456789\7",
              12, "!<\7>");
    check_cut(&options,
              "\xd9\14"
              "0123456789ab\7",
              15, "!<\7>");
    check_cut(&options, "\x9b\1\2\3\4\5\6\7\1\2\3\4\5\x91\6", 15, "!<\5><\x91\6>");
    check_cut(&options,
              "\x92\xaa"
              "0123456789\1\5",
              14, "!<\5>");
    check_cut(&options,
              "\xdb\xff\xff\xff\xff"
              "abc",
              8, "!");
    check_cut(&options, "\1\xc1\2\3", 4, "<\1>?");
    check_cut(&options,
              "\x92\xaa"
              "0123456789\xc1\5",
              14, "!");
    check_cut(&options, "\x92\1", 2, "?");
    check_cut(&options, "\1\xcd\1", 3, "<\1>?");
    check_cut(&options, "", 0, "");
}

static void test_prefixes(void)
{
    static const struct {
        enum framing kind;
        uint32_t prefix;
        bool little;
        size_t len;
        const char *wanted; // in hex; NULL: too long
    } prefixes[] = {
        {FRAMING_NEWLINE, 4, false, 5, ""},
        {FRAMING_WHOLE, 4, false, 5, ""},
        {FRAMING_LENGTH, 4, false, 258, "00000102"},
        {FRAMING_LENGTH, 4, true, 258, "02010000"},
        {FRAMING_LENGTH, 8, false, 258, "0000000000000102"},
        {FRAMING_LENGTH, 1, false, 255, "ff"},
        {FRAMING_LENGTH, 1, false, 256, NULL},
        {FRAMING_LENGTH, 2, true, 65536, NULL},
        {FRAMING_LENGTH, 0, false, 127, "7f"},
        {FRAMING_LENGTH, 0, false, 300, "ac02"},
        {FRAMING_OCTET, 4, false, 120, "31323020"},
    };
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        struct framing_options options = {.kind = prefixes[i].kind,
                                          .prefix = prefixes[i].prefix,
                                          .little_endian = prefixes[i].little};
        char out[FRAMING_PREFIX_MAX], hex[2 * FRAMING_PREFIX_MAX + 1] = "";
        size_t used;
        struct error err = ERROR_INIT;
        int code = framing_put_prefix(&options, prefixes[i].len, out, &used, &err);
        CU_ASSERT_EQUAL(code, prefixes[i].wanted ? 0 : ERR_LIMIT);
        for (size_t n = 0; n < used; n++)
            snprintf(hex + 2 * n, 3, "%02x", (unsigned char)out[n]);
        CHECK_TEXT(hex, prefixes[i].wanted ? prefixes[i].wanted : "");
    }
}

static void test_nothing_is_looked_at_twice(void)
{
    struct framer framer;
    struct frame frame;
    framer_init(&framer, FRAMING_NEWLINE, 100);
    CU_ASSERT_EQUAL(framer_next(&framer, "abcdef", 6, 0, &frame, NULL), 0);
    CU_ASSERT_EQUAL(framer.scanned, 6);
    CU_ASSERT_EQUAL(frame.used, 0);
    CU_ASSERT_EQUAL(framer_next(&framer, "abcdefg\nh", 9, 0, &frame, NULL), 1);
    CU_ASSERT_EQUAL(frame.len, 7);
    CU_ASSERT_EQUAL(frame.used, 8);
    CU_ASSERT_EQUAL(framer.scanned, 0);
}

static void test_whole(void)
{
    struct framer framer;
    struct frame frame;
    struct error err = ERROR_INIT;
    framer_init(&framer, FRAMING_WHOLE, MAX);
    CU_ASSERT_EQUAL(framer_next(&framer, "a\nb\n", 4, 0, &frame, &err), 0);
    CU_ASSERT_EQUAL(framer_next(&framer, "a\nb\n", 4, 1, &frame, &err), 1);
    CU_ASSERT_EQUAL(frame.len, 4);
    CU_ASSERT_EQUAL(framer_next(&framer, "", 0, 1, &frame, &err), 0);
    CU_ASSERT_EQUAL(framer_next(&framer, "0123456789a", 11, 0, &frame, &err), ERR_LIMIT);
    CU_ASSERT_EQUAL(frame.used, 11);
}

static void test_names(void)
{
    enum framing kind;
    struct error err = ERROR_INIT;
    CU_ASSERT(framing_from_name("newline", &kind, &err) == 0 && kind == FRAMING_NEWLINE);
    CU_ASSERT(framing_from_name("whole", &kind, &err) == 0 && kind == FRAMING_WHOLE);
    CU_ASSERT_EQUAL(framing_from_name("lines", &kind, &err), ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(
        err.text,
        "unknown framing 'lines'; expected newline, whole, csv, length, octet or msgpack");
}

static CU_TestInfo cases[] = {
    {"lines, however they arrive", test_lines},
    {"byte order mark", test_byte_order_mark},
    {"csv lines", test_csv},
    {"csv with a quote left open", test_csv_open_quote},
    {"length", test_length},
    {"length as a varint", test_varint},
    {"octet counting", test_octet},
    {"messagepack", test_msgpack},
    {"prefixes of what is written", test_prefixes},
    {"nothing is looked at twice", test_nothing_is_looked_at_twice},
    {"whole messages", test_whole},
    {"names", test_names},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("framing", cases))
