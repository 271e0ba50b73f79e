// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "engine/trial.h"
#include "run.h"

// Each allocation fails in turn, once, and then with all that follow: it ends with a clear error or
// as if nothing had been. The sanitizer build looks for what is leaked.

static const char yaml[] =
    "pipeline: t\n"
    "sources: { in: { type: %s, count: 3000, splits: 2, bad: 2, event_time: { field: n },\n"
    "                 on_error: { dlq: dead } } }\n"
    "operators:\n"
    "  big: { type: filter, inputs: in, when: 'n > 2' }\n"
    "  twice: { type: map, inputs: big, on_error: { dlq: dead },\n"
    "           lua: 'return function(r) if r.n == 9 then error(\"no\") end r.m = 1 return r end' "
    "}\n"
    "  sum: { type: aggregate, inputs: twice, key_by: n, window: { tumbling: 1s },\n"
    "         compute: { c: count() } }\n"
    "sinks:\n"
    "  out: { type: %s, inputs: [twice, sum], key: '{n}', headers: { n: '{n}' },\n"
    "         refuse_every: 700, on_error: { dlq: dead } }\n"
    "  too: { type: %s, inputs: twice }\n"
    "  dead: { type: %s }\n";

static int load(struct pipeline *p, const char *type)
{
    char text[2048];
    snprintf(text, sizeof text, yaml, type, type, type, type);
    int rc = pipeline_load(p, text);
    pipeline_show(p);
    return rc;
}

static void test_building(void)
{
    bool failed = true;
    for (uint64_t n = 1; failed; n++)
        for (int rest = 0; rest < 2; rest++) {
            struct pipeline p;
            struct engine *engine = NULL;
            CU_ASSERT_EQUAL_FATAL(load(&p, "mock"), 0);
            struct engine_config config = {.topology = p.topology,
                                           .registry = p.registry,
                                           .clock = clock_system(),
                                           .has_plugins = true};
            mem_fail_at(n, rest);
            int rc = engine_new(&engine, &config, &p.problems);
            failed = mem_fail_count() > 0;
            mem_fail_at(0, false);
            CU_ASSERT((rc == 0) == (engine != NULL));
            CU_ASSERT(failed || rc == 0);
            // Where all fails, no problem can be told: the code is all there is.
            CU_ASSERT(rc == 0 || rc == ERR_NOMEM || p.problems.errors);
            if (rc && rc != ERR_NOMEM && !p.problems.errors) {
                fprintf(stderr, "\n  allocation %llu%s: %d\n", (unsigned long long)n,
                        rest ? " and all after" : "", rc);
                pipeline_show(&p);
            }
            engine_free(engine);
            pipeline_drop(&p);
        }
}

static int try_trial(struct trial **trial, struct pipeline *p, struct error *err)
{
    int rc = trial_new(trial, p->topology, p->registry, 1, &p->problems);
    for (int i = 0; !rc && i < 3; i++) {
        struct trial_record record = {
            .json = "{\"n\":9}", .json_len = 7, .time = 9, .key = "k", .split = 1};
        rc = trial_send(*trial, "in", NULL, &record, err);
        record.json = NULL;
        record.json_len = 0;
        rc = rc ? rc : trial_send(*trial, "too", NULL, &record, err);
    }
    return rc ? rc : trial_watermark(*trial, NULL, NULL, -1, INT64_MAX, err);
}

static void test_trying(void)
{
    bool failed = true;
    for (uint64_t n = 1; failed; n++)
        for (int rest = 0; rest < 2; rest++) {
            struct pipeline p;
            struct trial *trial = NULL;
            struct error err = ERROR_INIT;
            CU_ASSERT_EQUAL_FATAL(load(&p, "mock"), 0);
            mem_fail_at(n, rest);
            int rc = try_trial(&trial, &p, &err);
            failed = mem_fail_count() > 0;
            mem_fail_at(0, false);
            CU_ASSERT(failed || rc == 0);
            bool clear = !rc || !trial || strstr(err.text, "memory");
            CU_ASSERT(clear);
            if (!clear)
                fprintf(stderr, "\n  allocation %llu%s: %d %s\n", (unsigned long long)n,
                        rest ? " and all after" : "", rc, err.text);
            trial_free(trial);
            pipeline_drop(&p);
        }
}

// The state it ends in. Fails from the `n`-th allocation after the start on.
static int run_short(const char *type, uint64_t n, bool rest, bool *failed, struct error *why)
{
    struct pipeline p;
    struct engine *engine = NULL;
    int state = -1;
    CU_ASSERT_EQUAL_FATAL(load(&p, type), 0);
    struct engine_config config = {.topology = p.topology,
                                   .registry = p.registry,
                                   .clock = clock_system(),
                                   .has_plugins = true};
    CU_ASSERT_EQUAL_FATAL(engine_new(&engine, &config, &p.problems), 0);
    mem_fail_at(n, rest);
    if (!engine_start(engine, why))
        state = run_wait(engine, PATIENCE_MS);
    *failed = mem_fail_count() > 0;
    mem_fail_at(0, false);
    if (state == ENGINE_FAILED)
        *why = *engine_error(engine);
    else
        CU_ASSERT_EQUAL(engine_account(engine, why), 0);
    engine_free(engine);
    pipeline_drop(&p);
    return state;
}

static void test_running(void)
{
    static const char *const types[] = {"mock", "mock_thread"};
    for (int t = 0; t < 2; t++) {
        bool failed = true;
        for (uint64_t n = 1; failed; n += 1 + n / 40)
            for (int rest = 0; rest < 2; rest++) {
                struct error why = ERROR_INIT;
                int state = run_short(types[t], n, rest, &failed, &why);
                bool clear = state == ENGINE_FAILED && strstr(why.text, "memory");
                CU_ASSERT(clear || (state == ENGINE_DONE && !why.code));
                if (!clear && state != ENGINE_DONE)
                    fprintf(stderr, "\n  %s, allocation %llu%s: %d %s\n", types[t],
                            (unsigned long long)n, rest ? " and all after" : "", state, why.text);
            }
    }
}

static CU_TestInfo cases[] = {
    {"building", test_building},
    {"trying", test_trying},
    {"running", test_running},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN({"no memory", run_dir_make, run_dir_drop, NULL, NULL, cases})
