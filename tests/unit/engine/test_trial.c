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
                                              1, &f->pipeline.problems)
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

// Each with what makes more or fewer of the records; `end` looks whether the books balance.
static void test_accounting(void)
{
    static const char *const operators[] = {
        "o: { type: route, inputs: [in, too], match: all, routes: { big: 'n > 5', odd: 'n % 2 == "
        "1' "
        "} }",
        "o: { type: route, inputs: [in, too], routes: { big: 'n > 5', odd: 'n % 2 == 1' } }",
        "o: { type: flat_map, inputs: [in, too], on_error: { dlq: dead },\n"
        "     lua: 'return function(r, emit) for i = 1, r.n do emit { i = i } end\n"
        "           if r.n == 7 then error(\"no\") end end' }",
        "o: { type: map, inputs: [in, too], on_error: { dlq: dead },\n"
        "     lua: 'return function(r) if r.n == 3 then error(\"no\") end\n"
        "           if r.n == 4 then return drop end return r end' }",
        "o: { type: map, inputs: [in, too],\n"
        "     on_error: { retry: { max: 1, backoff: 1ms..1ms }, then: { dlq: dead } },\n"
        "     lua: 'return function(r) if r.n == 3 then error(\"no\") end return r end' }",
    };
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        struct fixture f;
        char yaml[2048];
        bool route = i < 2;
        snprintf(yaml, sizeof yaml,
                 HEAD "operators:\n  %s\nsinks: { out: { type: mock, inputs: %s },\n"
                      "         dead: { type: mock, inputs: in } }\n",
                 operators[i], route ? "[o.big, o.odd, o.unmatched]" : "o");
        start(&f, yaml);
        for (int n = 0; n < 10; n++) {
            char json[32];
            snprintf(json, sizeof json, "{\"ts\":%d,\"n\":%d}", n, n);
            CU_ASSERT_EQUAL(send(&f, n % 2 ? "in" : "too", INT64_MIN, json), 0);
            CU_ASSERT_EQUAL(trial_advance(f.trial, 5, &f.err), 0);
        }
        end(&f);
    }
}

static void test_tombstones_pass(void)
{
    struct fixture f;
    start(&f, HEAD "operators: { m: { type: filter, inputs: in, when: 'n == nil' } }\n"
                   "sinks: { out: { type: mock, inputs: [m, too] } }\n");
    struct trial_record record = {.time = 5, .key = "k"};
    CU_ASSERT_EQUAL(trial_send(f.trial, "in", NULL, &record, &f.err), 0);
    CU_ASSERT_STRING_EQUAL(take(&f, "in"), "null\n");
    CU_ASSERT_STRING_EQUAL(take(&f, "m"), "null\n"); // it has no field at all
    end(&f);
}

// A source that is idle as a whole does not hold another back.
static void test_idle_sources(void)
{
    struct fixture f;
    int64_t at;
    start(&f, HEAD "operators: { m: { type: filter, inputs: [in, too], when: 'ts > 0' } }\n"
                   "sinks: { out: { type: mock, inputs: m } }\n");
    send(&f, "in", INT64_MIN, "{\"ts\":3000}");
    send(&f, "too", INT64_MIN, "{\"ts\":9000}");
    CU_ASSERT_EQUAL(trial_watermark_of(f.trial, "m", &at, &f.err), 0);
    CU_ASSERT_EQUAL(at, 999);
    CU_ASSERT_EQUAL(trial_idle(f.trial, "in", NULL, 0, true, &f.err), 0);
    CU_ASSERT_EQUAL(trial_watermark_of(f.trial, "m", &at, &f.err), 0);
    CU_ASSERT_EQUAL(at, 8999);
    send(&f, "in", INT64_MIN, "{\"ts\":20000}"); // active again
    send(&f, "too", INT64_MIN, "{\"ts\":30000}");
    CU_ASSERT_EQUAL(trial_watermark_of(f.trial, "m", &at, &f.err), 0);
    CU_ASSERT_EQUAL(at, 17999);
    end(&f);
}

static void test_idle_after(void)
{
    struct fixture f;
    int64_t at;
    start(&f, "pipeline: t\n"
              "sources: { in: { type: mock, event_time: { field: ts },\n"
              "                 watermark: { idle_after: 10s } } }\n"
              "sinks: { out: { type: mock, inputs: in } }\n");
    struct trial_record one = {
        .json = "{\"ts\":9000}", .json_len = 11, .split = 1, .time = INT64_MIN};
    CU_ASSERT_EQUAL(trial_send(f.trial, "in", NULL, &one, &f.err), 0);
    CU_ASSERT_EQUAL(trial_advance(f.trial, 9000, &f.err), 0);
    CU_ASSERT_EQUAL(trial_send(f.trial, "in", NULL, &one, &f.err), 0);
    CU_ASSERT_EQUAL(trial_watermark_of(f.trial, "in", &at, &f.err), 0);
    CU_ASSERT_EQUAL(at, INT64_MIN); // split 0 holds it
    CU_ASSERT_EQUAL(trial_advance(f.trial, 4000, &f.err), 0);
    CU_ASSERT_EQUAL(trial_watermark_of(f.trial, "in", &at, &f.err), 0);
    CU_ASSERT_EQUAL(at, 8999);
    end(&f);
}

static void test_the_brake_is_off(void)
{
    struct fixture f;
    start(&f, "pipeline: t\nsources: { in: { type: mock, rate: 0.001 } }\n"
              "sinks: { out: { type: mock, inputs: in } }\n");
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(send(&f, "in", 0, "{}"), 0);
    CU_ASSERT_STRING_EQUAL(take(&f, "in"), "{}\n{}\n{}\n");
    end(&f);
}

static void test_guarantees_of_many_paths(void)
{
    struct pipeline p;
    struct engine *engine;
    struct buf text;
    char yaml[16384];
    int len = snprintf(yaml, sizeof yaml,
                       "pipeline: t\nsources: { in: { type: mock } }\noperators:\n"
                       "  x0: { type: filter, inputs: in, when: 'n > 0' }\n");
    for (int i = 1; i <= 40; i++) // 2^40 ways through
        len += snprintf(yaml + len, sizeof yaml - (size_t)len,
                        "  a%d: { type: filter, inputs: x%d, when: 'n > 0' }\n"
                        "  b%d: { type: filter, inputs: x%d, when: 'n > 0' }\n"
                        "  x%d: { type: filter, inputs: [a%d, b%d], when: 'n > 0' }\n",
                        i, i - 1, i, i - 1, i, i, i);
    snprintf(yaml + len, sizeof yaml - (size_t)len,
             "sinks: { out: { type: mock, inputs: x40, on_error: { dlq: dead } }, "
             "dead: { type: mock } }\n");
    CU_ASSERT_EQUAL_FATAL(pipeline_load(&p, yaml), 0);
    struct engine_config config = {
        .topology = p.topology, .registry = p.registry, .clock = clock_system()};
    CU_ASSERT_EQUAL_FATAL(engine_new(&engine, &config, &p.problems), 0);
    buf_init(&text, 4096);
    CU_ASSERT_EQUAL(engine_guarantees(engine, &text), 0);
    CU_ASSERT_EQUAL(strncmp(buf_cstr(&text), "in -> out: at least once (", 26), 0);
    buf_deinit(&text);
    engine_free(engine);
    pipeline_drop(&p);
}

static CU_TestInfo cases[] = {
    {"filter and map, two inputs", test_filter_and_map},
    {"a window closes by watermark", test_window},
    {"splits hold the watermark", test_splits_hold_the_watermark},
    {"dead letters are as they came", test_dead_letters_are_as_they_came},
    {"stop names the node", test_stop_names_the_node},
    {"retry, then skip", test_retry_then_skip},
    {"accounting", test_accounting},
    {"tombstones pass", test_tombstones_pass},
    {"idle sources", test_idle_sources},
    {"idle after", test_idle_after},
    {"the brake is off", test_the_brake_is_off},
    {"guarantees of many paths", test_guarantees_of_many_paths},
    CU_TEST_INFO_NULL,
};

static int quiet(void)
{
    log_set_level(LOG_ERROR);
    return 0;
}

UNIT_MAIN({"trial", quiet, NULL, NULL, NULL, cases})
