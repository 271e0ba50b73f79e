// SPDX-License-Identifier: MIT
#include "config/topology.h"
#include "unit/config/fixture.h"

// Several files as one: merge keys, overlays, includes, sets, defaults.

#define BASE                                                                                       \
    "pipeline: p\n"                                                                                \
    "connections:\n  main: { type: log, dir: ./d }\n"                                              \
    "sources:\n  a: { type: topic, connection: main, topic: x, rate: 5 }\n"                        \
    "sinks:\n  z: { type: null, inputs: a }\n"

static const struct tide_config *source(const struct loaded *loaded, const char *path)
{
    const struct node_spec *node = node_named(loaded->topology, "a");
    if (!node)
        return NULL;
    const struct tide_config *found = setting_at(node->common, path);
    return found ? found : setting_at(node->options, path);
}

static const char *source_text(const struct loaded *loaded, const char *path)
{
    const struct tide_config *found = source(loaded, path);
    return found && found->text ? found->text : "(none)";
}

#define TCP(options) "pipeline: p\nsources:\n  a: { type: tcp_poll, " options " }\n"
#define SINK "sinks:\n  z: { type: null, inputs: a }\n"

static void merge_keys(void)
{
    struct loaded loaded = load_text("x-one: &one { targets: t1, interval: 2s, port: 1 }\n"
                                     "x-two: &two { <<: *one, interval: 3s, share: 0.5 }\n"
                                     "x-three: &three { max_bytes: 1KiB, port: 3 }\n"
                                     "pipeline: p\n"
                                     "sources:\n"
                                     "  a: { <<: [*two, *three], type: tcp_poll, share: 0.25 }\n"
                                     "  b: { type: tcp_poll, <<: *one }\n"
                                     "sinks:\n  z: { type: null, inputs: [a, b] }\n",
                                     NULL, 0);
    check_said("merge keys", &loaded.problems, "");
    CU_ASSERT_STRING_EQUAL(source_text(&loaded, "interval"), "3s");    // two over one
    CU_ASSERT_STRING_EQUAL(source_text(&loaded, "port"), "1");         // two before three
    CU_ASSERT_STRING_EQUAL(source_text(&loaded, "max_bytes"), "1KiB"); // three
    CU_ASSERT_STRING_EQUAL(source_text(&loaded, "share"), "0.25");     // its own
    unload(&loaded);
}

static void overlays(void)
{
    const char *files[] = {
        write_file("base.yaml", BASE, sizeof BASE - 1),
        write_file("kafka.yaml", "connections: { main: { type: kafka, brokers: b:9 } }\n", 53),
        write_file("more.yaml", "sources: { a: { rate: null, decode: text } }\ndrain: 1s\n", 55)};
    struct loaded loaded = load_paths(files, 3);
    check_said("overlays", &loaded.problems, "");
    CU_ASSERT_STRING_EQUAL(node_named(loaded.topology, "a")->type, "kafka");
    CU_ASSERT_PTR_NULL(source(&loaded, "rate"));
    CU_ASSERT_STRING_EQUAL(source_text(&loaded, "decode.format"), "text");
    CU_ASSERT_STRING_EQUAL(source_text(&loaded, "topic"), "x");
    CU_ASSERT_EQUAL(setting_int(loaded.topology->top, "drain", 0), 1000);
    // `dir` is the log's: it goes with the type, without a word.
    CU_ASSERT_STRING_EQUAL(setting_text(loaded.topology->connections[0].options, "brokers"), "b:9");
    unload(&loaded);
}

static void overlay_errors_name_the_overlay(void)
{
    const char *files[] = {write_file("base.yaml", BASE, sizeof BASE - 1),
                           write_file("over.yaml", "sources:\n  a: { rat: 5, topic: [] }\n", 36)};
    struct loaded loaded = load_paths(files, 2);
    char expected[1024];
    snprintf(expected, sizeof expected,
             "%s:2:8: error: unknown key 'rat' in sources.a; did you mean 'rate'?\n"
             "%s:2:23: error: sources.a.topic: expected text, found a list\n",
             files[1], files[1]);
    check_said("overlay errors", &loaded.problems, expected);
    unload(&loaded);
}

static void missing_overlay(void)
{
    const char *files[] = {write_file("base.yaml", BASE, sizeof BASE - 1), "/nowhere/over.yaml"};
    struct loaded loaded = load_paths(files, 2);
    check_said("missing overlay", &loaded.problems,
               "error: cannot read '/nowhere/over.yaml': No such file or directory\n");
    CU_ASSERT_NOT_EQUAL(loaded.code, 0);
    unload(&loaded);
}

#define FILE_OF(name, text) write_file((name), (text), sizeof(text) - 1)

static void includes(void)
{
    FILE_OF("inc/deep/rate.yaml", "sources: { a: { rate: 7, framing: whole, topic: deep } }\n");
    FILE_OF("inc/conn.yaml",
            "include: deep/rate.yaml\nconnections: { main: { type: log, dir: ./d } }\n"
            "sources: { a: { topic: conn, decode: text } }\n");
    const char *file = FILE_OF("main.yaml", "include: [inc/conn.yaml]\npipeline: p\n"
                                            "sources: { a: { type: topic, connection: main, "
                                            "topic: main } }\n" SINK);
    struct loaded loaded = load_paths(&file, 1);
    check_said("includes", &loaded.problems, "");
    CU_ASSERT_STRING_EQUAL(source_text(&loaded, "topic"), "main");
    CU_ASSERT_STRING_EQUAL(source_text(&loaded, "decode.format"), "text");
    CU_ASSERT_STRING_EQUAL(source_text(&loaded, "framing.kind"), "whole");
    unload(&loaded);
}

static void include_faults(void)
{
    FILE_OF("ring1.yaml", "include: ring2.yaml\n");
    const char *ring2 = FILE_OF("ring2.yaml", "include: ring1.yaml\n");
    const char *file =
        FILE_OF("main2.yaml", "include:\n  - ring1.yaml\n  - gone.yaml\n  - [x]\n"
                              "pipeline: p\nsources: { a: { type: generator } }\n" SINK);
    char dir[256], expected[2048];
    snprintf(dir, sizeof dir, "%s", file);
    *strrchr(dir, '/') = 0;
    snprintf(expected, sizeof expected,
             "%s:3:5: error: cannot read '%s/gone.yaml': No such file or directory\n"
             "%s:4:5: error: include: expected a file name\n"
             "%s:1:10: error: include: '%s/ring1.yaml' includes itself\n",
             file, dir, file, ring2, dir);
    struct loaded loaded = load_paths(&file, 1);
    check_said("include faults", &loaded.problems, expected);
    unload(&loaded);
}

static void sets(void)
{
    const char *const sets[] = {"sources.a.rate=9",
                                "connections.main={type: kafka, brokers: 'x:1'}",
                                "connections.main.options.\"a.b.c\"=1",
                                "sinks.z.headers.h=two words: here",
                                "sources.a.decode=null",
                                "sources.a.topic=",
                                "pipeline='010'"};
    struct loaded loaded = load_text(BASE, sets, 7);
    check_said("sets", &loaded.problems,
               "--set sinks.z.headers.h: error: sinks.z.headers.h: expected text, found a map\n");
    unload(&loaded);
    const char *const good[] = {sets[0], sets[1], sets[2], sets[4], sets[5], sets[6]};
    loaded = load_text(BASE, good, 6);
    check_said("sets", &loaded.problems, "");
    CU_ASSERT_STRING_EQUAL(source_text(&loaded, "rate"), "9");
    CU_ASSERT_STRING_EQUAL(source_text(&loaded, "decode.format"), "json");
    CU_ASSERT_STRING_EQUAL(source_text(&loaded, "topic"), "");
    CU_ASSERT_STRING_EQUAL(loaded.topology->pipeline, "010");
    const struct tide_config *options =
        setting_at(loaded.topology->connections[0].options, "options");
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    CU_ASSERT_STRING_EQUAL(options->items[0].name, "a.b.c");
    unload(&loaded);
}

static void set_faults(void)
{
    static const struct {
        const char *set, *said;
    } cases[] = {
        {"a.b", "--set a.b: error: expected --set path.to.option=value\n"},
        {"=5", "--set : error: expected --set path.to.option=value\n"},
        {"a..b=5", "--set a..b: error: expected --set path.to.option=value\n"},
        {"a.\"b=5", "--set a.\"b=5: error: expected --set path.to.option=value\n"},
        {"sources.a.rate=[1", "--set sources.a.rate: error: did not find expected ',' or ']', "
                              "while parsing a flow sequence\n"},
        {"sources.a.rate=fast",
         "--set sources.a.rate: error: sources.a.rate: expected a number, found 'fast'\n"},
        {"sources.a.ratte=5", "--set sources.a.ratte: error: unknown key 'ratte' in sources.a; "
                              "did you mean 'rate'?\n"},
        {"sources.a.rate=a\001b\033[2J",
         "--set sources.a.rate: error: control characters are not allowed (0x1)\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct loaded loaded = load_text(BASE, &cases[i].set, 1);
        check_said(cases[i].set, &loaded.problems, cases[i].said);
        unload(&loaded);
    }
}

static void defaults(void)
{
    struct loaded loaded = load_text("pipeline: p\n"
                                     "defaults:\n"
                                     "  sources: { rate: 3, interval: 9s, watermark: { idle_after: "
                                     "4s }, on_error: { dlq: bad } }\n"
                                     "sources:\n"
                                     "  a: { type: tcp_poll, targets: t, watermark: { "
                                     "out_of_order: 1s }, on_error: { retry: { max: 2 } } }\n"
                                     "  b: { type: generator, rate: 4 }\n" // knows no `interval`
                                     "sinks:\n  z: { type: null, inputs: [a, b] }\n  bad: { type: "
                                     "null }\n",
                                     NULL, 0);
    check_said("defaults", &loaded.problems, "");
    CU_ASSERT_STRING_EQUAL(source_text(&loaded, "rate"), "3");
    CU_ASSERT_STRING_EQUAL(source_text(&loaded, "interval"), "9s");
    CU_ASSERT_STRING_EQUAL(source_text(&loaded, "watermark.idle_after"), "4s");
    CU_ASSERT_STRING_EQUAL(source_text(&loaded, "watermark.out_of_order"), "1s");
    CU_ASSERT_PTR_NULL(source(&loaded, "on_error.dlq")); // replaced whole
    CU_ASSERT_EQUAL(setting_number(node_named(loaded.topology, "b")->common, "rate", 0), 4);
    unload(&loaded);
}

static void default_faults(void)
{
    static const struct {
        const char *yaml, *said;
    } cases[] = {
        {"defaults: 5\n", "t.yaml:1:11: error: defaults: expected a map of sections (sources, "
                          "operators, sinks), found text\n"},
        {"defaults: { source: { rate: 1 } }\n",
         "t.yaml:1:13: error: unknown section 'source' in defaults; did you mean 'sources'?\n"},
        {"defaults: { sources: 5 }\n",
         "t.yaml:1:22: error: defaults.sources: expected a map, found text\n"},
        {"defaults: { sources: { intervall: 1s } }\n",
         "t.yaml:1:24: error: unknown key 'intervall' in defaults.sources; did you mean "
         "'interval'?\n"},
        {"defaults: { sources: { interval: 1 } }\n",
         "t.yaml:1:34: error: sources.a.interval: expected a duration such as 30s, found '1'\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[1024];
        snprintf(text, sizeof text, "%s" TCP("targets: t") SINK, cases[i].yaml);
        struct loaded loaded = load_text(text, NULL, 0);
        check_said(cases[i].yaml, &loaded.problems, cases[i].said);
        unload(&loaded);
    }
}

static void finds_files(void)
{
    const char *file = FILE_OF("proj/configs/p.yaml", BASE);
    const char *near = FILE_OF("proj/configs/near.lua", "x");
    const char *beside = FILE_OF("proj/scripts/y.lua", "x");
    struct loaded loaded = load_paths(&file, 1);
    CU_ASSERT_EQUAL_FATAL(loaded.code, 0);
    char path[512];
    struct error err = ERROR_INIT;
    CU_ASSERT_EQUAL(topology_find_file(loaded.topology, "near.lua", path, sizeof path, &err), 0);
    CU_ASSERT_STRING_EQUAL(path, near);
    CU_ASSERT_EQUAL(topology_find_file(loaded.topology, "scripts/y.lua", path, sizeof path, &err),
                    0);
    CU_ASSERT_STRING_EQUAL(path, beside);
    CU_ASSERT_EQUAL(topology_find_file(loaded.topology, "no.lua", path, sizeof path, &err),
                    ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "proj/configs/no.lua' nor '"));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "proj/no.lua' is there"));
    CU_ASSERT_EQUAL(topology_find_file(loaded.topology, "near.lua", path, 5, &err), ERR_INPUT);
    unload(&loaded);
}

static CU_TestInfo tests[] = {{"merge keys", merge_keys},
                              {"overlays", overlays},
                              {"overlay errors", overlay_errors_name_the_overlay},
                              {"missing overlay", missing_overlay},
                              {"includes", includes},
                              {"include faults", include_faults},
                              {"sets", sets},
                              {"set faults", set_faults},
                              {"defaults", defaults},
                              {"default faults", default_faults},
                              {"finds files", finds_files},
                              CU_TEST_INFO_NULL};

UNIT_MAIN(UNIT_SUITE("load", tests))
