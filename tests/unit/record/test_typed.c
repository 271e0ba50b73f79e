// SPDX-License-Identifier: MIT
#include "record/typed.h"
#include "support/unit.h"

// What a piece of text is read as, by its look and by a wanted type.

static void looks(void)
{
    static const struct {
        const char *text;
        enum span_kind kind;
    } rows[] = {
        {"", SPAN_NULL},         {"0", SPAN_INT},         {"-17", SPAN_INT},
        {"-0", SPAN_NUMBER},     {"007", SPAN_STRING},    {"+5", SPAN_STRING},
        {"1.5", SPAN_NUMBER},    {"1e5", SPAN_NUMBER},    {"1e999", SPAN_STRING},
        {"true", SPAN_TRUE},     {"false", SPAN_FALSE},   {"null", SPAN_STRING},
        {"True", SPAN_STRING},   {"-", SPAN_STRING},      {"1.", SPAN_STRING},
        {"-01", SPAN_STRING},    {" 1", SPAN_STRING},     {"0x10", SPAN_STRING},
        {"text", SPAN_STRING},   {"1 ", SPAN_STRING},     {"9223372036854775807", SPAN_INT},
        {"tru", SPAN_STRING},    {"falsey", SPAN_STRING}, {"-9223372036854775808", SPAN_INT},
        {"1e-999", SPAN_NUMBER}, {"NaN", SPAN_STRING},    {"Infinity", SPAN_STRING},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t len = (uint32_t)strlen(rows[i].text);
        CU_ASSERT_EQUAL(typed_look(rows[i].text, len), rows[i].kind);
        if (typed_look(rows[i].text, len) != rows[i].kind)
            fprintf(stderr, "\n  '%s'\n", rows[i].text);
        CU_ASSERT_EQUAL(typed_look_fast(rows[i].text, len), rows[i].kind);
    }
}

static void wanted_types(void)
{
    static const struct {
        enum typed type;
        const char *text, *expected; // NULL: it is one
        enum span_kind kind;
    } rows[] = {
        {TYPED_INT, "12", NULL, SPAN_INT},        {TYPED_INT, "", NULL, SPAN_NULL},
        {TYPED_INT, "1.5", "an integer", 0},      {TYPED_INT, "x", "an integer", 0},
        {TYPED_NUMBER, "1.5", NULL, SPAN_NUMBER}, {TYPED_NUMBER, "true", "a number", 0},
        {TYPED_BOOL, "false", NULL, SPAN_FALSE},  {TYPED_BOOL, "1", "true or false", 0},
        {TYPED_TEXT, "12", NULL, SPAN_STRING},    {TYPED_TEXT, "", NULL, SPAN_STRING},
        {TYPED_AUTO, "12", NULL, SPAN_INT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct span span = {0};
        uint32_t len = (uint32_t)strlen(rows[i].text);
        const char *expected = typed_span(rows[i].type, rows[i].text, 0, len, &span);
        CU_ASSERT_EQUAL(expected == NULL, rows[i].expected == NULL);
        if (expected && rows[i].expected)
            CHECK_HAS(expected, rows[i].expected);
        if (!expected && !rows[i].expected)
            CU_ASSERT(span.kind == (uint32_t)rows[i].kind && span.at == 0 && span.len == len);
    }
}

static void names(void)
{
    static const struct typed_member members[] = {{"a", TYPED_INT}, {"ab", TYPED_BOOL}};
    enum typed type = TYPED_AUTO;
    CU_ASSERT(typed_from_name("number", &type) && type == TYPED_NUMBER);
    CU_ASSERT(typed_from_name("auto", &type) && type == TYPED_AUTO);
    CU_ASSERT_FALSE(typed_from_name("integer", &type));
    CU_ASSERT_EQUAL(typed_find(members, 2, "ab", 2), TYPED_BOOL);
    CU_ASSERT_EQUAL(typed_find(members, 2, "abc", 1), TYPED_INT);
    CU_ASSERT_EQUAL(typed_find(members, 2, "b", 1), TYPED_AUTO);
    CU_ASSERT_EQUAL(typed_find(members, 0, "a", 1), TYPED_AUTO);
}

static CU_TestInfo cases[] = {
    {"by the look", looks},
    {"by a wanted type", wanted_types},
    {"by name", names},
    CU_TEST_INFO_NULL,
};
UNIT_MAIN(UNIT_SUITE("typed", cases))
