// SPDX-License-Identifier: MIT
#define MORE_PLUGINS PLUGINS
#include "run.h"

// Whole runs in several lanes, each stepped by a worker of its own: what comes out does not depend
// on their number, keys keep their order, and nothing comes to a standstill, however small the
// links between them, however skewed the keys, however slow the sinks.

enum { SORTED_MAX = 20000 };

static const uint32_t lane_counts[] = {1, 2, 3, 7, 8};

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

// The hash of a file's lines, sorted.
static uint64_t sorted_hash(const char *name, int *count)
{
    static char text[1 << 20], *lines[SORTED_MAX];
    int n = 0;
    uint64_t hash = 0;
    snprintf(text, sizeof text, "%s", content(name));
    for (char *line = strtok(text, "\n"); line && n < SORTED_MAX; line = strtok(NULL, "\n"))
        lines[n++] = line;
    qsort(lines, (size_t)n, sizeof *lines, by_text);
    for (int i = 0; i < n; i++)
        for (const char *at = lines[i]; *at; at++)
            hash = (hash ^ (unsigned char)*at) * 0x100000001b3u;
    *count = n;
    return hash;
}

static int run_in(uint32_t lanes, uint32_t slots, const char *yaml, struct error *why)
{
    run_lanes = lanes;
    run_slots = slots;
    int state = run(yaml, why);
    run_lanes = run_slots = 0;
    return state;
}

// The same in all numbers of lanes; how many lines it is.
static int same_in_all(const char *yaml)
{
    uint64_t first = 0;
    int lines = 0;
    for (size_t i = 0; i < sizeof lane_counts / sizeof *lane_counts; i++) {
        struct error why = ERROR_INIT;
        int count;
        CU_ASSERT_EQUAL_FATAL(run_in(lane_counts[i], i % 2 ? 2 : 0, yaml, &why), ENGINE_DONE);
        uint64_t hash = sorted_hash("out", &count);
        drop("out");
        CU_ASSERT(count > 0);
        if (i == 0) {
            first = hash;
            lines = count;
        }
        if (hash != first)
            fprintf(stderr, "\n%u lanes differ from one in:\n%s", lane_counts[i], yaml);
        CU_ASSERT_EQUAL(hash, first);
        CU_ASSERT_EQUAL(count, lines);
    }
    return lines;
}

static void test_results_do_not_depend_on_lanes(void)
{
    static const struct {
        int splits, keys, seed;
        const char *source, *operators;
    } rows[] = {
        {1, 300, 1, "", ""},
        {5, 300, 2, "", ""},
        {5, 1, 3, "", ""}, // all in one lane
        {8, 3, 4, "", ""},
        {4, 300, 5, "", "parallelism: 2, "},
        {4, 300, 6, "", "limits: { state: 64MiB }, "},
        {3, 50, 7, "rate: 200000, ", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char yaml[2048], out[128];
        path_of("out", out);
        snprintf(yaml, sizeof yaml,
                 "pipeline: p\n"
                 "sources:\n"
                 "  in: { type: generator, count: 30000, splits: %d, seed: %d, time: ts,\n"
                 "        event_time: record, watermark: { out_of_order: 500ms }, %s\n"
                 "        fields: { k: \"k{1..%d}\", v: { int: [0, 1000] },\n"
                 "                  ts: { sequence: { start: 0, step: 3, jitter: 400 } } } }\n"
                 "operators:\n"
                 "  f: { type: filter, inputs: in, when: v > 100 }\n"
                 "  m: { type: map, inputs: f, %s lua: 'return function(r) r.w = { r.v } r.v = r.v "
                 "* 2 return r end' }\n"
                 "  a: { type: aggregate, inputs: m, %s key_by: k, window: { tumbling: 10s },\n"
                 "       compute: { n: count(), s: sum(v), m: max(v) } }\n"
                 "  late: { type: map, inputs: a, lua: 'return function(r) return r end' }\n"
                 "  b: { type: aggregate, inputs: late, window: { tumbling: 20s },\n"
                 "       compute: { n: sum(n), s: sum(s) } }\n"
                 "sinks: { out: { type: mock, inputs: [a, b], path: %s, accept: 50 } }\n",
                 rows[i].splits, rows[i].seed, rows[i].source, rows[i].keys, rows[i].operators,
                 rows[i].operators, out);
        CU_ASSERT(same_in_all(yaml) >= rows[i].keys * 9);
        CU_ASSERT_EQUAL(run_nodes[0].out, 30000);
    }
}

// Records of one split and key come out in their order.
static void test_keys_keep_their_order(void)
{
    for (size_t i = 0; i < sizeof lane_counts / sizeof *lane_counts; i++) {
        char yaml[1024], out[128];
        struct error why = ERROR_INIT;
        long last[100] = {0}, lines = 0;
        path_of("out", out);
        snprintf(yaml, sizeof yaml,
                 "pipeline: p\n"
                 "sources: { in: { type: generator, count: 10000,\n"
                 "                 fields: { k: { int: [0, 99] }, i: { sequence: 1 } } } }\n"
                 "operators: { a: { type: aggregate, inputs: in, key_by: k, window: { count: 1 },\n"
                 "                  compute: { i: max(i) } } }\n"
                 "sinks: { out: { type: mock, inputs: a, path: %s } }\n",
                 out);
        CU_ASSERT_EQUAL(run_in(lane_counts[i], 2, yaml, &why), ENGINE_DONE);
        for (const char *at = content("out"); (at = strstr(at, "\"k\":")); lines++) {
            int k = atoi(at + 4);
            const char *value = strstr(at, "\"i\":");
            CU_ASSERT_FATAL(value && k >= 0 && k < 100);
            CU_ASSERT_FATAL(atol(value + 4) > last[k]);
            last[k] = atol(value + 4);
            at = value;
        }
        CU_ASSERT_EQUAL(lines, 10000);
        drop("out");
    }
}

// The records that are without a key are told of by the operator, not lost on the way.
static void test_records_without_a_key(void)
{
    for (size_t i = 0; i < sizeof lane_counts / sizeof *lane_counts; i++) {
        struct error why = ERROR_INIT;
        CU_ASSERT_EQUAL(
            run_in(lane_counts[i], 0,
                   "pipeline: p\n"
                   "sources: { in: { type: generator, count: 5000, splits: 4, fields:\n"
                   "           { k: { choice: [1, a, null] }, i: { sequence: 1 } } } }\n"
                   "operators:\n"
                   "  m: { type: map, inputs: in, lua: 'return function(r) if r.i % 5 == 0 then "
                   "r.k = nil elseif r.i % 5 == 1 then r.k = { 1 } end return r end' }\n"
                   "  a: { type: aggregate, inputs: m, key_by: k, window: { global: true },\n"
                   "       compute: { n: count() }, on_error: { dlq: dead } }\n"
                   "sinks: { out: { type: mock, inputs: a }, dead: { type: mock } }\n",
                   &why),
            ENGINE_DONE);
        CU_ASSERT_EQUAL(run_nodes[2].failed, 2000);
        CU_ASSERT_EQUAL(run_nodes[2].absorbed, 3000);
        CU_ASSERT_EQUAL(run_nodes[4].in, 2000);
    }
}

static void test_an_error_in_any_lane_ends_all(void)
{
    for (size_t i = 0; i < sizeof lane_counts / sizeof *lane_counts; i++) {
        struct error why = ERROR_INIT;
        CU_ASSERT_EQUAL(
            run_in(lane_counts[i], 2,
                   "pipeline: p\n"
                   "sources: { in: { type: generator, splits: 8, fields:\n"
                   "           { k: { int: [0, 99] }, i: { sequence: 1 } } } }\n"
                   "operators:\n"
                   "  a: { type: aggregate, inputs: in, key_by: k, window: { count: 1 },\n"
                   "       compute: { i: max(i) } }\n"
                   "  m: { type: map, inputs: a, lua: 'return function(r) if r.i == 20005 then "
                   "error(\"that is it\") end return r end' }\n"
                   "sinks: { out: { type: mock, inputs: m } }\n",
                   &why),
            ENGINE_FAILED);
        CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "that is it"));
    }
}

static void test_a_sink_that_breaks(void)
{
    for (size_t i = 0; i < sizeof lane_counts / sizeof *lane_counts; i++) {
        char yaml[1024];
        struct error why = ERROR_INIT;
        snprintf(yaml, sizeof yaml,
                 "pipeline: p\n"
                 "sources: { in: { type: mock_thread, splits: 5, count: 100000 } }\n"
                 "operators: { a: { type: aggregate, inputs: in, key_by: n,\n"
                 "  window: { count: 1 }, compute: { i: max(n) } } }\n"
                 "sinks: { broken%zu: { type: mock_thread, inputs: a, fatal_at: 2000 } }\n",
                 i);
        CU_ASSERT_EQUAL(run_in(lane_counts[i], 2, yaml, &why), ENGINE_FAILED);
        CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "broken"));
    }
}

// Everything that was read is written; the books are balanced while no lane runs any more.
static void test_draining_under_load(void)
{
    for (size_t i = 0; i < sizeof lane_counts / sizeof *lane_counts; i++) {
        struct pipeline p;
        struct engine *engine;
        struct error why = ERROR_INIT;
        run_lanes = lane_counts[i];
        run_slots = 2;
        CU_ASSERT_EQUAL_FATAL(
            run_start(&p, &engine,
                      "pipeline: p\n"
                      "sources: { in: { type: generator, splits: 7, fields:\n"
                      "           { k: { int: [0, 9] }, i: { sequence: 1 } } } }\n"
                      "operators: { a: { type: aggregate, inputs: in, key_by: k,\n"
                      "             window: { count: 1 }, compute: { i: max(i) } } }\n"
                      "sinks: { out: { type: mock, inputs: a, accept: 200, every: 2 } }\n",
                      &why),
            0);
        run_lanes = run_slots = 0;
        for (uint64_t out = 0, left = PATIENCE_MS / 5; out < 20000 && left > 0; left--) {
            engine_wait(engine, 5);
            run_keep_status(engine);
            out = run_nodes[2].out;
        }
        engine_stop(engine);
        CU_ASSERT_EQUAL(run_wait(engine, PATIENCE_MS), ENGINE_DONE);
        run_keep_status(engine);
        CU_ASSERT(run_nodes[2].out >= 20000);
        CU_ASSERT_EQUAL(run_nodes[0].in, run_nodes[2].out);
        CU_ASSERT_EQUAL(run_nodes[1].in_flight, 0);
        CU_ASSERT_EQUAL(engine_account(engine, &why), 0);
        engine_free(engine);
        pipeline_drop(&p);
    }
}

// Barriers go through the exchange, through tiny links, to slow sinks.
static void test_acknowledgements(void)
{
    for (size_t i = 0; i < 2 * sizeof lane_counts / sizeof *lane_counts; i++) {
        char yaml[1024], log[128];
        struct error why = ERROR_INIT;
        const char *suffix = i % 2 ? "_thread" : "";
        path_of("log", log);
        snprintf(yaml, sizeof yaml,
                 "pipeline: acks\ncheckpoint: 10ms\n"
                 "sources:\n"
                 "  in: { type: mock%s, count: 2000, splits: 5, rate: 100000, log: %s }\n"
                 "  too: { type: mock%s, count: 1000, splits: 2 }\n"
                 "operators:\n"
                 "  a: { type: aggregate, inputs: [in, too], key_by: n, window: { count: 1 },\n"
                 "       compute: { m: max(n) } }\n"
                 "  b: { type: aggregate, inputs: a, key_by: m, window: { count: 1 },\n"
                 "       compute: { q: max(m) } }\n"
                 "sinks: { out: { type: mock%s, inputs: [b, in], accept: 100, every: 3 } }\n",
                 suffix, log, suffix, suffix);
        CU_ASSERT_EQUAL(run_in(lane_counts[i / 2], 2, yaml, &why), ENGINE_DONE);
        CU_ASSERT_STRING_EQUAL(why.text, "");
        CU_ASSERT_EQUAL(run_nodes[4].out, 2000 * 5 * 2 + 1000 * 2);
        const char *text = content("log");
        if (!strstr(text, "ack 10000\nclose\n"))
            fprintf(stderr, "\n%u lanes%s: ...%s", lane_counts[i / 2], suffix,
                    strlen(text) > 400 ? text + strlen(text) - 400 : text);
        CU_ASSERT_PTR_NOT_NULL(strstr(text, "ack 10000\nclose\n"));
        drop("log");
    }
}

// In turn: everything comes, in whatever order.
static void test_rebalance(void)
{
    for (size_t i = 0; i < sizeof lane_counts / sizeof *lane_counts; i++) {
        struct error why = ERROR_INIT;
        CU_ASSERT_EQUAL(
            run_in(
                lane_counts[i], 2,
                "pipeline: p\n"
                "sources: { in: { type: generator, count: 50000, fields: { i: { sequence: 1 } },\n"
                "           watermark: { out_of_order: 0s } } }\n"
                "operators: { m: { type: filter, inputs: in, rebalance: true, when: i % 2 == 0 } "
                "}\n"
                "sinks: { out: { type: mock, inputs: m } }\n",
                &why),
            ENGINE_DONE);
        CU_ASSERT_EQUAL(run_nodes[1].in, 50000);
        CU_ASSERT_EQUAL(run_nodes[1].lanes, lane_counts[i]);
        CU_ASSERT_EQUAL(run_nodes[2].out, 25000);
    }
}

static CU_TestInfo cases[] = {
    {"results do not depend on lanes", test_results_do_not_depend_on_lanes},
    {"keys keep their order", test_keys_keep_their_order},
    {"records without a key", test_records_without_a_key},
    {"an error in any lane ends all", test_an_error_in_any_lane_ends_all},
    {"a sink that breaks", test_a_sink_that_breaks},
    {"draining under load", test_draining_under_load},
    {"acknowledgements", test_acknowledgements},
    {"rebalance", test_rebalance},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN({"lanes", run_dir_make, run_dir_drop, NULL, NULL, cases})
