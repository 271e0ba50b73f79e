// SPDX-License-Identifier: MIT
#include "cli/status.h"
#include "support/unit.h"
#include "time/watermark.h"

#include <stdlib.h>
#include <string.h>

static void numbers(void)
{
    static const struct {
        uint64_t value;
        const char *grouped, *rounded;
    } table[] = {
        {0, "0", "0"},
        {999, "999", "999"},
        {1000, "1,000", "1.0 k"},
        {9949, "9,949", "9.9 k"},
        {12345, "12,345", "12 k"},
        {999499, "999,499", "999 k"},
        {999999, "999,999", "1.0 M"},
        {1234567, "1,234,567", "1.2 M"},
        {UINT64_MAX, "18,446,744,073,709,551,615", "18446744074 G"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char text[NUMBER_MAX];
        number_grouped(table[i].value, text);
        CU_ASSERT_STRING_EQUAL(text, table[i].grouped);
        number_short((double)table[i].value, text);
        CU_ASSERT_STRING_EQUAL(text, table[i].rounded);
    }
}

static struct node_status nodes[] = {
    {.name = "a",
     .type = "file",
     .kind = NODE_SOURCE,
     .in = 100,
     .watermark = 5000,
     .lag = 7,
     .lag_bytes = -1},
    {.name = "b",
     .type = "file",
     .kind = NODE_SOURCE,
     .in = 50,
     .watermark = 3000,
     .lag = -1,
     .lag_bytes = 500},
    {.name = "c",
     .type = "file",
     .kind = NODE_SOURCE,
     .watermark = WATERMARK_NONE,
     .lag = -1,
     .lag_bytes = 12},
    {.name = "d", .type = "map", .kind = NODE_OPERATOR, .in = 150, .failed = 2, .late = 3},
    {.name = "e", .type = "null", .kind = NODE_SINK, .in = 140, .failed = 1},
};
static const struct engine_status status = {.node_count = 5, .nodes = nodes};

static void sums(void)
{
    struct totals totals;
    totals_of(&totals, &status);
    CU_ASSERT_EQUAL(totals.in, 150);
    CU_ASSERT_EQUAL(totals.out, 140);
    CU_ASSERT_EQUAL(totals.failed, 3);
    CU_ASSERT_EQUAL(totals.late, 3);
    CU_ASSERT_EQUAL(totals.lag, 7);
    CU_ASSERT_EQUAL(totals.lag_bytes, 512);
    CU_ASSERT_EQUAL(totals.watermark, 3000);
}

static void check_line(const struct totals *now, const struct totals *since, const char *wanted)
{
    struct buf line;
    buf_init(&line, 1024);
    CU_ASSERT_EQUAL(totals_line(now, since, 2000, &line), 0);
    CU_ASSERT_STRING_EQUAL(buf_cstr(&line), wanted);
    buf_deinit(&line);
}

static void lines(void)
{
    setenv("TZ", "UTC", 1);
    struct totals before = {
        .in = 1000, .out = 10, .lag = -1, .lag_bytes = -1, .watermark = WATERMARK_NONE};
    struct totals now = {
        .in = 4000, .out = 14, .failed = 2, .lag = 9, .lag_bytes = 1234567, .watermark = 3723000};
    struct totals end = {.lag = -1, .lag_bytes = 37, .watermark = WATERMARK_END};
    check_line(&before, NULL, "in 1,000  out 10  late 0  errors 0");
    check_line(&now, &before,
               "in 4,000 (1.5 k/s)  out 14 (2/s)  lag 9  lag 1.2 MB  watermark 01:02:03  late 0  "
               "errors 2");
    check_line(&end, NULL, "in 0  out 0  lag 37 B  watermark end  late 0  errors 0");
}

static void report(void)
{
    json_t *json = report_json(&status, 1500);
    CU_ASSERT_PTR_NOT_NULL_FATAL(json);
    CU_ASSERT_EQUAL(json_real_value(json_object_get(json, "seconds")), 1.5);
    CU_ASSERT_TRUE(json_is_null(json_object_get(json, "first_record_ms")));
    json_t *list = json_object_get(json, "nodes");
    CU_ASSERT_EQUAL_FATAL(json_array_size(list), 5);
    json_t *first = json_array_get(list, 0);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(first, "kind")), "source");
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(first, "in")), 100);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(first, "lag")), 7);
    CU_ASSERT_TRUE(json_is_null(json_object_get(first, "lag_bytes")));
    CU_ASSERT_TRUE(json_is_null(json_object_get(json_array_get(list, 1), "lag")));
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(json_array_get(list, 1), "lag_bytes")), 500);
    json_decref(json);
}

static CU_TestInfo cases[] = {
    {"numbers", numbers}, {"sums", sums}, {"lines", lines}, {"report", report}, CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("status", cases))
