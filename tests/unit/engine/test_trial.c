// SPDX-License-Identifier: MIT
#include "engine/trial.h"
#include "base/log.h"
#include "pipeline.h"
#include <string.h>

// The way of records and watermarks through a plan, by hand.

struct fixture {
    struct pipeline pipeline;
    struct trial *trial;
    struct buf out;
    struct error err;
};

static void start(struct fixture *f, const char *yaml)
{
    memset(f, 0, sizeof *f);
    buf_init(&f->out, 1 << 20);
    CU_ASSERT_EQUAL(pipeline_load(&f->pipeline, yaml), 0);
    int rc = f->pipeline.topology ? trial_new(&f->trial, f->pipeline.topology, f->pipeline.registry,
                                              &f->pipeline.problems)
                                  : ERR_INPUT;
    pipeline_show(&f->pipeline);
    CU_ASSERT_EQUAL_FATAL(rc, 0);
}

static void end(struct fixture *f)
{
    CU_ASSERT_EQUAL(trial_account(f->trial, &f->err), 0);
    CU_ASSERT_STRING_EQUAL(f->err.text, "");
    trial_free(f->trial);
    buf_deinit(&f->out);
    pipeline_drop(&f->pipeline);
}

static int send(struct fixture *f, const char *to, int64_t time, const char *json)
{
    struct trial_record record = {.json = json, .json_len = strlen(json), .time = time};
    return trial_send(f->trial, to, NULL, &record, &f->err);
}

static const char *take(struct fixture *f, const char *from)
{
    buf_clear(&f->out);
    CU_ASSERT_EQUAL(trial_take(f->trial, from, &f->out, &f->err), 0);
    return buf_cstr(&f->out);
}

#define HEAD                                                                                       \
    "pipeline: t\n"                                                                                \
    "sources: { in: { type: mock, event_time: { field: ts }, watermark: { out_of_order: 2s } },\n" \
    "           too: { type: mock, event_time: { field: ts } } }\n"

static void test_filter_and_map(void)
{
    struct fixture f;
    start(&f, HEAD "operators:\n"
                   "  big: { type: filter, inputs: [in, too], when: 'n > 2' }\n"
                   "  twice: { type: map, inputs: big, lua: 'return function(r) r.m = r.n * 2 "
                   "return r end' }\n"
                   "sinks: { out: { type: mock, inputs: twice } }\n");
    send(&f, "in", INT64_MIN, "{\"ts\":1,\"n\":2}");
    send(&f, "in", INT64_MIN, "{\"ts\":2,\"n\":3}");
    send(&f, "too", INT64_MIN, "{\"ts\":3,\"n\":4}");
    CU_ASSERT_STRING_EQUAL(take(&f, "twice"),
                           "{\"ts\":2,\"n\":3,\"m\":6}\n{\"ts\":3,\"n\":4,\"m\":8}\n");
    CU_ASSERT_STRING_EQUAL(take(&f, "twice"), "");
    end(&f);
}

static void test_window(void)
{
    struct fixture f;
    start(&f, HEAD "operators:\n"
                   "  sum: { type: aggregate, inputs: in, key_by: k, window: { tumbling: 10s },\n"
                   "         compute: { n: count(), total: sum(v) } }\n"
                   "sinks: { out: { type: mock, inputs: [sum, too] } }\n");
    send(&f, "in", INT64_MIN, "{\"ts\":1000,\"k\":\"a\",\"v\":1}");
    send(&f, "in", INT64_MIN, "{\"ts\":11000,\"k\":\"a\",\"v\":2}");
    send(&f, "in", INT64_MIN, "{\"ts\":2000,\"k\":\"a\",\"v\":4}");
    CU_ASSERT_STRING_EQUAL(take(&f, "sum"), ""); // 11000 - 2000 - 1 < 9999
    send(&f, "in", INT64_MIN, "{\"ts\":12000,\"k\":\"b\",\"v\":8}");
    CU_ASSERT_STRING_EQUAL(take(&f, "sum"),
                           "{\"k\":\"a\",\"start\":0,\"end\":10000,\"n\":2,\"total\":5}\n");
    send(&f, "in", INT64_MIN, "{\"ts\":9999,\"k\":\"a\",\"v\":16}");
    CU_ASSERT_STRING_EQUAL(take(&f, "sum.late"), "{\"ts\":9999,\"k\":\"a\",\"v\":16}\n");
    CU_ASSERT_EQUAL(trial_watermark(f.trial, NULL, NULL, -1, INT64_MAX, &f.err), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(take(&f, "sum"), "\"k\":\"b\""));
    end(&f);
}

static void test_splits_hold_the_watermark(void)
{
    struct fixture f;
    start(&f, HEAD "sinks: { out: { type: mock, inputs: [in, too] } }\n");
    int64_t at;
    struct trial_record one = {.json = "{\"ts\":9000}", .json_len = 11, .split = 1};
    one.time = INT64_MIN;
    CU_ASSERT_EQUAL(trial_send(f.trial, "in", NULL, &one, &f.err), 0);
    CU_ASSERT_EQUAL(trial_watermark_of(f.trial, "in", &at, &f.err), 0);
    CU_ASSERT_EQUAL(at, INT64_MIN); // split 0 has said nothing yet
    send(&f, "in", INT64_MIN, "{\"ts\":5000}");
    CU_ASSERT_EQUAL(trial_watermark_of(f.trial, "in", &at, &f.err), 0);
    CU_ASSERT_EQUAL(at, 2999);
    CU_ASSERT_EQUAL(trial_idle(f.trial, "in", NULL, 0, true, &f.err), 0);
    CU_ASSERT_EQUAL(trial_watermark_of(f.trial, "in", &at, &f.err), 0);
    CU_ASSERT_EQUAL(at, 6999);
    end(&f);
}

static void test_dead_letters_are_as_they_came(void)
{
    struct fixture f;
    start(&f,
          HEAD "operators:\n"
               "  m: { type: map, inputs: in, on_error: { dlq: dead }, lua: 'return function(r) "
               "r.x = 1 error(\"no\") end' }\n"
               "sinks: { out: { type: mock, inputs: [m, too] }, dead: { type: mock } }\n");
    CU_ASSERT_EQUAL(send(&f, "in", INT64_MIN, "{\"ts\": 7,\"n\":2}"), 0);
    CU_ASSERT_STRING_EQUAL(take(&f, "m"), "");
    CU_ASSERT_STRING_EQUAL(take(&f, "m.errors"), "{\"ts\": 7,\"n\":2}\n");
    end(&f);
}

static void test_stop_names_the_node(void)
{
    struct fixture f;
    start(&f, HEAD "operators:\n"
                   "  m: { type: map, inputs: in, lua: 'return function(r) error(\"no\") end' }\n"
                   "sinks: { out: { type: mock, inputs: [m, too] } }\n");
    CU_ASSERT_NOT_EQUAL(send(&f, "in", INT64_MIN, "{\"ts\":7}"), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.err.text, "m: "));
    CU_ASSERT_PTR_NOT_NULL(strstr(f.err.text, "no"));
    error_clear(&f.err);
    end(&f);
}

static void test_retry_then_skip(void)
{
    struct fixture f;
    start(&f, HEAD "operators:\n"
                   "  m: { type: map, inputs: in, lua: 'return function(r) error(\"no\") end',\n"
                   "       on_error: { retry: { max: 2, backoff: 10ms..20ms }, then: skip } }\n"
                   "sinks: { out: { type: mock, inputs: [m, too] } }\n");
    CU_ASSERT_EQUAL(send(&f, "in", INT64_MIN, "{\"ts\":7}"), 0);
    struct error account = ERROR_INIT;
    CU_ASSERT_NOT_EQUAL(trial_account(f.trial, &account), 0); // it is still being tried
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(trial_advance(f.trial, 20, &f.err), 0);
    end(&f); // failed, and so accounted for
}

static CU_TestInfo cases[] = {
    {"filter and map, two inputs", test_filter_and_map},
    {"a window closes by watermark", test_window},
    {"splits hold the watermark", test_splits_hold_the_watermark},
    {"dead letters are as they came", test_dead_letters_are_as_they_came},
    {"stop names the node", test_stop_names_the_node},
    {"retry, then skip", test_retry_then_skip},
    CU_TEST_INFO_NULL,
};

static int quiet(void)
{
    log_set_level(LOG_ERROR);
    return 0;
}

UNIT_MAIN({"trial", quiet, NULL, NULL, NULL, cases})
