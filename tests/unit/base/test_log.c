// SPDX-License-Identifier: MIT
#include "base/log.h"
#include "support/unit.h"

#include <stdio.h>
#include <string.h>

static char last[LOG_LINE_MAX + 1];
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
    log_line(LOG_INFO, "x", "a\nb\x1b[31mc\xff\xc2\x9b");
    CU_ASSERT_STRING_EQUAL(last + 24, " info  x: a b?[31mc???");
    char text[6000];
    memset(text, 'y', sizeof text - 1);
    text[sizeof text - 1] = 0;
    log_line(LOG_INFO, "x", "%s", text);
    CU_ASSERT(strlen(last) > 4000 && strlen(last) < 4096);
    CU_ASSERT_EQUAL(count, 2);
    log_set_sink(NULL, NULL);
}

static void tells_the_code(void)
{
    count = 0;
    log_set_sink(keep, &count);
    const struct log_event event = {.level = LOG_ERROR, .reason = REASON_SCRIPT_TIME};
    log_say(&event, "slow");
    CU_ASSERT_STRING_EQUAL(last + 24, " error slow [script-time]");
    log_set_sink(NULL, NULL);
}

static void names_the_pipeline(void)
{
    count = 0;
    log_set_sink(keep, &count);
    log_set_pipeline("p");
    log_line(LOG_INFO, "a", "x");
    CU_ASSERT_PTR_NOT_NULL(strstr(last, " info  a: x"));
    log_name_pipelines(true);
    log_line(LOG_INFO, "a", "x");
    CU_ASSERT_PTR_NOT_NULL(strstr(last, " info  p/a: x"));
    log_line(LOG_INFO, NULL, "x");
    CU_ASSERT_PTR_NOT_NULL(strstr(last, " info  p: x"));
    log_set_pipeline(NULL);
    log_line(LOG_INFO, "a", "x");
    CU_ASSERT_PTR_NOT_NULL(strstr(last, " info  a: x"));
    log_name_pipelines(false);
    log_set_sink(NULL, NULL);
}

static void says_json(void)
{
    static const struct log_field fields[] = {{"retry_ms", 200}, {"n", -1}};
    const struct log_event event = {.level = LOG_WARN,
                                    .place = "a\"b",
                                    .reason = REASON_RETRY,
                                    .fields = fields,
                                    .field_count = 2};
    count = 0;
    log_set_sink(keep, &count);
    log_set_json(true);
    CU_ASSERT(log_is_json());
    log_set_pipeline("p");
    log_say(&event, "a\"b\\c\nd\x1b\x7f\xc2\x9b\xff\xc3\xa4");
    CU_ASSERT_NSTRING_EQUAL(last, "{\"time\":\"20", 11);
    CU_ASSERT_STRING_EQUAL(
        last + 9 + 24,
        "\",\"level\":\"warn\",\"pipeline\":\"p\",\"node\":\"a\\\"b\",\"code\":\"unavailable\","
        "\"message\":\"a\\\"b\\\\c\\u000ad\\u001b\\u007f\\u009b\xef\xbf\xbd\xc3\xa4\","
        "\"fields\":{\"retry_ms\":200,\"n\":-1}}");
    CU_ASSERT_STRING_EQUAL(log_set_pipeline(NULL), "p");
    log_line(LOG_INFO, NULL, "x");
    CU_ASSERT_PTR_NOT_NULL(strstr(
        last, ",\"pipeline\":null,\"node\":null,\"code\":null,\"message\":\"x\",\"fields\":{}}"));
    log_set_json(false);
    log_set_sink(NULL, NULL);
}

// The worst message, the worst place: still an object.
static void is_whole_however_long(void)
{
    static char text[6000], place[LOG_LINE_MAX * 2], line[LOG_LINE_MAX + 1];
    memset(text, 1, sizeof text - 1);
    memset(place, 'p', sizeof place - 1);
    const struct log_event event = {.level = LOG_INFO, .place = "x"};
    line[log_format_json(&event, NULL, 0, text, line)] = 0;
    CU_ASSERT_STRING_EQUAL(line + strlen(line) - 2, "}}");
    const struct log_event far = {.level = LOG_INFO, .place = place};
    size_t len = log_format_json(&far, NULL, 0, "m", line);
    CU_ASSERT(len < LOG_LINE_MAX && memcmp(line + len - 2, "}}", 2) == 0);
    CU_ASSERT(log_format_text(&far, NULL, 0, "m", line) < LOG_LINE_MAX);
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
    {"tells the code", tells_the_code},
    {"names the pipeline", names_the_pipeline},
    {"says JSON", says_json},
    {"is whole however long", is_whole_however_long},
    {"holds back and counts", holds_back_and_counts},
    CU_TEST_INFO_NULL,
};
UNIT_MAIN(UNIT_SUITE("log", cases))
