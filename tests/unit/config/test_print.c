// SPDX-License-Identifier: MIT
#include "config/print.h"
#include "unit/config/fixture.h"

static char *printed(const struct topology *topology)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    CU_ASSERT_EQUAL_FATAL(topology_print(topology, &out), 0);
    char *text = mem_strdup(buf_cstr(&out));
    buf_deinit(&out);
    return text;
}

static const char odd[] =
    "pipeline: p\n"
    "checkpoint: 5s\n"
    "connections:\n  main: { type: kafka, brokers: 'a:1,b:2', options: { a.b.c: \"1\", \"x y\": '' "
    "} }\n"
    "sources:\n"
    "  a:\n    type: tcp_poll\n    targets: ['null', \"true\", '-', 12:30, '010', "
    "\"a\\nb\\t\\\"\"]\n"
    "    event_time: record\n    backoff: 1s..2m\n    labels: { no: yes, \"1\": null_ }\n"
    "    tags: [ { name: x, weight: 2.5 }, { name: '}' } ]\n"
    "    fields: { i: 1, f: 1.50, t: true, n: ~, e: '', q: \"1\", l: [1, [2, { a: b }]], m: {}, "
    "none: [], d: \"$${X}\", u: \"\xc3\xa4\" }\n"
    "    on_error: { retry: { max: 3 }, then: { dlq: bad } }\n"
    "  t: { type: topic, connection: main, topic: x, create: { partitions: 4 } }\n"
    "operators:\n"
    "  j: { type: join, inputs: { left: a, right: [t] }, lua: \"return function(r)\\n  return r\\n"
    "end\" }\n"
    "sinks:\n  z: { type: null, inputs: j }\n  bad: { type: file, path: \"{a}/$$x\" }\n"
    "tests:\n  - name: one\n    steps: [ { restart: true }, { send: { to: j, value: null } } ]\n";

static void means_the_same_when_read_again(void)
{
    struct loaded first = load_text(odd, NULL, 0);
    check_said("odd", &first.problems, "");
    CU_ASSERT_EQUAL_FATAL(first.code, 0);
    char *once = printed(first.topology);
    struct loaded second = load_text(once, NULL, 0);
    check_said("printed", &second.problems, "");
    if (second.code)
        printf("%s", once);
    CU_ASSERT_EQUAL_FATAL(second.code, 0);
    char *twice = printed(second.topology);
    CU_ASSERT_STRING_EQUAL(once, twice);
    for (uint32_t i = 0; i < first.topology->node_count; i++) {
        const struct node_spec *a = &first.topology->nodes[i];
        const struct node_spec *b = node_named(second.topology, a->name);
        struct buf left, right;
        buf_init(&left, 1 << 20);
        buf_init(&right, 1 << 20);
        CU_ASSERT_EQUAL(setting_json(a->options, false, &left), 0);
        CU_ASSERT_EQUAL(setting_json(b->options, false, &right), 0);
        CU_ASSERT_STRING_EQUAL(buf_cstr(&left), buf_cstr(&right));
        CU_ASSERT_STRING_EQUAL(a->type, b->type);
        CU_ASSERT_EQUAL(a->input_count, b->input_count);
        buf_deinit(&left);
        buf_deinit(&right);
    }
    mem_free(once);
    mem_free(twice);
    unload(&first);
    unload(&second);
}

static void shows_what_takes_effect(void)
{
    const char *const sets[] = {"sinks.z.headers.h=$$1"};
    struct loaded loaded = load_text("pipeline: p\nsources: { a: { type: generator } }\n"
                                     "sinks: { z: { type: null, inputs: a } }\n",
                                     sets, 1);
    char *text = printed(loaded.topology);
    CU_ASSERT_STRING_EQUAL(text, "pipeline: p\n"
                                 "delivery: at_least_once\n"
                                 "parallelism: 1\n"
                                 "priority: 1\n"
                                 "limits: {}\n"
                                 "drain: 10s\n"
                                 "log:\n"
                                 "  level: info\n"
                                 "\n"
                                 "sources:\n"
                                 "  a:\n"
                                 "    type: generator\n"
                                 "    decode:\n"
                                 "      format: json\n"
                                 "    watermark:\n"
                                 "      out_of_order: 0s\n"
                                 "    limits:\n"
                                 "      record: 1MiB\n"
                                 "      depth: 128\n"
                                 "      members: 4096\n"
                                 "\n"
                                 "sinks:\n"
                                 "  z:\n"
                                 "    type: \"null\"\n"
                                 "    inputs: a\n"
                                 "    encode:\n"
                                 "      format: json\n"
                                 "    headers:\n"
                                 "      h: \"$$1\"\n");
    mem_free(text);
    unload(&loaded);
}

static void stops_at_the_limit(void)
{
    struct loaded loaded = load_text(odd, NULL, 0);
    CU_ASSERT_EQUAL_FATAL(loaded.code, 0);
    struct buf out;
    buf_init(&out, 100);
    CU_ASSERT_EQUAL(topology_print(loaded.topology, &out), ERR_LIMIT);
    buf_deinit(&out);
    unload(&loaded);
}

static CU_TestInfo tests[] = {{"means the same when read again", means_the_same_when_read_again},
                              {"shows what takes effect", shows_what_takes_effect},
                              {"stops at the limit", stops_at_the_limit},
                              CU_TEST_INFO_NULL};

UNIT_MAIN(UNIT_SUITE("print", tests))
