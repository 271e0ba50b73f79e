// SPDX-License-Identifier: MIT
#include "run.h"
#include <dirent.h>
#include <signal.h>

// Whole runs: every record arrives once, in order, or is explained.

static void run_to_file(const char *source, const char *sink, const char *name)
{
    char yaml[1024], path[128];
    struct error why = ERROR_INIT;
    path_of(name, path);
    snprintf(yaml, sizeof yaml,
             "pipeline: t\n"
             "sources: { in: { type: mock, %s } }\n"
             "sinks: { out: { type: mock, inputs: in, path: %s, %s } }\n",
             source, path, sink);
    CU_ASSERT_EQUAL(run(yaml, &why), ENGINE_DONE);
    CU_ASSERT_STRING_EQUAL(why.text, "");
}

static void test_straight(void)
{
    run_to_file("count: 5000", "accept: 0", "straight");
    check_lines("straight", 5000, 0);
}

static void test_nothing(void)
{
    run_to_file("count: 0", "accept: 0", "nothing");
    check_lines("nothing", 0, 0);
}

static void test_slow_source(void)
{
    run_to_file("count: 3000, every: 7", "accept: 0", "slow");
    check_lines("slow", 3000, 0);
}

static void test_sink_takes_one_at_a_time(void)
{
    run_to_file("count: 3000", "accept: 1", "one");
    check_lines("one", 3000, 0);
}

static void test_stuttering_sink(void)
{
    run_to_file("count: 2500, every: 2", "accept: 13, every: 3", "stutter");
    check_lines("stutter", 2500, 0);
}

static void test_open_again(void)
{
    run_to_file("count: 10, retry_opens: 2, on_error: { retry: { backoff: 1ms..2ms } }",
                "accept: 0", "again");
    check_lines("again", 10, 0);
}

static void test_fatal_open(void)
{
    struct error why = ERROR_INIT;
    CU_ASSERT_EQUAL(run("pipeline: t\n"
                        "sources: { in: { type: mock } }\n"
                        "sinks: { out: { type: mock, inputs: in, fatal: no such table } }\n",
                        &why),
                    ENGINE_FAILED);
    CU_ASSERT_STRING_EQUAL(why.text, "out: no such table");
}

static void test_refused_records_are_lettered(void)
{
    char yaml[1024], good[128], bad[128];
    struct error why = ERROR_INIT;
    path_of("good", good);
    path_of("bad", bad);
    snprintf(yaml, sizeof yaml,
             "pipeline: t\n"
             "sources: { in: { type: mock, count: 3000 } }\n"
             "sinks:\n"
             "  out: { type: mock, inputs: in, path: %s, refuse_every: 3, accept: 100,\n"
             "         on_error: { dlq: letters } }\n"
             "  letters: { type: mock, path: %s }\n",
             good, bad);
    CU_ASSERT_EQUAL(run(yaml, &why), ENGINE_DONE);
    CU_ASSERT_STRING_EQUAL(why.text, "");
    check_lines("good", 3000, 3);
    FILE *file = fopen(bad, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    char line[64], want[64];
    for (int n = 2; n < 3000; n += 3) {
        snprintf(want, sizeof want, "{\"n\":%d}\n", n);
        CU_ASSERT_PTR_NOT_NULL_FATAL(fgets(line, sizeof line, file));
        CU_ASSERT_STRING_EQUAL_FATAL(line, want);
    }
    CU_ASSERT_PTR_NULL(fgets(line, sizeof line, file));
    fclose(file);
    unlink(bad);
}

static void test_refusal_stops_by_default(void)
{
    struct error why = ERROR_INIT;
    CU_ASSERT_EQUAL(run("pipeline: t\n"
                        "sources: { in: { type: mock } }\n"
                        "sinks: { out: { type: mock, inputs: in, refuse_every: 5 } }\n",
                        &why),
                    ENGINE_FAILED);
    CU_ASSERT_STRING_EQUAL(why.text, "out: record 5 is refused");
}

static void test_what_came_before_a_stop_is_written(void)
{
    char yaml[1024], path[128];
    struct error why = ERROR_INIT;
    path_of("before", path);
    snprintf(yaml, sizeof yaml,
             "pipeline: t\n"
             "sources: { in: { type: mock, count: 5000 } }\n"
             "operators:\n"
             "  m: { type: map, inputs: in, lua: 'return function(r) if r.n == 1500 then "
             "error(\"no\") end return r end' }\n"
             "sinks: { out: { type: mock, inputs: m, accept: 7, path: %s } }\n",
             path);
    CU_ASSERT_EQUAL(run(yaml, &why), ENGINE_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "m: "));
    check_lines("before", 1500, 0);
}

static void test_drain_has_an_end(void)
{
    struct pipeline p;
    struct engine *engine;
    struct error why = ERROR_INIT;
    CU_ASSERT_EQUAL(run_start(&p, &engine,
                              "pipeline: t\n"
                              "drain: 200ms\n"
                              "sources: { in: { type: mock, count: 1000000000 } }\n"
                              "sinks: { out: { type: mock, inputs: in, accept: 1, every: "
                              "1000000000 } }\n",
                              &why),
                    0);
    memset(run_nodes, 0, sizeof run_nodes);
    for (int left = PATIENCE_MS; left > 0 && !run_nodes[0].out; left -= 5) {
        engine_wait(engine, 5);
        run_keep_status(engine);
    }
    engine_stop(engine);
    CU_ASSERT_EQUAL(run_wait(engine, PATIENCE_MS), ENGINE_FAILED);
    CU_ASSERT_STRING_EQUAL(
        engine_error(engine)->text,
        "out: not all that was in flight could be written within `drain: 200ms`");
    engine_free(engine);
    pipeline_drop(&p);
}

static void test_fan_out(void)
{
    char yaml[1024], a[128], b[128];
    struct error why = ERROR_INIT;
    path_of("a", a);
    path_of("b", b);
    snprintf(yaml, sizeof yaml,
             "pipeline: t\n"
             "sources: { in: { type: mock, count: 4000 } }\n"
             "sinks:\n"
             "  a: { type: mock, inputs: in, path: %s, accept: 17 }\n"
             "  b: { type: mock, inputs: in, path: %s, every: 2 }\n",
             a, b);
    CU_ASSERT_EQUAL(run(yaml, &why), ENGINE_DONE);
    check_lines("a", 4000, 0);
    check_lines("b", 4000, 0);
}

static void test_stop_drains(void)
{
    struct pipeline p;
    struct engine *engine = NULL;
    struct error err = ERROR_INIT;
    CU_ASSERT_EQUAL_FATAL(pipeline_load(&p, "pipeline: t\n"
                                            "sources: { in: { type: mock, count: 1000000000 } }\n"
                                            "sinks: { out: { type: mock, inputs: in } }\n"),
                          0);
    struct engine_config config = {.topology = p.topology,
                                   .registry = p.registry,
                                   .clock = clock_system(),
                                   .has_plugins = true};
    CU_ASSERT_EQUAL_FATAL(engine_new(&engine, &config, &p.problems), 0);
    CU_ASSERT_EQUAL_FATAL(engine_start(engine, &err), 0);
    struct engine_status status = {0};
    uint64_t written = 0;
    for (int left = PATIENCE_MS; left > 0 && !written; left -= 5) {
        engine_wait(engine, 5);
        CU_ASSERT_EQUAL_FATAL(engine_status(engine, &status), 0);
        written = status.nodes[1].out;
        engine_status_free(&status);
    }
    CU_ASSERT_TRUE(written > 0);
    engine_stop(engine);
    enum engine_state state = ENGINE_RUNNING;
    for (int left = PATIENCE_MS; left > 0 && state == ENGINE_RUNNING; left -= 10)
        state = engine_wait(engine, 10);
    CU_ASSERT_EQUAL(state, ENGINE_DONE);
    CU_ASSERT_EQUAL_FATAL(engine_status(engine, &status), 0);
    CU_ASSERT_EQUAL(status.nodes[0].out, status.nodes[1].in); // all that was read was written
    CU_ASSERT_EQUAL(status.nodes[1].in, status.nodes[1].out);
    engine_status_free(&status);
    CU_ASSERT_EQUAL(engine_account(engine, &err), 0);
    engine_free(engine);
    pipeline_drop(&p);
}

// Which of SIGHUP, SIGINT and SIGTERM (as bits of SigBlk) a thread of that name does not block;
// -1: there is none.
static int64_t open_signals(const char *name)
{
    const uint64_t stops = 0x4003;
    int64_t open = -1;
    DIR *tasks = opendir("/proc/self/task");
    CU_ASSERT_PTR_NOT_NULL_FATAL(tasks);
    for (struct dirent *task; (task = readdir(tasks));) {
        char path[300], line[128], comm[64] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/status", task->d_name);
        FILE *file = task->d_name[0] == '.' ? NULL : fopen(path, "r");
        while (file && fgets(line, sizeof line, file)) {
            sscanf(line, "Name: %63s", comm);
            if (!strncmp(line, "SigBlk:", 7) && !strcmp(comm, name))
                open = (int64_t)(stops & ~strtoull(line + 7, NULL, 16));
        }
        if (file)
            fclose(file);
    }
    closedir(tasks);
    return open;
}

// SIGINT and its like are the main thread's.
static void test_threads_block_signals(void)
{
    static const char *const names[] = {"worker", "src", "snk"};
    struct pipeline p;
    struct engine *engine;
    struct error why = ERROR_INIT;
    CU_ASSERT_EQUAL_FATAL(run_start(&p, &engine,
                                    "pipeline: t\n"
                                    "sources: { src: { type: mock_thread, stay: true } }\n"
                                    "sinks: { snk: { type: mock_thread, inputs: src } }\n",
                                    &why),
                          0);
    for (int i = 0; i < 3; i++) {
        int64_t open = -1;
        for (int left = PATIENCE_MS; left > 0 && open < 0; left -= 5) {
            engine_wait(engine, 5);
            open = open_signals(names[i]);
        }
        CU_ASSERT_EQUAL(open, 0);
    }
    sigset_t mine;
    pthread_sigmask(SIG_BLOCK, NULL, &mine);
    CU_ASSERT_FALSE(sigismember(&mine, SIGINT));
    engine_stop(engine);
    CU_ASSERT_EQUAL(run_wait(engine, PATIENCE_MS), ENGINE_DONE);
    engine_free(engine);
    pipeline_drop(&p);
}

static CU_TestInfo cases[] = {
    {"straight through", test_straight},
    {"no record at all", test_nothing},
    {"a source that is slow", test_slow_source},
    {"a sink that takes one at a time", test_sink_takes_one_at_a_time},
    {"both stutter", test_stuttering_sink},
    {"open, at the third try", test_open_again},
    {"open fails for good", test_fatal_open},
    {"refused records become dead letters", test_refused_records_are_lettered},
    {"a refusal stops the pipeline by default", test_refusal_stops_by_default},
    {"what came before a stop is written", test_what_came_before_a_stop_is_written},
    {"draining has an end", test_drain_has_an_end},
    {"two consumers of one port", test_fan_out},
    {"stopping drains", test_stop_drains},
    {"threads block signals", test_threads_block_signals},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN({"runs", run_dir_make, run_dir_drop, NULL, NULL, cases})
