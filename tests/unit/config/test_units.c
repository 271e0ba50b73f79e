// SPDX-License-Identifier: MIT
#include "config/text.h"
#include "support/unit.h"
#include <string.h>

struct unit_case {
    const char *text;
    int64_t value; // -1: refused
};

static const struct unit_case durations[] = {
    {"0", 0},
    {"0s", 0},
    {"200ms", 200},
    {"30s", 30000},
    {"1m30s", 90000},
    {"2h", 7200000},
    {"1d", 86400000},
    {"1d2h3m4s5ms", 93784005},
    {"1.5s", 1500},
    {"0.1s", 100},
    {"0.5m30s", 60000},
    {"1.001s", 1001},
    {"106751991167d", 9223372036828800000},
    {"106751991168d", -1},
    {"30", -1},
    {"", -1},
    {"s", -1},
    {"1", -1},
    {"1 s", -1},
    {" 1s", -1},
    {"1s ", -1},
    {"1S", -1},
    {"1us", -1},
    {"1s1m", -1},
    {"1s1s", -1},
    {"-1s", -1},
    {"+1s", -1},
    {"1.s", -1},
    {".5s", -1},
    {"1.0001s", -1},
    {"0.5ms", -1},
    {"1e3s", -1},
    {"1w", -1},
    {"99999999999999999999s", -1},
};

static const struct unit_case sizes[] = {
    {"0", 0},
    {"4096", 4096},
    {"1B", 1},
    {"64KiB", 65536},
    {"1MiB", 1 << 20},
    {"1GiB", 1 << 30},
    {"2TiB", 2ll << 40},
    {"500kB", 500000},
    {"1MB", 1000000},
    {"3GB", 3000000000},
    {"1TB", 1000000000000},
    {"1.5KiB", 1536},
    {"0.5kB", 500},
    {"9223372036854775807", INT64_MAX},
    {"8388607TiB", 9223370937343148032},
    {"8388608TiB", -1},
    {"9223372036854775808", -1},
    {"1K", -1},
    {"1KB", -1},
    {"1mb", -1},
    {"1 MiB", -1},
    {"-1", -1},
    {"1MiB1KiB", -1},
    {"1.0001kB", -1},
    {"01", -1},
    {"", -1},
};

static void parses_durations(void)
{
    for (size_t i = 0; i < sizeof durations / sizeof *durations; i++) {
        int64_t value = -7;
        CU_ASSERT_EQUAL(text_parse_duration(durations[i].text, &value), durations[i].value >= 0);
        if (durations[i].value >= 0)
            CU_ASSERT_EQUAL(value, durations[i].value);
    }
}

static void parses_sizes(void)
{
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int64_t value = -7;
        CU_ASSERT_EQUAL(text_parse_size(sizes[i].text, &value), sizes[i].value >= 0);
        if (sizes[i].value >= 0)
            CU_ASSERT_EQUAL(value, sizes[i].value);
    }
}

static void writes_what_it_reads(void)
{
    static const int64_t values[] = {0,     1,     999,     1000,     1024,    1500,    59999,
                                     60000, 65536, 3600000, 86400001, 1 << 20, 1 << 30, INT64_MAX};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char text[TEXT_UNIT_MAX];
        int64_t value = -1;
        text_format_duration(values[i], text);
        CU_ASSERT_TRUE(text_parse_duration(text, &value));
        CU_ASSERT_EQUAL(value, values[i]);
        text_format_size(values[i], text);
        CU_ASSERT_TRUE(text_parse_size(text, &value));
        CU_ASSERT_EQUAL(value, values[i]);
    }
}

static void parses_integers(void)
{
    static const struct {
        const char *text;
        bool fits;
        int64_t value;
    } cases[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"42", true, 42},
        {"-42", true, -42},
        {"010", false, 0},
        {"0x10", false, 0},
        {"1_000", false, 0},
        {"+1", false, 0},
        {"1.0", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {" 1", false, 0},
        {"12:30", false, 0},
        {"9223372036854775807", true, INT64_MAX},
        {"9223372036854775808", false, 0},
        {"-9223372036854775808", true, INT64_MIN},
        {"-9223372036854775809", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t value = 7;
        CU_ASSERT_EQUAL(text_parse_int(cases[i].text, &value), cases[i].fits);
        if (cases[i].fits)
            CU_ASSERT_EQUAL(value, cases[i].value);
    }
}

static void parses_numbers(void)
{
    static const char *const good[] = {"0", "-0", "1.5", "-1.5e3", "1E+2", "1e-300", "1e308"};
    static const char *const bad[] = {"",    ".5",  "1.",   "+1",    "nan", "inf",  ".nan",
                                      "0x1", "1e",  "1e+",  "1e999", "01",  "1,5",  "1 ",
                                      " 1",  "--1", "1..2", "12:30", "1_0", "1e5x", "-1e999"};
    double value;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        CU_ASSERT_TRUE(text_parse_number(good[i], &value));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CU_ASSERT_FALSE(text_parse_number(bad[i], &value));
    CU_ASSERT_TRUE(text_parse_number("-1.5e3", &value) && value == -1500);
}

static CU_TestInfo tests[] = {{"parses durations", parses_durations},
                              {"parses sizes", parses_sizes},
                              {"writes what it reads", writes_what_it_reads},
                              {"parses integers", parses_integers},
                              {"parses numbers", parses_numbers},
                              CU_TEST_INFO_NULL};

UNIT_MAIN(UNIT_SUITE("units", tests))
