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

static CU_TestInfo cases[] = {
    {"who asks for what is not there is told", test_who_asks_is_told},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("unheeded", cases))
