// SPDX-License-Identifier: MIT
#include "record/number.h"
#include "support/unit.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static void check_int(int64_t value)
{
    char text[NUMBER_TEXT_MAX + 1], wanted[32];
    size_t len = number_format_int(value, text);
    text[len] = '\0';
    snprintf(wanted, sizeof wanted, "%lld", (long long)value);
    CU_ASSERT_STRING_EQUAL(text, wanted);
    int64_t back = ~value;
    CU_ASSERT(number_parse_int(text, len, &back));
    CU_ASSERT_EQUAL(back, value);
}

static void test_ints(void)
{
    int64_t power = 1;
    for (int i = 0; i < 19; i++, power *= i < 19 ? 10 : 1)
        for (int64_t d = -1; d <= 1; d++) {
            check_int(power + d);
            check_int(-power + d);
        }
    check_int(INT64_MAX);
    check_int(INT64_MIN);
    for (int64_t i = -1200; i < 1200; i++)
        check_int(i);
}

static const struct {
    double value;
    const char *text;
} doubles[] = {
    {0.0, "0.0"},
    {-0.0, "-0.0"},
    {50, "50.0"},
    {-7, "-7.0"},
    {0.1, "0.1"},
    {1e15, "1e+15"},
    {1e22, "1e+22"},
    {123456789012345, "123456789012345.0"},
    {1.0 / 3, "0.3333333333333333"},
    {5e-324, "5e-324"},
    {1.7976931348623157e308, "1.7976931348623157e+308"},
    {1e-7, "1e-07"},
    {9007199254740993.0, "9007199254740992.0"},
};

static void test_doubles(void)
{
    char text[NUMBER_TEXT_MAX + 1];
    for (size_t i = 0; i < sizeof doubles / sizeof *doubles; i++) {
        size_t len = number_format_double(doubles[i].value, text);
        text[len] = '\0';
        CU_ASSERT_STRING_EQUAL(text, doubles[i].text);
        double back = 1;
        CU_ASSERT(number_parse_double(text, len, &back));
        CU_ASSERT(back == doubles[i].value && signbit(back) == signbit(doubles[i].value));
        int64_t integer;
        CU_ASSERT_FALSE(number_parse_int(text, len, &integer)); // a double stays one
    }
    CU_ASSERT_EQUAL(number_format_double(NAN, text), 0);
    CU_ASSERT_EQUAL(number_format_double(INFINITY, text), 0);
    CU_ASSERT_EQUAL(number_format_double(-INFINITY, text), 0);
}

static void test_doubles_round_trip(void)
{
    uint64_t state = 99;
    char text[NUMBER_TEXT_MAX + 1];
    for (int i = 0; i < 20000; i++) {
        double value, back;
        state = state * 6364136223846793005ull + 1442695040888963407ull;
        uint64_t bits = state ^ state >> 29;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        size_t len = number_format_double(value, text);
        CU_ASSERT(len > 0 && len <= NUMBER_TEXT_MAX);
        CU_ASSERT(number_parse_double(text, len, &back) && back == value);
    }
}

static const struct {
    const char *text;
    bool is_int, is_double;
    double value;
} parses[] = {
    {"0", true, true, 0},
    {"-0", false, true, -0.0},
    {"9223372036854775807", true, true, 9223372036854775807.0},
    {"9223372036854775808", false, true, 9223372036854775808.0},
    {"-9223372036854775808", true, true, -9223372036854775808.0},
    {"-9223372036854775809", false, true, -9223372036854775809.0},
    {"1e-400", false, true, 0},
    {"-0.000e5", false, true, -0.0},
    {"1e400", false, false, 0},
    {"0.00001e313", false, true, 1e308},
    {"10e-330", false, true, 0},
    {"1e", false, false, 0},
    {"", false, false, 0},
    {"1 ", false, false, 0},
    {"+1", false, false, 0},
    {"01", false, false, 0},
    {"0x10", false, false, 0},
    {"nan", false, false, 0},
};

static void test_parse(void)
{
    for (size_t i = 0; i < sizeof parses / sizeof *parses; i++) {
        int64_t integer;
        double value = 7;
        size_t len = strlen(parses[i].text);
        CU_ASSERT_EQUAL(number_parse_int(parses[i].text, len, &integer), parses[i].is_int);
        CU_ASSERT_EQUAL(number_parse_double(parses[i].text, len, &value), parses[i].is_double);
        if (parses[i].is_double)
            CU_ASSERT(value == parses[i].value && signbit(value) == signbit(parses[i].value));
    }
    char zeros[420] = "1"; // an integer that no double can hold
    memset(zeros + 1, '0', 400);
    double value;
    CU_ASSERT_FALSE(number_parse_double(zeros, 401, &value));
    CU_ASSERT(number_parse_double(zeros, 300, &value) && value == 1e299);
}

static CU_TestInfo cases[] = {
    {"integers there and back", test_ints},
    {"doubles are shortest and stay doubles", test_doubles},
    {"random doubles round-trip", test_doubles_round_trip},
    {"parsing is JSON's grammar and range", test_parse},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("number", cases))
