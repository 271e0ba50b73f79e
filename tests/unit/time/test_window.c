// SPDX-License-Identifier: MIT
#include "time/window.h"
#include "support/unit.h"
#include "time/calendar.h"
#include "time/timestamp.h"
#include "time/zone.h"

// The first two tables are those of Apache Flink's TimeWindowTest and TumblingEventTimeWindowsTest.

static const struct {
    int64_t time, offset, size, start;
} starts[] = {
    {-8, 0, 7, -14},
    {-7, 0, 7, -7},
    {-6, 0, 7, -7},
    {-1, 0, 7, -7},
    {1, 0, 7, 0},
    {6, 0, 7, 0},
    {7, 0, 7, 7},
    {8, 0, 7, 7},
    {-10, 3, 7, -11},
    {-9, 3, 7, -11},
    {-3, 3, 7, -4},
    {-2, 3, 7, -4},
    {-1, 3, 7, -4},
    {1, 3, 7, -4},
    {2, 3, 7, -4},
    {3, 3, 7, 3},
    {9, 3, 7, 3},
    {10, 3, 7, 10},
    {-12, -2, 7, -16},
    {-7, -2, 7, -9},
    {-4, -2, 7, -9},
    {-3, -2, 7, -9},
    {2, -2, 7, -2},
    {-1, -2, 7, -2},
    {1, -2, 7, -2},
    {-2, -2, 7, -2},
    {3, -2, 7, -2},
    {4, -2, 7, -2},
    {7, -2, 7, 5},
    {12, -2, 7, 12},
    {1470902048450, -28800000, 86400000, 1470844800000},
};

static void test_start(void)
{
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        CU_ASSERT_EQUAL(window_start(starts[i].time, starts[i].offset, starts[i].size),
                        starts[i].start);
}

static const struct {
    int64_t size, offset, time, start, end;
} tumbling[] = {
    {5000, 0, 0, 0, 5000},
    {5000, 0, 4999, 0, 5000},
    {5000, 0, 5000, 5000, 10000},
    {5000, -100, 0, -100, 4900},
    {5000, -100, 4899, -100, 4900},
    {5000, -100, 4900, 4900, 9900},
    // at the limits of int64: what would overflow stays there
    {1000, 0, INT64_MAX - 1750, INT64_MAX - 1807, INT64_MAX - 807},
    {1000, 0, INT64_MAX, INT64_MAX - 807, INT64_MAX},
    {1000, 0, INT64_MIN, INT64_MIN, INT64_MIN + 808},
    {1000, -999, INT64_MIN, INT64_MIN, INT64_MIN + 809},
    {INT64_MAX, 0, -1, -INT64_MAX, 0},
    {INT64_MAX, INT64_MAX - 1, INT64_MIN, INT64_MIN, -1},
};

static void test_tumbling(void)
{
    for (size_t i = 0; i < sizeof tumbling / sizeof *tumbling; i++) {
        struct window_assigner assigner = {.kind = WINDOW_TUMBLING,
                                           .size = tumbling[i].size,
                                           .every = tumbling[i].size,
                                           .offset_ms = tumbling[i].offset};
        struct error err = ERROR_INIT;
        CU_ASSERT_EQUAL(window_assigner_check(&assigner, &err), 0);
        struct window window = window_newest(&assigner, tumbling[i].time);
        CU_ASSERT_EQUAL(window.start, tumbling[i].start);
        CU_ASSERT_EQUAL(window.end, tumbling[i].end);
        CU_ASSERT_EQUAL(window_overlap(&assigner), 1);
        if (window.end != INT64_MAX)
            CU_ASSERT_TRUE(window_holds(window, tumbling[i].time));
    }
}

// All windows of a time, as "[start, end) ..." from the newest on.
static void windows_of(const struct window_assigner *assigner, int64_t time, char *text, size_t cap)
{
    size_t len = 0;
    *text = 0;
    for (struct window w = window_newest(assigner, time); window_holds(w, time);
         w = window_before(assigner, w))
        len += (size_t)snprintf(text + len, cap - len, "[%lld, %lld) ", (long long)w.start,
                                (long long)w.end);
}

// The first ones are those of Flink's SlidingEventTimeWindowsTest.
static const struct {
    int64_t size, every, offset, time;
    const char *windows;
} sliding[] = {
    {5000, 1000, 0, 0, "[0, 5000) [-1000, 4000) [-2000, 3000) [-3000, 2000) [-4000, 1000) "},
    {5000, 1000, 0, 4999, "[4000, 9000) [3000, 8000) [2000, 7000) [1000, 6000) [0, 5000) "},
    {5000, 1000, 100, 100, "[100, 5100) [-900, 4100) [-1900, 3100) [-2900, 2100) [-3900, 1100) "},
    {5000, 1000, -100, 0, "[-100, 4900) [-1100, 3900) [-2100, 2900) [-3100, 1900) [-4100, 900) "},
    {5000, 2000, 0, 4999, "[4000, 9000) [2000, 7000) [0, 5000) "},
    {5000, 2000, 0, 5000, "[4000, 9000) [2000, 7000) "},
    {1000, 5000, 0, 5999, "[5000, 6000) "},
    {1000, 5000, 0, 6000, ""}, // between two windows
};

static void test_sliding(void)
{
    for (size_t i = 0; i < sizeof sliding / sizeof *sliding; i++) {
        struct window_assigner assigner = {.kind = WINDOW_SLIDING,
                                           .size = sliding[i].size,
                                           .every = sliding[i].every,
                                           .offset_ms = sliding[i].offset};
        char text[256];
        windows_of(&assigner, sliding[i].time, text, sizeof text);
        CHECK_TEXT(text, sliding[i].windows);
    }
    struct window_assigner assigner = {.kind = WINDOW_SLIDING, .size = 5000, .every = 2000};
    CU_ASSERT_EQUAL(window_overlap(&assigner), 3);
}

static int64_t ms_of(const char *text)
{
    int64_t ms = 0;
    CU_ASSERT_EQUAL_FATAL(timestamp_parse(text, strlen(text), &ms, NULL), 0);
    return ms;
}

static const struct {
    enum window_kind kind;
    int64_t size, every, offset_hours;
    const char *time, *windows; // "start end ..." without the seconds
} calendars[] = {
    {WINDOW_DAYS, 1, 1, 0, "2024-01-15T12:00:00Z", "2024-01-14T23:00 2024-01-15T23:00 "},
    // 23 hours, 25 hours
    {WINDOW_DAYS, 1, 1, 0, "2024-03-31T01:00:00Z", "2024-03-30T23:00 2024-03-31T22:00 "},
    {WINDOW_DAYS, 1, 1, 0, "2024-10-27T22:59:59Z", "2024-10-26T22:00 2024-10-27T23:00 "},
    {WINDOW_DAYS, 1, 1, 0, "2024-10-27T23:00:00Z", "2024-10-27T23:00 2024-10-28T23:00 "},
    {WINDOW_DAYS, 1, 1, 6, "2024-07-01T03:59:59Z", "2024-06-30T04:00 2024-07-01T04:00 "},
    {WINDOW_DAYS, 7, 7, 0, "2024-07-03T12:00:00Z", "2024-06-26T22:00 2024-07-03T22:00 "},
    {WINDOW_DAYS, 2, 1, 0, "2024-07-03T12:00:00Z",
     "2024-07-02T22:00 2024-07-04T22:00 2024-07-01T22:00 2024-07-03T22:00 "},
    {WINDOW_MONTHS, 1, 1, 0, "2024-02-29T22:59:59Z", "2024-01-31T23:00 2024-02-29T23:00 "},
    {WINDOW_MONTHS, 1, 1, 0, "2024-03-31T21:59:59Z", "2024-02-29T23:00 2024-03-31T22:00 "},
    {WINDOW_MONTHS, 12, 12, 0, "2024-12-31T23:00:00Z", "2024-12-31T23:00 2025-12-31T23:00 "},
    {WINDOW_MONTHS, 3, 3, 0, "1969-12-31T22:00:00Z", "1969-09-30T23:00 1969-12-31T23:00 "},
    {WINDOW_MONTHS, 3, 1, 0, "2024-05-15T00:00:00Z",
     "2024-04-30T22:00 2024-07-31T22:00 2024-03-31T22:00 2024-06-30T22:00 2024-02-29T23:00 "
     "2024-05-31T22:00 "},
};

static void test_calendar(void)
{
    struct zone *zone;
    CU_ASSERT_EQUAL_FATAL(zone_open(&zone, "Europe/Berlin", NULL), 0);
    for (size_t i = 0; i < sizeof calendars / sizeof *calendars; i++) {
        struct window_assigner assigner = {.kind = calendars[i].kind,
                                           .size = calendars[i].size,
                                           .every = calendars[i].every,
                                           .offset_ms = calendars[i].offset_hours * 3600000,
                                           .zone = zone};
        int64_t time = ms_of(calendars[i].time);
        char text[512] = "", start[TIMESTAMP_TEXT_MAX], end[TIMESTAMP_TEXT_MAX];
        size_t len = 0;
        CU_ASSERT_EQUAL(window_assigner_check(&assigner, NULL), 0);
        for (struct window w = window_newest(&assigner, time); window_holds(w, time);
             w = window_before(&assigner, w)) {
            timestamp_format(w.start, start);
            timestamp_format(w.end, end);
            len += (size_t)snprintf(text + len, sizeof text - len, "%.16s %.16s ", start, end);
        }
        CHECK_TEXT(text, calendars[i].windows);
    }
    zone_free(zone);
}

// The windows of a calendar follow each other without a gap, whatever the clocks do.
static void test_no_gap(void)
{
    static const char *const names[] = {"Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia",
                                        "Africa/Casablanca"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct zone *zone;
        CU_ASSERT_EQUAL_FATAL(zone_open(&zone, names[i], NULL), 0);
        struct window_assigner days = {.kind = WINDOW_DAYS, .size = 1, .every = 1, .zone = zone};
        struct window before = window_newest(&days, ms_of("2005-01-01T00:00:00Z"));
        while (before.end < ms_of("2026-01-01T00:00:00Z")) {
            struct window next = window_newest(&days, before.end);
            CU_ASSERT_EQUAL_FATAL(next.start, before.end);
            CU_ASSERT_TRUE_FATAL(next.end > next.start);
            CU_ASSERT_EQUAL(window_newest(&days, next.end - 1).start, next.start);
            before = next;
        }
        zone_free(zone);
    }
}

static void test_far_times(void)
{
    static const enum window_kind kinds[] = {WINDOW_DAYS, WINDOW_MONTHS};
    for (size_t i = 0; i < 2; i++) {
        struct window_assigner assigner = {.kind = kinds[i], .size = 1, .every = 1};
        CU_ASSERT_TRUE(window_newest(&assigner, INT64_MIN).start <= TIME_MIN_MS);
        CU_ASSERT_TRUE(window_newest(&assigner, INT64_MAX).end > TIME_MAX_MS - MS_PER_DAY);
    }
    struct window_assigner global = {.kind = WINDOW_GLOBAL};
    CU_ASSERT_TRUE(window_holds(window_newest(&global, 0), 0));
    CU_ASSERT_FALSE(window_holds(window_before(&global, window_newest(&global, 0)), 0));
}

static void test_wrong(void)
{
    static const struct window_assigner wrong[] = {
        {.kind = WINDOW_TUMBLING, .size = -1000, .every = -1000},
        {.kind = WINDOW_TUMBLING, .size = 0, .every = 0},
        {.kind = WINDOW_TUMBLING, .size = 10000, .every = 10000, .offset_ms = -11000},
        {.kind = WINDOW_TUMBLING, .size = 10000, .every = 10000, .offset_ms = 10000},
        {.kind = WINDOW_TUMBLING, .size = 10000, .every = 10000, .lateness_ms = -1},
        {.kind = WINDOW_SLIDING, .size = 2000, .every = -1000},
        {.kind = WINDOW_SLIDING, .size = 20000, .every = 10000, .offset_ms = -11000},
        {.kind = WINDOW_DAYS, .size = 1, .every = 1, .offset_ms = MS_PER_DAY},
        {.kind = WINDOW_SESSION, .size = 0},
        {.kind = WINDOW_COUNT, .size = -1},
        {.kind = WINDOW_GLOBAL, .lateness_ms = -1},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct error err = ERROR_INIT;
        CU_ASSERT_EQUAL(window_assigner_check(&wrong[i], &err), ERR_INPUT);
        CU_ASSERT_TRUE(err.len > 0);
    }
}

static void test_gone(void)
{
    struct window window = {0, 1000};
    CU_ASSERT_EQUAL(window_last(window), 999);
    CU_ASSERT_EQUAL(window_gone_at(window, 0), 999);
    CU_ASSERT_EQUAL(window_gone_at(window, 500), 1499);
    CU_ASSERT_EQUAL(window_gone_at(window, INT64_MAX), INT64_MAX);
    CU_ASSERT_TRUE(window_holds(window, 0));
    CU_ASSERT_TRUE(window_holds(window, 999));
    CU_ASSERT_FALSE(window_holds(window, 1000));
    CU_ASSERT_FALSE(window_holds(window, -1));
}

static CU_TestInfo cases[] = {{"starts", test_start},
                              {"tumbling", test_tumbling},
                              {"sliding", test_sliding},
                              {"calendar", test_calendar},
                              {"days without a gap", test_no_gap},
                              {"far times", test_far_times},
                              {"wrong figures", test_wrong},
                              {"when it is gone", test_gone},
                              CU_TEST_INFO_NULL};
UNIT_MAIN(UNIT_SUITE("window", cases))
