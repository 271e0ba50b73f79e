// SPDX-License-Identifier: MIT
#include "engine/unheeded.h"
#include "engine/engine.h"
#include "pipeline.h"
#include <string.h>

static const struct {
    const char *yaml, *want; // NULL: no warning
} rows[] = {
    {"checkpoint: 2s\n", NULL},
    {"parallelism: auto\n", NULL},
    {"parallelism: 1\n", NULL},
    {"delivery: at_least_once\n", NULL},
    {"parallelism: 3\n",
     "parallelism: this pipeline can use one lane only: it has no `key_by` and no source of "
     "several splits"},
    {"limits: { memory: 1GiB }\n", NULL},
    {"delivery: exactly_once\n", "delivery: without `checkpoint:` nothing is exactly once"},
    {"restart: { max: 3 }\n", "restart: without `checkpoint:` there is nothing to go on from"},
    {"restart: false\n", NULL},
    {"delivery: exactly_once\ncheckpoint: { every: 1s, keep: 2 }\n", NULL},
};

static void test_who_asks_is_told(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pipeline p;
        char yaml[512];
        snprintf(yaml, sizeof yaml,
                 "pipeline: t\n%ssources: { in: { type: mock } }\n"
                 "sinks: { out: { type: mock, inputs: in } }\n",
                 rows[i].yaml);
        CU_ASSERT_EQUAL_FATAL(pipeline_load(&p, yaml), 0);
        struct engine *engine = NULL;
        struct engine_config config = {
            .topology = p.topology, .registry = p.registry, .clock = clock_system()};
        CU_ASSERT_EQUAL(engine_new(&engine, &config, &p.problems), 0);
        CU_ASSERT_EQUAL(p.problems.errors, 0);
        CU_ASSERT_EQUAL_FATAL(p.problems.count, rows[i].want ? 1 : 0);
        if (rows[i].want) {
            CU_ASSERT_STRING_EQUAL(p.problems.items[0].text, rows[i].want);
            CU_ASSERT_EQUAL(p.problems.items[0].place.line, 2);
        }
        engine_free(engine);
        pipeline_drop(&p);
    }
}

// `limits: { key }` of an operator that keeps nothing by key in cells.
static void test_a_key_limit_is_for_a_process(void)
{
    static const struct {
        const char *limits, *defaults;
        uint32_t warnings;
    } limits[] = {{"", "", 0},
                  {", limits: { key: 1MiB }", "", 1},
                  {", limits: { state: 1MiB }", "", 0},
                  {"", "defaults: { operators: { limits: { key: 1MiB } } }\n", 0}};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct pipeline p;
        char yaml[1024];
        snprintf(yaml, sizeof yaml,
                 "pipeline: t\n%s"
                 "sources: { in: { type: mock } }\n"
                 "operators:\n"
                 "  keeps: { type: process, inputs: in, key_by: a, lua: \"return { on_record = "
                 "function(r, "
                 "ctx) ctx.emit(r) end }\", limits: { memory: 1MiB } }\n"
                 "  once: { type: dedup, inputs: keeps, key_by: a, time: processing, within: 1h%s "
                 "}\n"
                 "sinks: { out: { type: mock, inputs: once } }\n",
                 limits[i].defaults, limits[i].limits);
        CU_ASSERT_EQUAL_FATAL(pipeline_load(&p, yaml), 0);
        struct engine *engine = NULL;
        struct engine_config config = {
            .topology = p.topology, .registry = p.registry, .clock = clock_system()};
        CU_ASSERT_EQUAL(engine_new(&engine, &config, &p.problems), 0);
        CU_ASSERT_EQUAL_FATAL(p.problems.count, limits[i].warnings);
        if (limits[i].warnings) {
            CU_ASSERT_STRING_EQUAL(
                p.problems.items[0].text,
                "once: limits.key has no effect: only a process has a limit for each key");
            CU_ASSERT_EQUAL(p.problems.items[0].place.line, 5);
        }
        engine_free(engine);
        pipeline_drop(&p);
    }
}

static CU_TestInfo cases[] = {
    {"a limit of each key is for a process", test_a_key_limit_is_for_a_process},
    {"who asks for what is not there is told", test_who_asks_is_told},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("unheeded", cases))
