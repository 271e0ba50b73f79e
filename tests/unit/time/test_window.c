// SPDX-License-Identifier: MIT
#include "time/window.h"
#include "support/unit.h"

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
        struct window_assigner assigner = {WINDOW_TUMBLING, tumbling[i].size, tumbling[i].offset,
                                           0};
        struct window windows[WINDOWS_MAX];
        struct error err = ERROR_INIT;
        CU_ASSERT_EQUAL(window_assigner_check(&assigner, &err), 0);
        CU_ASSERT_EQUAL_FATAL(window_assign(&assigner, tumbling[i].time, windows), 1);
        CU_ASSERT_EQUAL(windows[0].start, tumbling[i].start);
        CU_ASSERT_EQUAL(windows[0].end, tumbling[i].end);
        if (windows[0].end != INT64_MAX)
            CU_ASSERT_TRUE(window_holds(windows[0], tumbling[i].time));
    }
}

static void test_wrong(void)
{
    static const struct window_assigner wrong[] = {
        {WINDOW_TUMBLING, -1000, 0, 0},      {WINDOW_TUMBLING, 0, 0, 0},
        {WINDOW_TUMBLING, 10000, -11000, 0}, {WINDOW_TUMBLING, 10000, 10000, 0},
        {WINDOW_TUMBLING, 10000, 0, -1},
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
                              {"wrong figures", test_wrong},
                              {"when it is gone", test_gone},
                              CU_TEST_INFO_NULL};
UNIT_MAIN(UNIT_SUITE("window", cases))
