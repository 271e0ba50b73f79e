// SPDX-License-Identifier: MIT
#include "time/timestamp.h"
#include "support/unit.h"
#include "time/calendar.h"
#include <string.h>
#include <time.h>

static struct value text(const char *bytes)
{
    return value_string(bytes, (uint32_t)strlen(bytes));
}

static void test_units(void)
{
    static const char *const names[] = {"s", "ms", "us", "ns", "rfc3339"};
    for (int i = 0; i < 5; i++) {
        enum time_unit unit;
        CU_ASSERT_EQUAL(time_unit_parse(names[i], &unit), 0);
        CU_ASSERT_EQUAL((int)unit, i);
        CU_ASSERT_STRING_EQUAL(time_unit_name(unit), names[i]);
    }
    enum time_unit unit;
    CU_ASSERT_EQUAL(time_unit_parse("m", &unit), ERR_INPUT);
}

static void test_integers(void)
{
    static const struct {
        int64_t number;
        enum time_unit unit;
        int64_t ms;
    } rows[] = {
        {1700000000, TIME_S, 1700000000000},
        {-1, TIME_S, -1000},
        {1700000000123, TIME_MS, 1700000000123},
        {0, TIME_MS, 0},
        {1700000000123999, TIME_US, 1700000000123},
        {-1, TIME_US, -1}, // cut towards the past
        {-1000, TIME_US, -1},
        {-1001, TIME_US, -2},
        {1700000000123999999, TIME_NS, 1700000000123},
        {-1, TIME_NS, -1},
        {TIME_MIN_MS, TIME_MS, TIME_MIN_MS},
        {TIME_MAX_MS, TIME_MS, TIME_MAX_MS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t ms = 42;
        CU_ASSERT_EQUAL(timestamp_read(value_int(rows[i].number), rows[i].unit, &ms, NULL), 0);
        CU_ASSERT_EQUAL(ms, rows[i].ms);
    }
}

static void test_fractions_and_digits(void)
{
    static const struct {
        struct value value;
        enum time_unit unit;
        int64_t ms;
    } rows[] = {
        {{.type = VALUE_FLOAT, .f = 1700000000.123}, TIME_S, 1700000000123},
        {{.type = VALUE_FLOAT, .f = 0.9994}, TIME_S, 999},
        {{.type = VALUE_FLOAT, .f = -0.5}, TIME_S, -500},
        {{.type = VALUE_FLOAT, .f = 1700000000123.0}, TIME_MS, 1700000000123},
        {{.type = VALUE_STRING, .len = 10, .bytes = "1700000000"}, TIME_S, 1700000000000},
        {{.type = VALUE_STRING, .len = 12, .bytes = "1700000000.5"}, TIME_S, 1700000000500},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t ms = 42;
        CU_ASSERT_EQUAL(timestamp_read(rows[i].value, rows[i].unit, &ms, NULL), 0);
        CU_ASSERT_EQUAL(ms, rows[i].ms);
    }
}

// An absurd time is an error that says so, and which unit it looks like.
static void test_absurd(void)
{
    static const struct {
        struct value value;
        enum time_unit unit;
        const char *says;
    } rows[] = {
        {{.type = VALUE_INT, .i = 1700000000123}, TIME_S, "looks like `unit: ms`"},
        {{.type = VALUE_INT, .i = 1700000000123456789}, TIME_MS, "looks like `unit: ns`"},
        {{.type = VALUE_INT, .i = TIME_MAX_MS + 1}, TIME_MS, "years 1 and 9999"},
        {{.type = VALUE_INT, .i = TIME_MIN_MS - 1}, TIME_MS, "years 1 and 9999"},
        {{.type = VALUE_INT, .i = INT64_MAX}, TIME_S, "9223372036854775807 s"},
        {{.type = VALUE_INT, .i = INT64_MIN}, TIME_S, "-9223372036854775808 s"},
        {{.type = VALUE_FLOAT, .f = 1e300}, TIME_MS, "years 1 and 9999"},
        {{.type = VALUE_NULL}, TIME_MS, "expected a number, found null"},
        {{.type = VALUE_ABSENT}, TIME_MS, "absent"},
        {{.type = VALUE_BOOL, .b = true}, TIME_S, "found boolean"},
        {{.type = VALUE_STRING, .len = 3, .bytes = "now"}, TIME_MS, "found \"now\""},
        {{.type = VALUE_INT, .i = 1}, TIME_RFC3339, "RFC 3339 string"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error err = ERROR_INIT;
        int64_t ms = 42;
        CU_ASSERT_EQUAL(timestamp_read(rows[i].value, rows[i].unit, &ms, &err), ERR_DATA);
        CHECK_HAS(err.text, rows[i].says);
    }
}

static void test_rfc3339(void)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2023-11-14T22:13:20.123Z", 1700000000123},
        {"2023-11-14t22:13:20.123456789z", 1700000000123},
        {"2023-11-14 22:13:20.1Z", 1700000000100},
        {"2023-11-15T03:43:20+05:30", 1700000000000},
        {"2023-11-14T14:13:20-08:00", 1700000000000},
        {"1969-12-31T23:59:59.999Z", -1},
        {"2000-02-29T00:00:00Z", 951782400000},
        {"2016-12-31T23:59:60Z", 1483228800000}, // a leap second
        {"0001-01-01T00:00:00Z", TIME_MIN_MS},
        {"9999-12-31T23:59:59.999Z", TIME_MAX_MS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t ms = 42;
        struct error err = ERROR_INIT;
        CU_ASSERT_EQUAL(timestamp_read(text(rows[i].text), TIME_RFC3339, &ms, &err), 0);
        CU_ASSERT_EQUAL(ms, rows[i].ms);
    }
}

static void test_wrong_rfc3339(void)
{
    static const char *const rows[] = {
        "",
        "2023",
        "2023-11-14",
        "2023-11-14T22:13:20",
        "2023-11-14T22:13Z",
        "2023-13-01T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "2023-00-01T00:00:00Z",
        "2023-01-00T00:00:00Z",
        "2023-01-01T24:00:00Z",
        "2023-01-01T00:60:00Z",
        "2023-01-01T00:00:61Z",
        "2023-01-01T00:00:00.Z",
        "2023-01-01T00:00:00+0530",
        "2023-01-01T00:00:00Zx",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "2023-1-01T00:00:00Z",
        "+023-01-01T00:00:00Z",
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t ms = 42;
        CU_ASSERT_EQUAL(timestamp_parse(rows[i], strlen(rows[i]), &ms, NULL), ERR_DATA);
    }
}

// Against the C library, day by day over some eras and second by second nowhere in particular.
static void test_calendar(void)
{
    for (int64_t day = -719162; day <= 2932896; day += 97) {
        time_t at = (time_t)(day * 86400);
        struct tm tm;
        gmtime_r(&at, &tm);
        struct date date = date_from_days(day);
        CU_ASSERT_TRUE(date.year == tm.tm_year + 1900 && date.month == tm.tm_mon + 1 &&
                       date.day == tm.tm_mday);
        CU_ASSERT_EQUAL(days_from_date(date.year, date.month, date.day), day);
    }
    CU_ASSERT_EQUAL(days_in_month(1900, 2), 28);
    CU_ASSERT_EQUAL(days_in_month(2000, 2), 29);
}

static void test_format(void)
{
    char out[TIMESTAMP_TEXT_MAX];
    static const int64_t times[] = {0, -1, 1700000000123, TIME_MIN_MS, TIME_MAX_MS, 951782400000};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        int64_t back;
        size_t len = timestamp_format(times[i], out);
        CU_ASSERT_EQUAL(len, 24);
        CU_ASSERT_EQUAL(timestamp_parse(out, len, &back, NULL), 0);
        CU_ASSERT_EQUAL(back, times[i]);
    }
    timestamp_format(1700000000123, out);
    CU_ASSERT_STRING_EQUAL(out, "2023-11-14T22:13:20.123Z");
    timestamp_format(INT64_MIN, out);
    CU_ASSERT_STRING_EQUAL(out, "-9223372036854775808");
}

static CU_TestInfo cases[] = {{"units", test_units},
                              {"integers", test_integers},
                              {"fractions and digits", test_fractions_and_digits},
                              {"absurd times", test_absurd},
                              {"RFC 3339", test_rfc3339},
                              {"wrong RFC 3339", test_wrong_rfc3339},
                              {"calendar", test_calendar},
                              {"format", test_format},
                              CU_TEST_INFO_NULL};
UNIT_MAIN(UNIT_SUITE("timestamp", cases))
