// SPDX-License-Identifier: MIT
#define MORE_PLUGINS PLUGINS
#include "engine/crew.h"
#include "run.h"

// Fewer workers than lanes: lanes move from one worker to another as they run. Each key keeps its
// order meanwhile, nothing comes to a standstill, and scripts that do not end are interrupted
// wherever they run.

enum { WORKERS = 2, LANES = 7, TRIES = 20 };

static int run_with(struct crew *crew, const char *yaml, struct error *why)
{
    struct pipeline p;
    struct engine *engine = NULL;
    int state = -1, rc = pipeline_load(&p, yaml);
    struct engine_config config = {.topology = p.topology,
                                   .registry = p.registry,
                                   .clock = clock_system(),
                                   .has_plugins = true,
                                   .lanes = LANES,
                                   .crew = crew,
                                   .link_slots = 2};
    rc = rc ? rc : engine_new(&engine, &config, &p.problems);
    rc = rc ? rc : engine_start(engine, why);
    pipeline_show(&p);
    if (!rc)
        state = run_wait(engine, PATIENCE_MS);
    if (!rc)
        run_keep_status(engine);
    if (state == ENGINE_DONE && engine_account(engine, why))
        state = -1;
    engine_free(engine);
    pipeline_drop(&p);
    return state;
}

static void check_order(int count)
{
    long last[100] = {0};
    int lines = 0;
    for (const char *at = content("out"); (at = strstr(at, "\"k\":")); lines++) {
        int k = atoi(at + 4);
        const char *value = strstr(at, "\"i\":");
        CU_ASSERT_FATAL(value && k >= 0 && k < 100);
        CU_ASSERT_FATAL(atol(value + 4) > last[k]);
        last[k] = atol(value + 4);
        at = value;
    }
    CU_ASSERT_EQUAL(lines, count);
    drop("out");
}

static void test_lanes_move_and_keys_keep_their_order(void)
{
    struct crew *crew;
    struct error why = ERROR_INIT;
    CU_ASSERT_EQUAL_FATAL(crew_new(&crew, clock_system(), WORKERS, &why), 0);
    for (int i = 0; i < TRIES && (i < 4 || !crew_moves(crew)); i++) {
        char yaml[1024], out[128];
        path_of("out", out);
        // Every other time nearly all records are one lane's, and the sink is slow.
        snprintf(yaml, sizeof yaml,
                 "pipeline: p\n"
                 "sources: { in: { type: generator, count: 10000,\n"
                 "                 fields: { k: { int: [0, %d] }, i: { sequence: 1 } } } }\n"
                 "operators: { a: { type: aggregate, inputs: in, key_by: k, window: { count: 1 },\n"
                 "                  compute: { i: max(i) } } }\n"
                 "sinks: { out: { type: mock, inputs: a, path: %s, accept: %d } }\n",
                 i % 2 ? 1 : 99, out, i % 2 ? 7 : 1000);
        CU_ASSERT_EQUAL_FATAL(run_with(crew, yaml, &why), ENGINE_DONE);
        check_order(10000);
    }
    CU_ASSERT(crew_moves(crew) > 0);
    crew_free(crew);
}

static void test_scripts_are_interrupted_wherever_they_run(void)
{
    struct crew *crew;
    struct error why = ERROR_INIT;
    CU_ASSERT_EQUAL_FATAL(crew_new(&crew, clock_system(), WORKERS, &why), 0);
    int state = run_with(crew,
                         "pipeline: p\n"
                         "sources: { in: { type: generator, count: 8000, splits: 7,\n"
                         "                 fields: { i: { sequence: 1 } } } }\n"
                         "operators:\n"
                         "  m: { type: map, inputs: in, on_error: skip, limits: { time: 20ms },\n"
                         "       lua: 'return function(r) while r.i % 800 == 0 do end return r "
                         "end' }\n"
                         "sinks: { out: { type: \"null\", inputs: m } }\n",
                         &why);
    CU_ASSERT_EQUAL(state, ENGINE_DONE);
    CU_ASSERT_EQUAL(run_nodes[1].in, 8000);
    CU_ASSERT_EQUAL(run_nodes[1].failed, 10);
    crew_free(crew);
}

static CU_TestInfo cases[] = {
    {"lanes move and keys keep their order", test_lanes_move_and_keys_keep_their_order},
    {"scripts are interrupted wherever they run", test_scripts_are_interrupted_wherever_they_run},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN({"crew", run_dir_make, run_dir_drop, NULL, NULL, cases})
