// SPDX-License-Identifier: MIT
#define PIPELINE_PLUGINS PLUGINS
#include "run.h"

// The built-in plugins with their threads, rings and lent bytes, in the engine itself: what the
// sanitizers are to see.

enum { RECORDS = 30000 };

static struct {
    const char *name, *nodes;
    int node; // whose `out` is looked at; -1: no other
    uint64_t out;
} const steps[] = {
    {"generator to file",
     "sources: { in: { type: generator, count: 30000, seed: 5, fields: { k: { choice: [a, b, c] "
     "},\n"
     "                 n: { int: [0, 999] }, ts: { sequence: { start: 0, step: 10 } } } } }\n"
     "sinks: { out: { type: file, inputs: in, path: DIR/in } }\n",
     1, RECORDS},
    {"file to script to file",
     "sources: { in: { type: file, path: DIR/in } }\n"
     "operators: { m: { type: map, inputs: in,\n"
     "                  lua: 'return function(r) r.m = r.n + 1 return r end' } }\n"
     "sinks: { out: { type: file, inputs: m, path: DIR/mapped }, too: { type: null, inputs: m } "
     "}\n",
     2, RECORDS},
    {"file to aggregate to file, with dead letters",
     "sources: { in: { type: file, path: DIR/in, on_error: { dlq: dead },\n"
     "                 event_time: { field: ts }, watermark: { out_of_order: 1s } } }\n"
     "operators:\n"
     "  odd: { type: map, inputs: in, on_error: { dlq: dead },\n"
     "         lua: 'return function(r) if r.n % 2 == 0 then error(\"even\") end return r end' }\n"
     "  sum: { type: aggregate, inputs: odd, key_by: k, window: { tumbling: 10s },\n"
     "         compute: { c: count(), total: sum(n) } }\n"
     "sinks: { out: { type: file, inputs: sum, path: DIR/sums },\n"
     "         dead: { type: file, path: DIR/dead } }\n",
     -1, 0},
    {"file to log",
     "connections: { main: { type: log, dir: DIR/log } }\n"
     "sources: { in: { type: file, path: DIR/in } }\n"
     "sinks: { out: { type: topic, connection: main, topic: t, key: '{k}', partitions: 3,\n"
     "                inputs: in } }\n",
     1, RECORDS},
    {"log to file",
     "connections: { main: { type: log, dir: DIR/log } }\n"
     "checkpoint: 10ms\n"
     "sources: { in: { type: topic, connection: main, topic: t, until: latest } }\n"
     "sinks: { out: { type: file, inputs: in, path: DIR/out } }\n",
     1, RECORDS},
    {"two sources, one behind a brake",
     "checkpoint: 10ms\n"
     "sources: { a: { type: file, path: DIR/in },\n"
     "           b: { type: generator, count: 100, rate: 1000, fields: { n: { int: [0, 9] } } } }\n"
     "operators: { f: { type: filter, inputs: [a, b], when: 'n >= 0' } }\n"
     "sinks: { out: { type: file, inputs: f, path: DIR/both } }\n",
     3, RECORDS + 100},
};

// `DIR` becomes the directory of this test.
static void fill_in(const char *text, char *out, size_t cap)
{
    size_t len = 0;
    while (*text && len + 80 < cap) {
        if (!strncmp(text, "DIR", 3)) {
            len += (size_t)snprintf(out + len, cap - len, "%s", run_dir);
            text += 3;
        } else {
            out[len++] = *text++;
        }
    }
    out[len] = '\0';
}

static void test_paths(void)
{
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        char yaml[4096] = "pipeline: t\n";
        size_t head = strlen(yaml);
        struct error why = ERROR_INIT;
        fill_in(steps[i].nodes, yaml + head, sizeof yaml - head);
        int state = run(yaml, &why);
        CU_ASSERT_EQUAL(state, ENGINE_DONE);
        if (state != ENGINE_DONE)
            fprintf(stderr, "\n  %s: %d %s\n", steps[i].name, state, why.text);
        if (steps[i].node >= 0)
            CU_ASSERT_EQUAL(run_nodes[steps[i].node].out, steps[i].out);
    }
}

static int remove_all(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", run_dir);
    return system(command);
}

static CU_TestInfo cases[] = {
    {"paths", test_paths},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN({"paths", run_dir_make, remove_all, NULL, NULL, cases})
