// SPDX-License-Identifier: MIT
#include "record/framing.h"
#include "support/unit.h"
#include <stdio.h>
#include <string.h>

enum { MAX = 10, OUT = 512 };

// Feeds the text in pieces of `step` bytes and writes what comes out as <frame>, ! for an error.
// *held: the most bytes that were kept at once.
static void cut(const char *text, size_t len, size_t step, char *out, size_t *held)
{
    struct framer framer;
    struct frame frame;
    struct error err = ERROR_INIT;
    char kept[256];
    size_t have = 0, fed = 0;
    framer_init(&framer, FRAMING_NEWLINE, MAX);
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

static void test_lines(void)
{
    char out[OUT];
    size_t held;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        for (size_t step = 1; step < 80; step++) {
            cut(lines[i].text, strlen(lines[i].text), step, out, &held);
            CU_ASSERT_STRING_EQUAL(out, lines[i].wanted);
            if (strcmp(out, lines[i].wanted) != 0)
                fprintf(stderr, "\n  step %zu: %s, wanted %s\n", step, out, lines[i].wanted);
            CU_ASSERT(held <= MAX + 1 + step); // a refused line is not kept
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
    CU_ASSERT_STRING_EQUAL(err.text, "unknown framing 'lines'; expected newline or whole");
}

static CU_TestInfo cases[] = {
    {"lines, however they arrive", test_lines},
    {"nothing is looked at twice", test_nothing_is_looked_at_twice},
    {"whole messages", test_whole},
    {"names", test_names},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("framing", cases))
