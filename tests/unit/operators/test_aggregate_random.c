// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "operators/aggregate.h"
#include "support/one_operator.h"
#include "support/unit.h"
#include <stdio.h>
#include <stdlib.h>

// Random streams with disorder against a plain calculation that keeps every record and looks
// through all of them for each result; failing allocations; the limit of state.

enum { RECORDS = 1500, KEYS = 9, SIZE_MS = 100 };

struct sent {
    int64_t time, x;
    int key;
    bool has_x, late;
};

struct model {
    struct sent sent[RECORDS];
    int count;
    int64_t watermark, lateness;
    char *text; // what must have come out, a line each
    size_t len, cap, results;
};

static int64_t start_of(int64_t time)
{
    int64_t rest = time % SIZE_MS;
    return time - (rest < 0 ? rest + SIZE_MS : rest);
}

// The result of a key and window over the first `count` records.
static void model_result(struct model *model, int key, int64_t start)
{
    int64_t n = 0, sum = 0, max = INT64_MIN, seen = 0;
    for (int i = 0; i < model->count; i++) {
        const struct sent *s = &model->sent[i];
        if (s->late || s->key != key || start_of(s->time) != start)
            continue;
        n++;
        if (s->has_x) {
            seen++;
            sum += s->x;
            max = s->x > max ? s->x : max;
        }
    }
    if (n == 0)
        return;
    char sums[64] = "\"s\":null,\"m\":null";
    if (seen)
        snprintf(sums, sizeof sums, "\"s\":%lld,\"m\":%lld", (long long)sum, (long long)max);
    if (model->cap - model->len < 256)
        model->text = realloc(model->text, model->cap = model->cap * 2 + 4096);
    model->len +=
        (size_t)snprintf(model->text + model->len, 256,
                         "%lld {\"k\":\"key %d\",\"start\":%lld,\"end\":%lld,\"n\":%lld,%s}\n",
                         (long long)(start + SIZE_MS - 1), key, (long long)start,
                         (long long)(start + SIZE_MS), (long long)n, sums);
    model->results++;
}

static void model_send(struct model *model, struct sent sent)
{
    int64_t last = start_of(sent.time) + SIZE_MS - 1;
    sent.late = last + model->lateness <= model->watermark;
    model->sent[model->count++] = sent;
    if (!sent.late && last <= model->watermark)
        model_result(model, sent.key, start_of(sent.time));
}

// Keys of a window fire in the order in which they first came.
static void model_fire(struct model *model, int64_t start)
{
    bool done[KEYS] = {false};
    for (int i = 0; i < model->count; i++) {
        const struct sent *s = &model->sent[i];
        if (s->late || start_of(s->time) != start || done[s->key])
            continue;
        done[s->key] = true;
        model_result(model, s->key, start);
    }
}

static void model_watermark(struct model *model, int64_t from, int64_t to)
{
    for (int64_t start = start_of(from) - SIZE_MS; start + SIZE_MS - 1 <= to; start += SIZE_MS)
        if (start + SIZE_MS - 1 > model->watermark)
            model_fire(model, start);
    model->watermark = to;
}

static struct sent random_sent(int i)
{
    struct sent sent = {.time = i * 2 - 700 + rand() % 300 - 150,
                        .x = rand() % 2001 - 1000,
                        .key = rand() % KEYS,
                        .has_x = rand() % 5 != 0};
    return sent;
}

static void send(struct one_operator *one, const struct sent *sent)
{
    char json[128];
    if (sent->has_x)
        snprintf(json, sizeof json, "{\"k\":\"key %d\",\"x\":%lld}", sent->key, (long long)sent->x);
    else
        snprintf(json, sizeof json, "{\"k\":\"key %d\"%s}", sent->key,
                 sent->x % 2 ? ",\"x\":null" : "");
    CU_ASSERT_PTR_NOT_NULL(one_send(one, json, sent->time));
}

static void open_random(struct one_operator *one, int64_t lateness)
{
    char options[256];
    snprintf(options, sizeof options,
             "key_by: k\nwindow: { tumbling: 100ms, lateness: %dms }\n"
             "compute: { n: count(), s: sum(x), m: max(x) }\n",
             (int)lateness);
    CU_ASSERT_EQUAL_FATAL(one_init(one, &aggregate_class, options), 0);
}

static void run_random(int64_t lateness, uint32_t room)
{
    struct one_operator one = {0};
    struct model *model = calloc(1, sizeof *model);
    CU_ASSERT_PTR_NOT_NULL_FATAL(model);
    model->watermark = INT64_MIN;
    model->lateness = lateness;
    open_random(&one, lateness);
    one.outputs.room = room;
    size_t late = 0;
    for (int i = 0; i < RECORDS; i++) {
        struct sent sent = random_sent(i);
        model_send(model, sent);
        late += model->sent[i].late;
        send(&one, &sent);
        if (rand() % 40)
            continue;
        int64_t watermark = i * 2 - 700 - rand() % 100;
        if (watermark > model->watermark)
            model_watermark(model, -2000, watermark);
        CU_ASSERT_EQUAL(one_watermark(&one, watermark), OP_DONE);
    }
    model_watermark(model, -2000, 10000);
    CU_ASSERT_EQUAL(one_watermark(&one, 10000), OP_DONE);
    CU_ASSERT_EQUAL(one.op->stats.late, late);
    CU_ASSERT_EQUAL(one.op->stats.created, model->results);
    char *got = one_take(&one, PORT_OUT);
    CU_ASSERT_TRUE(strcmp(got, model->text) == 0);
    free(got);
    free(model->text);
    free(model);
    one_deinit(&one);
}

static void test_random(void)
{
    for (unsigned seed = 1; seed <= 30; seed++) {
        srand(seed);
        run_random(seed % 3 * 80, seed % 4 == 0 ? 1 + seed % 5 : UINT32_MAX);
    }
}

// The n-th allocation fails, whichever it is: a record that could not go in is reported, nothing
// leaks, and every other record is in the results. Absorbed and failed are all records.
static void run_failing(uint64_t n)
{
    struct one_operator one = {0};
    open_random(&one, 100);
    srand(9);
    for (int i = 0; i < 400; i++) {
        struct sent sent = random_sent(i);
        send(&one, &sent);
    }
    mem_fail_at(n, false);
    enum op_status status = one.op->process(one.op, 0, one.batch, &one.outputs);
    for (int i = 0; status == OP_AGAIN && i < 10; i++)
        status = one.op->process(one.op, 0, one.batch, &one.outputs);
    for (int i = 0; i < 10; i++)
        if (one.op->watermark(one.op, INT64_MAX, &one.outputs) == OP_DONE)
            break;
    mem_fail_at(0, false);
    CU_ASSERT_EQUAL(status, OP_DONE);
    CU_ASSERT_EQUAL(one_watermark(&one, INT64_MAX), OP_DONE);
    CU_ASSERT_EQUAL(one.op->stats.absorbed + one.outputs.error_count, 400);
    CU_ASSERT_TRUE(one.outputs.error_count <= 1);
    uint64_t counted = 0;
    for (size_t i = 0; i < one.outputs.result_count; i++) {
        const char *at = strstr(one.outputs.results[i].json, "\"n\":");
        CU_ASSERT_PTR_NOT_NULL_FATAL(at);
        counted += strtoull(at + 4, NULL, 10);
    }
    CU_ASSERT_EQUAL(counted, one.op->stats.absorbed);
    one_deinit(&one);
}

static void test_no_memory(void)
{
    for (uint64_t n = 1; n < 120; n++)
        run_failing(n);
}

// Memory that never comes back ends the firing with an error, not with one OP_AGAIN after another.
static void test_no_memory_for_good(void)
{
    struct one_operator one = {0};
    static char json[500000]; // keys that a resting batch has no room for
    open_random(&one, 100);
    for (int i = 0; i < 6; i++) {
        snprintf(json, sizeof json, "{\"k\":\"%0*d\"}", (int)sizeof json - 20, i);
        one_send(&one, json, 5);
    }
    CU_ASSERT_EQUAL(one_process(&one), OP_DONE);
    CU_ASSERT_EQUAL_FATAL(one.op->stats.absorbed, 6);
    CU_ASSERT_PTR_NOT_NULL_FATAL(outputs_batch(&one.outputs, PORT_OUT)); // what is missing is bytes
    one.outputs.verdict = ERROR_STOP;
    mem_fail_at(1, true);
    enum op_status status = OP_AGAIN;
    for (int i = 0; status == OP_AGAIN && i < 100000; i++)
        status = one.op->watermark(one.op, INT64_MAX, &one.outputs);
    mem_fail_at(0, false);
    CU_ASSERT_EQUAL(status, OP_STOP);
    CU_ASSERT_EQUAL(one.outputs.error_count, 1);
    one.outputs.verdict = ERROR_RETRY; // the slots are still there
    CU_ASSERT_EQUAL(one_watermark(&one, INT64_MAX), OP_DONE);
    CU_ASSERT_EQUAL(one.op->stats.created, 6);
    one_deinit(&one);
}

static void test_build_without_memory(void)
{
    bool built = false;
    for (uint64_t n = 1; n < 3000 && !built; n++) {
        struct one_operator one = {0};
        mem_fail_at(n, true);
        int rc = one_init(&one, &aggregate_class,
                          "key_by: [a, b]\nwindow: { tumbling: 1s }\n"
                          "compute: { x: sum(v.y), l: last(z) }\n");
        mem_fail_at(0, false);
        built = rc == 0;
        one_deinit(&one);
    }
    CU_ASSERT_TRUE(built);
}

// `limits.state`: new keys are refused with a text that says what to raise; known ones go on, and
// when the windows have gone there is room again.
static void test_limit(void)
{
    struct one_operator one = {0};
    CU_ASSERT_EQUAL_FATAL(one_init(&one, &aggregate_class,
                                   "key_by: k\nwindow: { tumbling: 100ms }\n"
                                   "limits: { state: 20000 }\ncompute: { n: count() }\n"),
                          0);
    char json[64];
    for (int i = 0; i < 1000; i++) {
        snprintf(json, sizeof json, "{\"k\":%d}", i);
        one_send(&one, json, 0);
    }
    one_send(&one, "{\"k\":0}", 0);
    one_process(&one);
    CU_ASSERT_TRUE(one.outputs.error_count > 500 && one.outputs.error_count < 1000);
    CU_ASSERT_PTR_NOT_NULL(strstr(one.outputs.errors[0], "limit of 20000 bytes"));
    CU_ASSERT_PTR_NOT_NULL(strstr(one.outputs.errors[0], "limits: { state"));
    size_t failed = one.outputs.error_count;
    CU_ASSERT_EQUAL(one.op->stats.absorbed + failed, 1001);
    CU_ASSERT_TRUE(one.outputs.last_error_index != 1000);
    one_watermark(&one, 1000);
    CU_ASSERT_EQUAL(one.op->stats.created, 1000 - failed);
    one_send(&one, "{\"k\":5000}", 2000);
    one_process(&one);
    CU_ASSERT_EQUAL(one.outputs.error_count, failed);
    one_deinit(&one);
}

static CU_TestInfo cases[] = {{"against a plain calculation", test_random},
                              {"failing allocations", test_no_memory},
                              {"memory that never comes back", test_no_memory_for_good},
                              {"build without memory", test_build_without_memory},
                              {"limit of state", test_limit},
                              CU_TEST_INFO_NULL};
UNIT_MAIN(UNIT_SUITE("aggregate: random", cases))
