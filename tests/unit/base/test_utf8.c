// SPDX-License-Identifier: MIT
#include "base/utf8.h"
#include "support/unit.h"

#include <string.h>

static void knows_characters(void)
{
    static const struct {
        const char *text;
        size_t left, count;
        uint32_t point;
    } cases[] = {
        {"a", 1, 1, 'a'},
        {"", 1, 1, 0},
        {"a", 0, 0, 0},
        {"\xc3\xa4", 2, 2, 0xe4},
        {"\xe2\x82\xac", 3, 3, 0x20ac},
        {"\xf0\x9f\x8c\x99", 4, 4, 0x1f319},
        {"\xf4\x8f\xbf\xbf", 4, 4, 0x10ffff},
        {"\xc3\xa4", 1, 0, 0},         // cut
        {"\xf0\x9f\x8c", 3, 0, 0},     // cut
        {"\xa4", 1, 0, 0},             // no lead byte
        {"\xff", 1, 0, 0},             // never
        {"\xc0\x80", 2, 0, 0},         // too long for what it is
        {"\xe0\x80\x80", 3, 0, 0},     // too long for what it is
        {"\xed\xa0\x80", 3, 0, 0},     // a surrogate
        {"\xf4\x90\x80\x80", 4, 0, 0}, // beyond Unicode
        {"\xc3"
         "a",
         2, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t point = 0;
        CU_ASSERT_EQUAL(utf8_char(cases[i].text, cases[i].left, &point), cases[i].count);
        CU_ASSERT_EQUAL(point, cases[i].point);
        CU_ASSERT_EQUAL(utf8_char(cases[i].text, cases[i].left, NULL), cases[i].count);
    }
}

static void makes_harmless(void)
{
    char text[] = "a\tb\nc\033[2J\x7f\xc2\x9b\xff\xc3\xa4\xe2\x82";
    size_t len = strlen(text);
    utf8_clean(text, len);
    CU_ASSERT_STRING_EQUAL(text, "a b?c?[2J????\xc3\xa4??");
    CU_ASSERT_EQUAL(strlen(text), len);
    char nul[] = {'a', 0, 'b'};
    utf8_clean(nul, sizeof nul);
    CU_ASSERT_EQUAL(memcmp(nul, "a?b", 3), 0);
}

static CU_TestInfo cases[] = {
    {"knows characters", knows_characters},
    {"makes harmless", makes_harmless},
    CU_TEST_INFO_NULL,
};
UNIT_MAIN(UNIT_SUITE("utf8", cases))
