// SPDX-License-Identifier: MIT
#include "base/log.h"
#include "support/unit.h"

#include <stdio.h>
#include <string.h>

static char last[8192];
static int count;

static void keep(void *arg, enum log_level level, const char *line)
{
    (void)level;
    ++*(int *)arg;
    snprintf(last, sizeof last, "%s", line);
}

static void writes_time_level_place_text(void)
{
    count = 0;
    log_set_sink(keep, &count);
    log_line(LOG_WARN, "sinks.store", "disk %d%% full", 93);
    CU_ASSERT_EQUAL(count, 1);
    CU_ASSERT_EQUAL(last[10], 'T');
    CU_ASSERT_EQUAL(last[23], 'Z');
    CU_ASSERT_STRING_EQUAL(last + 24, " warn  sinks.store: disk 93% full");
    log_set_sink(NULL, NULL);
}

static void obeys_the_level(void)
{
    count = 0;
    log_set_sink(keep, &count);
    log_line(LOG_DEBUG, "x", "no");
    CU_ASSERT_EQUAL(count, 0);
    log_set_level(LOG_DEBUG);
    CU_ASSERT(log_enabled(LOG_DEBUG));
    log_line(LOG_DEBUG, "x", "yes");
    CU_ASSERT_EQUAL(count, 1);
    log_set_level(LOG_INFO);
    log_set_sink(NULL, NULL);
}

static void is_one_clean_line(void)
{
    count = 0;
    log_set_sink(keep, &count);
    log_line(LOG_INFO, "x", "a\nb\x1b[31mc");
    CU_ASSERT_STRING_EQUAL(last + 24, " info  x: a b [31mc");
    char text[6000];
    memset(text, 'y', sizeof text - 1);
    text[sizeof text - 1] = 0;
    log_line(LOG_INFO, "x", "%s", text);
    CU_ASSERT(strlen(last) > 4000 && strlen(last) < 4096);
    CU_ASSERT_EQUAL(count, 2);
    log_set_sink(NULL, NULL);
}

static void holds_back_and_counts(void)
{
    count = 0;
    log_set_sink(keep, &count);
    struct log_limit limit = {0, 0};
    for (int i = 0; i < 10; i++)
        log_limited(&limit, LOG_ERROR, "x", "again");
    CU_ASSERT_EQUAL(count, 1);
    CU_ASSERT_EQUAL(limit.held, 9);
    limit.last_ns -= 2000000000; // as if two seconds had passed
    log_limited(&limit, LOG_ERROR, "x", "again");
    CU_ASSERT_EQUAL(count, 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(last, "x: again (9 more"));
    CU_ASSERT_EQUAL(limit.held, 0);
    log_set_sink(NULL, NULL);
}

static CU_TestInfo cases[] = {
    {"writes time, level, place, text", writes_time_level_place_text},
    {"obeys the level", obeys_the_level},
    {"is one clean line", is_one_clean_line},
    {"holds back and counts", holds_back_and_counts},
    CU_TEST_INFO_NULL,
};
UNIT_MAIN(UNIT_SUITE("log", cases))
