// SPDX-License-Identifier: MIT
#include "config/print.h"
#include "config/tree.h"
#include "unit/config/fixture.h"

// Every allocation of a load fails once: no crash, no leak, no half a topology.

static const char yaml[] =
    "include: inc.yaml\n"
    "pipeline: p\n"
    "checkpoint: { every: 1s, dir: \"${TM_UNSET:-./state}\" }\n"
    "x-a: &a { rate: 5 }\n"
    "defaults: { sources: { decode: text } }\n"
    "connections: { main: { type: log, dir: d } }\n"
    "sources:\n"
    "  a: { <<: *a, type: tcp_poll, targets: [x, y], password: hunter2, on_error: { retry: { max: "
    "2 }, then: { dlq: bad } } }\n"
    "  t: { type: topic, connection: main, topic: x }\n"
    "operators:\n"
    "  r: { type: route, inputs: [a, t], routes: { one: x, two: y } }\n"
    "  m: { type: aggregate, inputs: [r.one, r.two, r.unmatched], window: { tumbling: 5s } }\n"
    "sinks:\n  z: { type: null, inputs: m }\n  bad: { type: file, path: \"{p}/x\" }\n"
    "tests: [ { name: one, steps: [ { restart: true } ] } ]\n";

static const char wrong[] =
    "include: inc.yaml\npipeline: 5/\nsources: { a: { type: tcp_pol, rat: ${X} } }\n";

static const char also_wrong[] =
    "pipeline: 5/\nsources: { a: { type: tcp_poll, rat: \"${X_UNSET}\", password: hunter2 } }\n"
    "sinks: { z: { type: file, inputs: [b, c.d] } }\ndefaults: { source: 1 }\n";

// What the good file prints; NULL at first.
static char *reference;

// What loads in spite of a failure is all there.
static void compare(struct buf *printed)
{
    if (!reference)
        reference = strdup(buf_cstr(printed));
    else if (printed->len < printed->cap) // the NUL has room: no allocation
        CU_ASSERT_STRING_EQUAL(buf_cstr(printed), reference);
}

static int load_and_print(const char *file, bool *complete)
{
    const char *files[] = {file};
    const char *const sets[] = {"drain=3s", "log.level=debug"};
    struct topology_input input = {.files = files, .file_count = 1, .sets = sets, .set_count = 2};
    struct topology *topology = NULL;
    struct problems problems;
    problems_init(&problems);
    int code = topology_load(&topology, &input, &mock_catalogue, &problems);
    CU_ASSERT_EQUAL(code == 0, topology != NULL);
    struct buf out;
    buf_init(&out, 1 << 20);
    int print = topology ? topology_print(topology, &out) : 0;
    if (topology && print == 0)
        compare(&out);
    int print_problems = problems_print(&problems, &out, false);
    int json = problems_json(&problems, &out);
    *complete = print == 0 && print_problems == 0 && json == 0;
    buf_deinit(&out);
    problems_deinit(&problems);
    topology_free(topology);
    return code;
}

// Fails call after call, until one load meets no failure.
static void fail_each(const char *file, int code_without, bool and_all_after)
{
    uint64_t failed = 1, n;
    for (n = 1; failed && n < 100000; n++) {
        bool complete = false;
        mem_fail_at(n, and_all_after);
        int code = load_and_print(file, &complete);
        failed = mem_fail_count();
        mem_fail_at(0, false);
        if (!failed) {
            CU_ASSERT_EQUAL(code, code_without);
            CU_ASSERT_TRUE(complete);
        } else if (code == 0 && code_without) {
            CU_FAIL("loaded what is wrong");
        }
    }
    CU_ASSERT_TRUE(n > 20 && n < 100000);
}

static void each_allocation_fails(void)
{
    static const struct {
        const char *name, *text;
        int code;
    } files[] = {{"good.yaml", yaml, 0},
                 {"wrong.yaml", wrong, ERR_INPUT},
                 {"also.yaml", also_wrong, ERR_INPUT}};
    const size_t usual = tree_pool_block_bytes;
    tree_pool_block_bytes = 1;
    bool complete;
    write_file("inc.yaml", "drain: 2s\n", 10);
    CU_ASSERT_EQUAL(load_and_print(write_file("good.yaml", yaml, strlen(yaml)), &complete), 0);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const char *file = write_file(files[i].name, files[i].text, strlen(files[i].text));
        fail_each(file, files[i].code, false);
        fail_each(file, files[i].code, true);
    }
    tree_pool_block_bytes = usual;
    free(reference);
}

static void says_so_without_memory(void)
{
    struct problems problems;
    problems_init(&problems);
    mem_fail_at(1, true);
    problem_add(&problems, (struct place){"f", 1, 1}, REASON_WRONG_VALUE, "lost");
    mem_fail_at(0, false);
    CU_ASSERT_EQUAL(problems.errors, 1);
    check_said("lost", &problems, "error: out of memory\n");
    problems_deinit(&problems);
}

static CU_TestInfo tests[] = {{"each allocation fails", each_allocation_fails},
                              {"says so without memory", says_so_without_memory},
                              CU_TEST_INFO_NULL};

UNIT_MAIN(UNIT_SUITE("nomem", tests))
