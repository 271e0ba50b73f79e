// SPDX-License-Identifier: MIT
#include "operators/aggregate.h"
#include "support/one_operator.h"
#include "support/unit.h"
#include <stdio.h>
#include <stdlib.h>

// Windows, watermarks and lateness. The cases of the table are those of Apache Flink's
// WindowOperatorTest for tumbling windows with the accumulating trigger.

enum { STEPS = 24, EMITS = 4 };
enum what { END_OF_STEPS, SEND, WATERMARK };

struct emit {
    const char *key;
    int value;
    int64_t start, end;
};

struct step {
    enum what what;
    const char *key;
    int value;
    int64_t time;
    struct emit emits[EMITS];
    size_t late;
};

static const struct {
    const char *name;
    int size_ms, lateness_ms;
    struct step steps[STEPS];
} cases_of_flink[] = {
    {"flink-tumbling-event-time",
     3000,
     0,
     {
         {SEND, "key2", 1, 3999, {}, 0},
         {SEND, "key2", 1, 3000, {}, 0},
         {SEND, "key1", 1, 20, {}, 0},
         {SEND, "key1", 1, 0, {}, 0},
         {SEND, "key1", 1, 999, {}, 0},
         {SEND, "key2", 1, 1998, {}, 0},
         {SEND, "key2", 1, 1999, {}, 0},
         {SEND, "key2", 1, 1000, {}, 0},
         {WATERMARK, NULL, 0, 999, {}, 0},
         {WATERMARK, NULL, 0, 1999, {}, 0},
         {WATERMARK, NULL, 0, 2999, {{"key1", 3, 0, 3000}, {"key2", 3, 0, 3000}}, 0},
         {WATERMARK, NULL, 0, 3999, {}, 0},
         {WATERMARK, NULL, 0, 4999, {}, 0},
         {WATERMARK, NULL, 0, 5999, {{"key2", 2, 3000, 6000}}, 0},
         {WATERMARK, NULL, 0, 6999, {}, 0},
         {WATERMARK, NULL, 0, 7999, {}, 0},
     }},
    {"flink-late-output-tumbling",
     2000,
     0,
     {
         {SEND, "key2", 1, 1000, {}, 0},
         {WATERMARK, NULL, 0, 1985, {}, 0},
         {SEND, "key2", 1, 1980, {}, 0},
         {WATERMARK, NULL, 0, 1999, {{"key2", 2, 0, 2000}}, 0},
         {SEND, "key2", 1, 1998, {}, 1},
         {SEND, "key2", 1, 2001, {}, 0},
         {WATERMARK, NULL, 0, 2999, {}, 0},
         {WATERMARK, NULL, 0, 3999, {{"key2", 1, 2000, 4000}}, 0},
     }},
    {"flink-cleanup-tumbling-list",
     2000,
     1,
     {
         {SEND, "key2", 1, 1000, {}, 0},
         {WATERMARK, NULL, 0, 1599, {}, 0},
         {WATERMARK, NULL, 0, 1999, {{"key2", 1, 0, 2000}}, 0},
         {WATERMARK, NULL, 0, 2000, {}, 0},
         {WATERMARK, NULL, 0, 5000, {}, 0},
     }},
};

static void open_case(struct one_operator *one, int size_ms, int lateness_ms, const char *work)
{
    char options[512];
    snprintf(options, sizeof options, "key_by: key\nwindow: { tumbling: %dms, lateness: %dms }\n%s",
             size_ms, lateness_ms, work);
    int rc = one_init(one, &aggregate_class, options);
    if (rc)
        printf("\n  %s\n", one->err.text);
    CU_ASSERT_EQUAL_FATAL(rc, 0);
}

static bool came_out(const struct one_operator *one, const struct emit *emit)
{
    char want[256];
    snprintf(want, sizeof want, "{\"key\":\"%s\",\"start\":%lld,\"end\":%lld,\"value\":%d}",
             emit->key, (long long)emit->start, (long long)emit->end, emit->value);
    for (size_t i = 0; i < one->outputs.result_count; i++) {
        const struct fake_result *result = &one->outputs.results[i];
        if (result->port == PORT_OUT && strcmp(result->json, want) == 0)
            return result->time == emit->end - 1;
    }
    printf("\n  missing: %s\n", want);
    return false;
}

static void run_step(struct one_operator *one, const struct step *step)
{
    char json[128];
    if (step->what == SEND) {
        snprintf(json, sizeof json, "{\"key\":\"%s\",\"value\":%d}", step->key, step->value);
        CU_ASSERT_PTR_NOT_NULL(one_send(one, json, step->time));
        CU_ASSERT_EQUAL(one_process(one), OP_DONE);
    } else {
        CU_ASSERT_EQUAL(one_watermark(one, step->time), OP_DONE);
    }
    size_t emits = 0;
    for (; emits < EMITS && step->emits[emits].key; emits++)
        CU_ASSERT_TRUE(came_out(one, &step->emits[emits]));
    CU_ASSERT_EQUAL(fake_results(&one->outputs, PORT_OUT), emits);
    CU_ASSERT_EQUAL(fake_results(&one->outputs, 1), step->late);
    fake_outputs_clear(&one->outputs);
}

static void test_flink(void)
{
    for (size_t i = 0; i < sizeof cases_of_flink / sizeof *cases_of_flink; i++) {
        struct one_operator one = {0};
        open_case(&one, cases_of_flink[i].size_ms, cases_of_flink[i].lateness_ms,
                  "compute: { value: sum(value) }\n");
        for (int s = 0; s < STEPS && cases_of_flink[i].steps[s].what != END_OF_STEPS; s++)
            run_step(&one, &cases_of_flink[i].steps[s]);
        one_deinit(&one);
    }
}

static void expect(struct one_operator *one, uint32_t port, const char *want)
{
    char *got = one_take(one, port);
    CU_ASSERT_STRING_EQUAL(got, want);
    if (strcmp(got, want) != 0)
        printf("\n  got:  %s  want: %s", got, want);
    free(got);
}

// Within the lateness a fired window fires again at once, with all that it holds; at its end the
// state goes, and what comes then is late.
static void test_lateness(void)
{
    struct one_operator one = {0};
    open_case(&one, 1000, 500, "compute: { n: count() }\n");
    one_send(&one, "{\"key\":1}", 10);
    one_watermark(&one, 998);
    expect(&one, PORT_OUT, "");
    one_watermark(&one, 999);
    expect(&one, PORT_OUT, "999 {\"key\":1,\"start\":0,\"end\":1000,\"n\":1}\n");
    one_send(&one, "{\"key\":1}", 20);
    one_send(&one, "{\"key\":1}", 30);
    one_send(&one, "{\"key\":2}", 999); // a key that comes late only
    one_process(&one);
    expect(&one, PORT_OUT,
           "999 {\"key\":1,\"start\":0,\"end\":1000,\"n\":2}\n"
           "999 {\"key\":1,\"start\":0,\"end\":1000,\"n\":3}\n"
           "999 {\"key\":2,\"start\":0,\"end\":1000,\"n\":1}\n");
    one_watermark(&one, 1498);
    expect(&one, PORT_OUT, "");
    one_send(&one, "{\"key\":1}", 5);
    one_watermark(&one, 1499);
    expect(&one, PORT_OUT, "999 {\"key\":1,\"start\":0,\"end\":1000,\"n\":4}\n");
    one_send(&one, "{\"key\":1}", 999);
    one_send(&one, "{\"key\":1}", 1000);
    one_process(&one);
    expect(&one, 1, "999 {\"key\":1}\n");
    CU_ASSERT_EQUAL(one.op->stats.late, 1);
    CU_ASSERT_EQUAL(one.op->stats.absorbed, 6);
    CU_ASSERT_EQUAL(one.op->stats.created, 5);
    one_watermark(&one, INT64_MAX);
    expect(&one, PORT_OUT, "1999 {\"key\":1,\"start\":1000,\"end\":2000,\"n\":1}\n");
    CU_ASSERT_EQUAL(((struct aggregate *)one.op)->keyed.heap.count, 0); // nothing is left
    one_deinit(&one);
}

// A window that opens when its end has passed, but not its lateness.
static void test_opened_late(void)
{
    struct one_operator one = {0};
    open_case(&one, 1000, 500, "compute: { n: count() }\n");
    one_watermark(&one, 1200);
    one_send(&one, "{\"key\":1}", 0);
    one_process(&one);
    expect(&one, PORT_OUT, "999 {\"key\":1,\"start\":0,\"end\":1000,\"n\":1}\n");
    one_watermark(&one, 1300);
    one_watermark(&one, 1600);
    expect(&one, PORT_OUT, ""); // fires for its records, not for the watermark
    one_deinit(&one);
}

static void test_watermark_never_back(void)
{
    struct one_operator one = {0};
    open_case(&one, 1000, 0, "compute: { n: count() }\n");
    one_watermark(&one, 5000);
    one_watermark(&one, 100);
    one_send(&one, "{\"key\":1}", 4000);
    one_process(&one);
    expect(&one, 1, "4000 {\"key\":1}\n");
    one_deinit(&one);
}

// Windows in the order of their starts, keys in the order in which they came; times below zero.
static void test_order(void)
{
    struct one_operator one = {0};
    open_case(&one, 1000, 0, "compute: { n: count() }\n");
    static const int64_t times[] = {2500, -1, 500, -999, 999, 2000};
    static const char *const keys[] = {"b", "z", "c", "a", "a", "a"};
    for (int i = 0; i < 6; i++) {
        char json[64];
        snprintf(json, sizeof json, "{\"key\":\"%s\"}", keys[i]);
        one_send(&one, json, times[i]);
    }
    one_watermark(&one, INT64_MAX);
    expect(&one, PORT_OUT,
           "-1 {\"key\":\"z\",\"start\":-1000,\"end\":0,\"n\":1}\n"
           "-1 {\"key\":\"a\",\"start\":-1000,\"end\":0,\"n\":1}\n"
           "999 {\"key\":\"c\",\"start\":0,\"end\":1000,\"n\":1}\n"
           "999 {\"key\":\"a\",\"start\":0,\"end\":1000,\"n\":1}\n"
           "2999 {\"key\":\"b\",\"start\":2000,\"end\":3000,\"n\":1}\n"
           "2999 {\"key\":\"a\",\"start\":2000,\"end\":3000,\"n\":1}\n");
    one_deinit(&one);
}

static void test_offset(void)
{
    struct one_operator one = {0};
    CU_ASSERT_EQUAL_FATAL(
        one_init(&one, &aggregate_class,
                 "window: { tumbling: 10s, offset: 3s }\ncompute: { n: count() }\n"),
        0);
    one_send(&one, "{}", 2999);
    one_send(&one, "{}", 3000);
    one_watermark(&one, INT64_MAX);
    expect(&one, PORT_OUT,
           "2999 {\"start\":-7000,\"end\":3000,\"n\":1}\n"
           "12999 {\"start\":3000,\"end\":13000,\"n\":1}\n");
    one_deinit(&one);
}

// Every output is full after every record: the same results in the same order.
static void test_full_outputs(void)
{
    char *want = NULL;
    for (uint32_t room = 0; room < 3; room++) {
        struct one_operator one = {0};
        open_case(&one, 100, 200, "compute: { n: count(), s: sum(v) }\n");
        one.outputs.room = room ? room : UINT32_MAX;
        for (int i = 0; i < 3000; i++) {
            char json[64];
            snprintf(json, sizeof json, "{\"key\":%d,\"v\":%d}", i % 7, i);
            one_send(&one, json, i * 3 - (i * 37) % 600);
            if (i % 100 == 99)
                CU_ASSERT_EQUAL(one_watermark(&one, i * 3 - 150), OP_DONE);
        }
        CU_ASSERT_EQUAL(one_watermark(&one, INT64_MAX), OP_DONE);
        CU_ASSERT_TRUE(fake_results(&one.outputs, 1) > 100);
        CU_ASSERT_EQUAL(one.op->stats.late, fake_results(&one.outputs, 1));
        CU_ASSERT_EQUAL(one.op->stats.late + one.op->stats.absorbed, 3000);
        CU_ASSERT_EQUAL(one.op->stats.created, fake_results(&one.outputs, PORT_OUT));
        CU_ASSERT_TRUE(room == 0 || one.agains > 500);
        char *got = one_take(&one, PORT_OUT);
        CU_ASSERT_TRUE(want == NULL || strcmp(got, want) == 0);
        free(want);
        want = got;
        one_deinit(&one);
    }
    free(want);
}

// When the step's time is always over, it still comes to an end.
static void test_out_of_time(void)
{
    struct one_operator one = {0};
    open_case(&one, 1000, 0, "compute: { n: count() }\n");
    one.outputs.late = true;
    for (int i = 0; i < 1000; i++) {
        char json[64];
        snprintf(json, sizeof json, "{\"key\":%d}", i);
        one_send(&one, json, i % 3 * 1000);
    }
    CU_ASSERT_EQUAL(one_watermark(&one, INT64_MAX), OP_DONE);
    CU_ASSERT_EQUAL(one.op->stats.created, 1000);
    CU_ASSERT_TRUE(one.agains > 10);
    one_deinit(&one);
}

// The same for sliding windows, which come back to the one they were at: 3 keys in each of 8
// windows of 3 slices, over 6 slices with records.
static void test_sliding_out_of_time(void)
{
    char *want = NULL;
    for (int late = 0; late < 2; late++) {
        struct one_operator one = {0};
        CU_ASSERT_EQUAL_FATAL(one_init(&one, &aggregate_class,
                                       "key_by: key\nwindow: { sliding: 3s, every: 1s }\n"
                                       "compute: { n: count() }\n"),
                              0);
        one.outputs.late = late;
        for (int i = 0; i < 300; i++) {
            char json[64];
            snprintf(json, sizeof json, "{\"key\":%d}", i % 3);
            one_send(&one, json, i * 20);
            if (i == 150) // behind it the next window is told in the middle of what there is
                CU_ASSERT_EQUAL(one_watermark(&one, i * 20), OP_DONE);
        }
        CU_ASSERT_EQUAL(one_watermark(&one, INT64_MAX), OP_DONE);
        CU_ASSERT_EQUAL(one.op->stats.created, 24);
        CU_ASSERT_TRUE(!late || one.agains > 5);
        char *got = one_take(&one, PORT_OUT);
        CU_ASSERT_TRUE(want == NULL || strcmp(got, want) == 0);
        free(want);
        want = got;
        one_deinit(&one);
    }
    free(want);
}

static void test_late_unwanted(void)
{
    struct one_operator one = {0};
    open_case(&one, 1000, 0, "compute: { n: count() }\n");
    one.outputs.ports[1].unwanted = true;
    one_watermark(&one, 5000);
    one_send(&one, "{\"key\":1}", 0);
    one_process(&one);
    CU_ASSERT_EQUAL(one.op->stats.late, 1);
    CU_ASSERT_EQUAL(fake_results(&one.outputs, 1), 0);
    one_deinit(&one);
}

static CU_TestInfo cases[] = {{"Flink's cases", test_flink},
                              {"lateness", test_lateness},
                              {"opened late", test_opened_late},
                              {"watermark never back", test_watermark_never_back},
                              {"order", test_order},
                              {"offset, no key", test_offset},
                              {"full outputs", test_full_outputs},
                              {"out of time", test_out_of_time},
                              {"sliding, out of time", test_sliding_out_of_time},
                              {"late unwanted", test_late_unwanted},
                              CU_TEST_INFO_NULL};
UNIT_MAIN(UNIT_SUITE("aggregate: windows", cases))
