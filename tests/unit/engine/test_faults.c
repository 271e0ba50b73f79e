// SPDX-License-Identifier: MIT
#include "engine/engine_parts.h"
#include "run.h"

// Instances that fail, come back, stay away or never answer, with and without threads of their own.

static const char *const types[] = {"mock", "mock_thread"};

// One source and one sink of a type; `%` options of both. The pipeline's name makes faults that
// happen once happen in each run.
static void describe(char *yaml, size_t cap, const char *type, const char *name, const char *in,
                     const char *out)
{
    char path[128], log[128];
    path_of("out", path);
    path_of("log", log);
    snprintf(yaml, cap,
             "pipeline: %s-%s\n"
             "sources: { in: { type: %s, on_error: { retry: { backoff: 1ms..2ms } }, log: %s, %s } "
             "}\n"
             "sinks: { out: { type: %s, inputs: in, path: %s, on_error: { retry: { backoff: "
             "1ms..2ms } }, %s } }\n",
             name, type, type, log, in, type, path, out);
}

struct row {
    const char *name, *in, *out;
    int state;
    const char *why; // NULL: none
    int count;       // lines of {"n":...}; -1: not looked at
    const char *log; // must be found in the source's log; NULL: not looked at
};

static const struct row rows[] = {
    {"opens at the third try", "count: 10, retry_opens: 2", "retry_opens: 2", ENGINE_DONE, NULL, 10,
     "open\nclose\nopen\nclose\nopen\nassign s0 at 0 anew\n"},
    {"the source fails and goes on", "count: 5000, retry_at: 2500", "accept: 77", ENGINE_DONE, NULL,
     5000, "assign s0 at 0 anew\nclose\nopen\nassign s0 at 2500\n"},
    {"it fails before the first record", "count: 50, retry_at: 0", "accept: 0", ENGINE_DONE, NULL,
     50, NULL},
    {"a stream fails within a line",
     "text: \"{\\\"n\\\":0}\\n\", repeat: 3, retry_at: 11, piece: 11", "accept: 0", ENGINE_DONE,
     NULL, -1, NULL},
    {"the sink fails and goes on", "count: 5000", "retry_at: 2500", ENGINE_DONE, NULL, 5000, NULL},
    {"lost and added again", "count: 1000, lose_at: 500", "accept: 0", ENGINE_DONE, NULL, -1,
     "assign s0 at 0 anew\nlost\nassign s0 at 0 anew\n"},
    {"the source breaks", "count: 5000, fatal_at: 2500", "accept: 1", ENGINE_FAILED, "in: it broke",
     -1, NULL},
    {"the sink breaks", "count: 5000", "fatal_at: 2500", ENGINE_FAILED, "out: it broke", -1, NULL},
    {"the source breaks before a stuck sink", "count: 200000, fatal_at: 300", "stuck: true",
     ENGINE_FAILED, "in: it broke", -1, NULL},
    {"a split that was never added", "count: 5, stray: 3", "accept: 0", ENGINE_FAILED,
     "in: a message of split 3, which was never added", -1, NULL},
    {"a sink that says it took more", "count: 3000", "boast: true", ENGINE_DONE, NULL, 3000, NULL},
};

static void test_faults(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int t = 0; t < 2; t++) {
            char yaml[2048], name[32];
            struct error why = ERROR_INIT;
            snprintf(name, sizeof name, "row%zu", i);
            describe(yaml, sizeof yaml, types[t], name, rows[i].in, rows[i].out);
            int state = run(yaml, &why);
            if (state != rows[i].state)
                fprintf(stderr, "\n  %s (%s): %d %s\n", rows[i].name, types[t], state, why.text);
            CU_ASSERT_EQUAL(state, rows[i].state);
            CU_ASSERT_STRING_EQUAL(why.text, rows[i].why ? rows[i].why : "");
            if (rows[i].log)
                CU_ASSERT_PTR_NOT_NULL(strstr(content("log"), rows[i].log));
            if (rows[i].count >= 0)
                check_lines("out", rows[i].count, 0);
            drop("out");
            drop("log");
        }
}

static void test_stream_goes_on_within_a_line(void)
{
    for (int t = 0; t < 2; t++) {
        char yaml[2048];
        struct error why = ERROR_INIT;
        describe(yaml, sizeof yaml, types[t], "within",
                 "text: \"{\\\"n\\\":123456}\\n\", repeat: 4, retry_at: 17, piece: 17",
                 "accept: 0");
        CU_ASSERT_EQUAL(run(yaml, &why), ENGINE_DONE);
        CU_ASSERT_STRING_EQUAL(content("out"),
                               "{\"n\":123456}\n{\"n\":123456}\n{\"n\":123456}\n{\"n\":123456}\n");
        CU_ASSERT_PTR_NOT_NULL(strstr(content("log"), "assign s0 at 0\n"));
        drop("out");
        drop("log");
    }
}

static void test_lost_splits_are_read_again(void)
{
    char yaml[2048];
    struct error why = ERROR_INIT;
    describe(yaml, sizeof yaml, "mock", "again", "count: 300, splits: 3, lose_at: 450",
             "accept: 0");
    CU_ASSERT_EQUAL(run(yaml, &why), ENGINE_DONE);
    const char *text = content("out");
    int lines = 0;
    for (const char *at = text; *at; at++)
        lines += *at == '\n';
    CU_ASSERT(lines >= 900 + 450);
    CU_ASSERT_PTR_NOT_NULL(strstr(content("log"), "assign s2 at 0 anew\n"));
    drop("out");
    drop("log");
}

static const struct {
    const char *name, *yaml, *why;
    int state;
} refusals[] = {
    {"a connection that cannot be opened",
     "connections: { c: { type: %s, fatal: no such dir } }\n"
     "sources: { in: { type: %s, connection: c } }\n"
     "sinks: { out: { type: %s, inputs: in } }\n",
     "c: no such dir", ENGINE_FAILED},
    {"a connection that is retried",
     "connections: { c: { type: %s, retry_opens: 1 } }\n"
     "sources: { in: { type: %s, connection: c } }\n"
     "sinks: { out: { type: %s, inputs: in } }\n",
     "", ENGINE_DONE},
    {"a source that cannot be opened",
     "connections: { c: { type: %s } }\n"
     "sources: { in: { type: %s, fatal: no such topic } }\n"
     "sinks: { out: { type: %s, inputs: in } }\n",
     "in: no such topic", ENGINE_FAILED},
    {"retries are counted",
     "connections: { c: { type: %s } }\n"
     "sources: { in: { type: %s, retry_opens: 100,\n"
     "                 on_error: { retry: { max: 3, backoff: 1ms..1ms } } } }\n"
     "sinks: { out: { type: %s, inputs: in } }\n",
     "in: not yet", ENGINE_FAILED},
};

static void test_opening(void)
{
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        for (int t = 0; t < 2; t++) {
            char yaml[1024];
            struct error why = ERROR_INIT;
            int len = snprintf(yaml, sizeof yaml, "pipeline: open-%zu-%s\n", i, types[t]);
            const char *rest = refusals[i].yaml;
            for (; *rest; rest++)
                if (*rest == '%') {
                    len += snprintf(yaml + len, sizeof yaml - (size_t)len, "%s", types[t]);
                    rest++;
                } else {
                    yaml[len++] = *rest;
                }
            yaml[len] = '\0';
            CU_ASSERT_EQUAL(run(yaml, &why), refusals[i].state);
            CU_ASSERT_STRING_EQUAL(why.text, refusals[i].why);
        }
}

// Starts, waits until `ready` is in the log of `in`, stops; the state and how long it took.
static int stop_when(const char *yaml, const char *ready, struct error *why, int64_t *took_ms)
{
    struct pipeline p;
    struct engine *engine;
    int state = -1;
    if (!run_start(&p, &engine, yaml, why)) {
        for (int left = PATIENCE_MS; left > 0 && !strstr(content("log"), ready); left -= 5)
            engine_wait(engine, 5);
        int64_t since = clock_mono_ns(clock_system());
        engine_stop(engine);
        state = run_wait(engine, PATIENCE_MS);
        *took_ms = (clock_mono_ns(clock_system()) - since) / 1000000;
        if (state == ENGINE_FAILED)
            *why = *engine_error(engine);
    }
    engine_free(engine);
    pipeline_drop(&p);
    drop("log");
    drop("out");
    return state;
}

static const struct {
    const char *name, *in, *out, *ready, *why;
    int state;
    int64_t within_ms;
} stops[] = {
    {"while the source is opened again and again", "retry_opens: 1000000", "accept: 0",
     "open\nclose\nopen", "", ENGINE_DONE, 3000},
    {"while nothing comes", "count: 0, stay: true", "accept: 0", "assign", "", ENGINE_DONE, 3000},
    {"while the sink is opened again and again, and nothing is to be written",
     "count: 0, stay: true", "retry_opens: 1000000", "assign", "", ENGINE_DONE, 3000},
    {"while it is, and records wait", "count: 100, stay: true", "retry_opens: 1000000", "assign",
     "out: records are left that could not be written before the stop: not yet", ENGINE_FAILED,
     9000},
    {"behind a brake", "count: 100000, rate: 0.01", "accept: 0", "assign", "", ENGINE_DONE, 3000},
};

static void test_stop(void)
{
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++)
        for (int t = 0; t < 2; t++) {
            char yaml[2048], name[32];
            struct error why = ERROR_INIT;
            int64_t took = 0;
            snprintf(name, sizeof name, "stop%zu", i);
            describe(yaml, sizeof yaml, types[t], name, stops[i].in, stops[i].out);
            int state = stop_when(yaml, stops[i].ready, &why, &took);
            if (state != stops[i].state || took >= stops[i].within_ms)
                fprintf(stderr, "\n  %s (%s): %d after %lld ms: %s\n", stops[i].name, types[t],
                        state, (long long)took, why.text);
            CU_ASSERT_EQUAL(state, stops[i].state);
            CU_ASSERT_STRING_EQUAL(why.text, stops[i].why);
            CU_ASSERT(took < stops[i].within_ms);
        }
}

// A run that failed has to account for what it cut short as well: a record more or less than lies
// anywhere is noticed; of the node that failed, one that it has made up.
static void test_books_of_a_failure(void)
{
    for (int t = 0; t < 2; t++) {
        struct pipeline p;
        struct engine *engine;
        struct error why = ERROR_INIT, books = ERROR_INIT;
        char yaml[2048];
        describe(yaml, sizeof yaml, types[t], "books", "count: 50000", "fatal_at: 2500");
        CU_ASSERT_EQUAL_FATAL(run_start(&p, &engine, yaml, &why), 0);
        CU_ASSERT_EQUAL_FATAL(run_wait(engine, PATIENCE_MS), ENGINE_FAILED);
        CU_ASSERT_EQUAL(engine_account(engine, &books), 0);
        struct node_stats *in = &engine->lanes[0]->nodes[0].stats;
        struct node_stats *out = &engine->lanes[0]->nodes[1].stats;
        CU_ASSERT(stat_get(&out->in) >= stat_get(&out->out));
        stat_set(&in->in, stat_get(&in->in) - 1);
        CU_ASSERT_EQUAL(engine_account(engine, &books), ERR_BUG);
        CU_ASSERT_PTR_NOT_NULL(strstr(books.text, "in cannot account for its records"));
        stat_set(&in->in, stat_get(&in->in) + 2);
        CU_ASSERT_EQUAL(engine_account(engine, &books), ERR_BUG);
        stat_set(&in->in, stat_get(&in->in) - 1);
        CU_ASSERT_EQUAL(engine_account(engine, &books), 0);
        stat_set(&out->out, stat_get(&out->in) + 1);
        CU_ASSERT_EQUAL(engine_account(engine, &books), ERR_BUG);
        CU_ASSERT_PTR_NOT_NULL(strstr(books.text, "out cannot account for its records"));
        engine_free(engine);
        pipeline_drop(&p);
    }
}

static CU_TestInfo cases[] = {
    {"faults", test_faults},
    {"a stream goes on within a line", test_stream_goes_on_within_a_line},
    {"lost splits are read again", test_lost_splits_are_read_again},
    {"opening", test_opening},
    {"stopping", test_stop},
    {"the books of a failure", test_books_of_a_failure},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN({"faults", run_dir_make, run_dir_drop, NULL, NULL, cases})
