// SPDX-License-Identifier: MIT
#include "support/unit.h"
#include "unit/record/json_cases.h"
#include "unit/record/paths.h"
#include <stdio.h>

// RFC 8259 by cases: each value on its own and inside of other texts, on every path, by readers
// that know nothing, one layout that fits but for the value, or many of them.

struct context {
    const char *before, *behind;
};

// Behind each value stands a comma or a blank, so that one that is cut short stays cut short.
static const struct context contexts[] = {
    {"", ""},
    {"{\"a\":1,\"v\":", ",\"z\":true}"},
    {"{\"o\":{\"k\":\"s\",\"v\":", ",\"w\":[1]},\"t\":0}"},
    {"{\"v\":[0,", ",1],\"t\":\"x\"}"},
    {"{\"v\":[{\"q\":", ",\"r\":0},{}],\"t\":\"x\"}"},
    {"[0,", ",1]"},
    {"{ \"a\" :\t", " , \"z\" : 1 }"},
    {"{\"a long name to fill more than one load of the prefix, or two of them\":", ",\"z\":[[1]]}"},
};

static const char *const lessons[] = {"1", "\"s\"", "[1,2]", "null", "{\"x\":1}", "1.5"};

enum {
    CONTEXTS = sizeof contexts / sizeof *contexts,
    LESSONS = sizeof lessons / sizeof *lessons,
    TEXT_MAX = 1024
};

struct text {
    char bytes[TEXT_MAX];
    size_t len;
};

static void put_in(struct text *text, const struct context *context, const char *value, size_t len)
{
    size_t before = strlen(context->before), behind = strlen(context->behind);
    CU_ASSERT_FATAL(before + len + behind <= TEXT_MAX);
    memcpy(text->bytes, context->before, before);
    memcpy(text->bytes + before, value, len);
    memcpy(text->bytes + before + len, context->behind, behind);
    text->len = before + len + behind;
}

static void teach(struct lane *lane, const struct context *context, size_t count, size_t pad)
{
    struct text text;
    struct record *record;
    for (size_t i = 0; i < count; i++) {
        put_in(&text, context, lessons[i], strlen(lessons[i]));
        CU_ASSERT_EQUAL(lane_read(lane, text.bytes, text.len, pad, &record), 0);
    }
}

static void complain(const struct reading *reading, const struct text *text, const char *what)
{
    CU_FAIL("a case went wrong");
    fprintf(stderr, "\n  %s (path %d): %s: <<%.*s>>\n", reading->name, (int)reading->path, what,
            (int)text->len, text->bytes);
}

static bool names_byte(const char *message, size_t at)
{
    char wanted[32];
    (void)snprintf(wanted, sizeof wanted, "byte %zu: expected ", at);
    return strncmp(message, wanted, strlen(wanted)) == 0;
}

// What was taken and is not changed is written as it is, and what is written can be read.
static void check_written(struct lane *lane, const struct reading *reading, const struct text *text,
                          struct record *record)
{
    char written[TEXT_MAX];
    buf_clear(&lane->out);
    CU_ASSERT_EQUAL(json_write(lane->batch, record, &lane->out, NULL), 0);
    size_t len = lane->out.len;
    if (!(record->flags & RECORD_LINES) &&
        (len != text->len || memcmp(lane->out.data, text->bytes, len) != 0))
        complain(reading, text, "written otherwise");
    memcpy(written, lane->out.data, len);
    if (json_read(lane->reader, lane->batch, written, len, 0, record, NULL))
        complain(reading, text, "what was written is refused");
}

// `at` is TAKEN, or the byte, or -2 for any byte.
static void check_reading(struct lane *lane, const struct reading *reading, const struct text *text,
                          int at)
{
    struct record *record;
    error_clear(&lane->err);
    int code = lane_read(lane, text->bytes, text->len, reading->padded ? CHUNK_PAD : 0, &record);
    if ((code == 0) != (at == TAKEN))
        complain(reading, text, code ? lane->err.text : "taken");
    else if (code && (code != ERR_DATA || (at >= 0 && !names_byte(lane->err.text, (size_t)at))))
        complain(reading, text, lane->err.text);
    else if (code == 0)
        check_written(lane, reading, text, record);
}

static void check_in_context(const struct json_case *one, const struct context *context)
{
    struct text text;
    struct lane lane;
    int at = one->at;
    put_in(&text, context, one->text, one->len);
    if (*context->before && at >= 0)
        at = at < (int)one->len ? at + (int)strlen(context->before) : -2;
    for (size_t i = 0; i < READINGS; i++)
        for (size_t known = 0; known <= LESSONS; known = known ? known + LESSONS - 1 : 1) {
            lane_init(&lane);
            if (use_reading(&lane, &readings[i])) {
                teach(&lane, context, known, readings[i].padded ? CHUNK_PAD : 0);
                check_reading(&lane, &readings[i], &text, at);
                check_reading(&lane, &readings[i], &text, at); // it may know this one now
            }
            lane_deinit(&lane);
        }
}

static void test_values(void)
{
    for (size_t i = 0; i < sizeof value_cases / sizeof *value_cases; i++)
        for (size_t c = 0; c < CONTEXTS; c++)
            check_in_context(&value_cases[i], &contexts[c]);
}

static void test_texts(void)
{
    for (size_t i = 0; i < sizeof text_cases / sizeof *text_cases; i++)
        check_in_context(&text_cases[i], &contexts[0]);
}

// The layout path is the one that is tested: it takes what differs from a lesson by its value only.
static void test_layouts_are_used(void)
{
    size_t tried = 0, taken = 0;
    for (size_t i = 0; i < sizeof value_cases / sizeof *value_cases; i++) {
        struct text text;
        struct lane lane;
        struct record record = {0};
        char first = *value_cases[i].text;
        if (value_cases[i].at != TAKEN || first == '{' || first == '[')
            continue;
        put_in(&text, &contexts[1], value_cases[i].text, value_cases[i].len);
        lane_init(&lane);
        if (lane.reader->fast) {
            teach(&lane, &contexts[1], 1, CHUNK_PAD);
            const char *bytes = lane_text(&lane, text.bytes, text.len, CHUNK_PAD);
            taken += json_hints_try(lane.reader, lane.batch, bytes, (uint32_t)text.len, &record);
            tried++;
        }
        lane_deinit(&lane);
    }
    CU_ASSERT_EQUAL(taken, tried);
}

static const struct {
    const char *text;
    struct json_limits limits;
    const char *error; // NULL: taken
} limit_cases[] = {
    {"[[[]]]", {3, 100, 100, 0}, NULL},
    {"[[[[]]]]", {3, 100, 100, 0}, "byte 3: expected no deeper nesting than the limit of 3"},
    {"{\"a\":[{}]}", {3, 100, 100, 0}, NULL},
    {"{\"a\":[{\"b\":[]}]}",
     {3, 100, 100, 0},
     "byte 11: expected no deeper nesting than the limit of 3"},
    {"{\"a\":[{\"b\":1}]}",
     {1, 100, 100, 0},
     "byte 5: expected no deeper nesting than the limit of 1"},
    {"{\"a\":1,\"b\":2}", {3, 100, 2, 0}, NULL},
    {"{\"a\":1,\"b\":2,\"c\":3}",
     {3, 100, 2, 0},
     "byte 13: expected no more members than the limit of 2"},
    {"{\"a\":1,\"a\":2,\"a\":3}",
     {3, 100, 2, 0},
     "byte 13: expected no more members than the limit of 2"},
    {"[{\"a\":1,\"b\":{\"c\":1,\"d\":2,\"e\":0}}]",
     {3, 100, 2, 0},
     "byte 25: expected no more members than the limit of 2"},
    {"[1,2,3,4,5]", {3, 100, 2, 0}, NULL},
    {"[1,2,3]", {3, 7, 100, 0}, NULL},
    {"[1,2,34]", {3, 7, 100, 0}, "byte 7: the record is longer than 7 bytes"},
    {"{\"a\":9223372036854775807}", {3, 100, 2, BIG_INTS_ERROR}, NULL},
    {"{\"a\":9223372036854775808}",
     {3, 100, 2, BIG_INTS_ERROR},
     "byte 5: expected an integer of 64 bits (big_ints: float or string takes larger ones), found "
     "'9'"},
    {"[1,[-9223372036854775808]]", {3, 100, 2, BIG_INTS_ERROR}, NULL},
    {"[1,[-9223372036854775809]]",
     {3, 100, 2, BIG_INTS_ERROR},
     "byte 4: expected an integer of 64 bits (big_ints: float or string takes larger ones), found "
     "'-'"},
    {"{\"a\":[0,99999999999999999999]}",
     {3, 100, 2, BIG_INTS_ERROR},
     "byte 8: expected an integer of 64 bits (big_ints: float or string takes larger ones), found "
     "'9'"},
    {"{\"a\":99999999999999999999.5}", {3, 100, 2, BIG_INTS_ERROR}, NULL},
    {"{\"a\":99999999999999999999e1}", {3, 100, 2, BIG_INTS_ERROR}, NULL},
};

static void test_limits(void)
{
    static const char *const taught[] = {"{\"a\":1}", "{\"a\":[1]}", "[1]", "{\"a\":1,\"b\":2}"};
    for (size_t i = 0; i < sizeof limit_cases / sizeof *limit_cases; i++)
        for (size_t r = 0; r < READINGS; r++) {
            struct lane lane;
            struct record *record;
            lane_init(&lane);
            json_reader_free(lane.reader);
            lane.reader = json_reader_new(lane.shapes, &limit_cases[i].limits);
            size_t pad = readings[r].padded ? CHUNK_PAD : 0;
            if (use_reading(&lane, &readings[r])) {
                for (size_t k = 0; k < sizeof taught / sizeof *taught; k++)
                    (void)lane_read(&lane, taught[k], strlen(taught[k]), pad, &record);
                error_clear(&lane.err);
                int code = lane_read(&lane, limit_cases[i].text, strlen(limit_cases[i].text), pad,
                                     &record);
                CU_ASSERT_EQUAL(code == 0, limit_cases[i].error == NULL);
                CHECK_TEXT(code ? lane.err.text : "",
                           limit_cases[i].error ? limit_cases[i].error : "");
            }
            lane_deinit(&lane);
        }
}

static CU_TestInfo cases[] = {
    {"values in every place, on every path", test_values},
    {"whole texts", test_texts},
    {"layouts take what differs in its values only", test_layouts_are_used},
    {"limits name the byte and the limit", test_limits},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("json cases", cases))
