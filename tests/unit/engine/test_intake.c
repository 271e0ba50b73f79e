// SPDX-License-Identifier: MIT
#include "run.h"

// From bytes to records: frames over many chunks, frames that are too long, what cannot be read.

// Bytes are made by repeating `text`, in pieces; `more` are options of the source.
struct row {
    const char *name, *text;
    int repeat, piece;
    const char *more;
    uint64_t in, out, failed;
    size_t written; // bytes of the sink's file
};

static const struct row rows[] = {
    {"nothing", "", 1, 100, "", 0, 0, 0, 0},
    {"one line", "{}\\n", 1, 100, "", 1, 1, 0, 3},
    {"the last line has no end", "{}\\n[]", 1, 100, "", 2, 2, 0, 6},
    {"byte by byte", "{\\\"n\\\":1}\\r\\n\\n", 50, 1, "", 50, 50, 0, 400},
    {"pieces that end anywhere", "{\\\"n\\\":1}\\n", 200000, 1777, "", 200000, 200000, 0, 1600000},
    {"empty lines over many chunks", "\\n", 4000000, 1000000, "", 0, 0, 0, 0},
    {"a frame over many chunks", "0123456789", 400000, 100000,
     "decode: text, limits: { record: 8MiB },", 1, 1, 0, 4000015},
    {"garbage is skipped", "x\\n", 200000, 1000000, "on_error: skip,", 200000, 0, 200000, 0},
    {"a line that is too long", "0123456789", 400000, 100000, "on_error: skip,", 1, 0, 1, 0},
    {"many that are", "aaaaaaaaaaaaaaaaaaaaaa\\n{}\\n", 20000, 9000,
     "on_error: skip, limits: { record: 16 },", 40000, 20000, 20000, 60000},
};

static void test_frames(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int t = 0; t < 2; t++) {
            const struct row *row = &rows[i];
            char yaml[2048], path[128];
            struct error why = ERROR_INIT;
            path_of("out", path);
            snprintf(yaml, sizeof yaml,
                     "pipeline: t\nsources: { in: { type: mock%s, %s text: \"%s\", repeat: %d, "
                     "piece: %d } }\nsinks: { out: { type: mock, inputs: in, path: %s } }\n",
                     t ? "_thread" : "", row->more, row->text, row->repeat, row->piece, path);
            int state = run(yaml, &why);
            FILE *file = fopen(path, "r");
            CU_ASSERT_PTR_NOT_NULL_FATAL(file);
            fseek(file, 0, SEEK_END);
            size_t written = (size_t)ftell(file);
            fclose(file);
            drop("out");
            const struct node_status *n = &run_nodes[0];
            bool good = state == ENGINE_DONE && n->in == row->in && n->out == row->out &&
                        n->failed == row->failed && written == row->written;
            CU_ASSERT(good);
            if (!good)
                fprintf(stderr, "\n  %s: state %d, in %llu out %llu failed %llu, %zu bytes: %s\n",
                        row->name, state, (unsigned long long)n->in, (unsigned long long)n->out,
                        (unsigned long long)n->failed, written, why.text);
        }
}

// More dead letters than a port holds, without any good record between them.
static void test_a_flood_of_letters(void)
{
    for (int t = 0; t < 2; t++) {
        char yaml[1024], path[128];
        struct error why = ERROR_INIT;
        path_of("dead", path);
        snprintf(yaml, sizeof yaml,
                 "pipeline: t\n"
                 "sources: { in: { type: mock%s, text: \"x\\n\", repeat: 30000,\n"
                 "                 on_error: { dlq: dead } } }\n"
                 "sinks: { out: { type: mock, inputs: in },\n"
                 "         dead: { type: mock, accept: 500, path: %s } }\n",
                 t ? "_thread" : "", path);
        CU_ASSERT_EQUAL(run(yaml, &why), ENGINE_DONE);
        CU_ASSERT_STRING_EQUAL(why.text, "");
        CU_ASSERT_EQUAL(run_nodes[0].failed, 30000);
        const char *text = content("dead");
        CU_ASSERT_EQUAL(strlen(text), 60000);
        CU_ASSERT_EQUAL(strncmp(text, "x\nx\n", 4), 0);
        drop("dead");
    }
}

static void test_letters_tell_their_origin(void)
{
    char yaml[1024], path[128];
    struct error why = ERROR_INIT;
    path_of("dead", path);
    snprintf(yaml, sizeof yaml,
             "pipeline: t\n"
             "sources: { in: { type: mock, count: 2 } }\n"
             "operators: { m: { type: map, inputs: in, on_error: { dlq: dead },\n"
             "                  lua: 'return function(r) if r.n == 1 then r.n = 7 error(\"no\") "
             "end return r end' } }\n"
             "sinks: { out: { type: mock, inputs: m },\n"
             "         dead: { type: mock, show_headers: true, path: %s } }\n",
             path);
    CU_ASSERT_EQUAL(run(yaml, &why), ENGINE_DONE);
    const char *text = content("dead");
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "{\"n\":1} node=m script=test.yaml:4 error="));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, " source=in split=s0 offset=1\n"));
    drop("dead");
}

static void test_a_flood_of_bad(void)
{
    struct error why = ERROR_INIT;
    CU_ASSERT_EQUAL(run("pipeline: bad-flood\n"
                        "sources: { in: { type: mock, count: 10, bad: 100000, on_error: skip } }\n"
                        "sinks: { out: { type: mock, inputs: in } }\n",
                        &why),
                    ENGINE_DONE);
    CU_ASSERT_EQUAL(run_nodes[0].failed, 65536); // the rest was not taken: the mock gives up then
    CU_ASSERT_EQUAL(run_nodes[0].out, 10);
}

static void test_the_brake(void)
{
    struct error why = ERROR_INIT;
    int64_t since = clock_mono_ns(clock_system());
    CU_ASSERT_EQUAL(run("pipeline: t\n"
                        "sources: { in: { type: mock, count: 50, rate: 100 } }\n"
                        "sinks: { out: { type: mock, inputs: in } }\n",
                        &why),
                    ENGINE_DONE);
    CU_ASSERT_EQUAL(run_nodes[1].out, 50);
    CU_ASSERT(clock_mono_ns(clock_system()) - since > 400000000);
}

static CU_TestInfo cases[] = {
    {"frames", test_frames},
    {"a flood of dead letters", test_a_flood_of_letters},
    {"letters tell their origin", test_letters_tell_their_origin},
    {"a flood of bad", test_a_flood_of_bad},
    {"the brake", test_the_brake},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN({"intake", run_dir_make, run_dir_drop, NULL, NULL, cases})
