// SPDX-License-Identifier: MIT
#include "config/yaml.h"
#include "unit/config/fixture.h"
#include <time.h>

// Hostile and odd YAML: a limit or a message, never a crash, a hang or all of the memory.

#define TAIL "sources: { a: { type: generator } }\nsinks: { z: { type: null, inputs: a } }\n"

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// Loads the content as a file and checks what is said of it, as the end of the first line.
static void check_file(const char *name, const void *content, size_t len, const char *expected)
{
    const char *file = write_file("hostile.yaml", content, len);
    int64_t start = now_ms();
    struct loaded loaded = load_paths(&file, 1);
    int64_t took = now_ms() - start;
    char *text = said(&loaded.problems);
    bool as_expected = text && strstr(text, expected) != NULL;
    if (!as_expected || took > 5000)
        printf("\n%s: %lld ms\n  expected: %s\n  found: %.300s\n", name, (long long)took, expected,
               text ? text : "");
    CU_ASSERT_TRUE(as_expected);
    CU_ASSERT_TRUE(took < 5000);
    CU_ASSERT_EQUAL(loaded.code, ERR_INPUT);
    mem_free(text);
    unload(&loaded);
}

static void encodings(void)
{
    static const struct {
        const char *name, *content;
        size_t len;
        const char *said;
    } cases[] = {
        {"NUL", "pipeline: a\0b\n", 14, ":1:12: error: a NUL byte: is this a text file?"},
        {"invalid UTF-8", "pipeline: p\nx: \xc3(\n", 18, ":2:4: error: not valid UTF-8"},
        {"column in characters", "x: \"\xc3\xa4\xe2\x82\xac\xff\"\n", 12,
         ":1:7: error: not valid UTF-8"},
        {"overlong", "x: \xc0\xaf\n", 6, ":1:4: error: not valid UTF-8"},
        {"surrogate", "x: \xed\xa0\x80\n", 7, ":1:4: error: not valid UTF-8"},
        {"beyond Unicode", "x: \xf4\x90\x80\x80\n", 8, ":1:4: error: not valid UTF-8"},
        {"cut at the end", "x: \xe2\x82", 5, ":1:4: error: not valid UTF-8"},
        {"UTF-16", "\xff\xfex\0:\0", 6, ":1:1: error: not valid UTF-8"},
        {"control", "pipeline: p\nx: \001\n", 17, ":2:4: error: control characters"},
        {"escape", "pipeline: \"\033[31m\"\n", 18, ":1:12: error: control characters"},
        {"only a comment", "# nothing\n", 10, ":1:1: error: expected a map"},
        {"only marks", "---\n...\n", 8, ":1:1: error: expected a map"},
        {"a bare dash", "-", 1, ":1:1: error: expected a map"},
        {"directive", "%FOO bar\n---\npipeline: p\n", 25, "error: "},
        {"bad version", "%YAML 9.9\n---\npipeline: p\n", 26, ":1:1: error: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_file(cases[i].name, cases[i].content, cases[i].len, cases[i].said);
}

static void byte_order_mark(void)
{
    const char content[] = "\xef\xbb\xbfpipeline: 1 2\n" TAIL;
    const char *file = write_file("bom.yaml", content, sizeof content - 1);
    struct loaded loaded = load_paths(&file, 1);
    char *text = said(&loaded.problems);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, ":1:11: error: pipeline: '1 2' cannot name a pipeline"));
    mem_free(text);
    unload(&loaded);
}

static void windows_line_ends(void)
{
    struct loaded loaded = load_text("pipeline: p\r\nsources:\r\n  a: { type: generator }\r\n"
                                     "sinks:\r\n  z: { type: null, inputs: a }\r\n",
                                     NULL, 0);
    check_said("CRLF", &loaded.problems, "");
    unload(&loaded);
}

static void billion_laughs(void)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    buf_puts(&text, "pipeline: p\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 9; i++) {
        buf_printf(&text, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++)
            buf_printf(&text, "*a%d, ", i - 1);
        buf_puts(&text, "]\n");
    }
    check_file("billion laughs", text.data, text.len, "too large: more than 100000 values");
    buf_clear(&text);
    buf_puts(&text, "pipeline: p\na: &a x\nb: [");
    for (int i = 0; i < 101; i++)
        buf_puts(&text, "*a, ");
    buf_puts(&text, "]\n");
    check_file("aliases", text.data, text.len, ":3:405: error: more than 100 aliases");
    buf_clear(&text);
    // Merge keys multiply as well.
    buf_puts(&text, "pipeline: p\nm0: &m0 { a: [");
    for (int i = 0; i < 2000; i++)
        buf_puts(&text, "x, ");
    buf_puts(&text, "] }\n");
    for (int i = 1; i < 90; i++)
        buf_printf(&text, "m%d: { <<: *m0 }\n", i);
    check_file("merges", text.data, text.len, "too large: more than 100000 values");
    buf_deinit(&text);
}

static void repeat(struct buf *out, const char *text, int count)
{
    for (int i = 0; i < count; i++)
        buf_puts(out, text);
}

static void deep_and_long(void)
{
    static const struct {
        const char *name, *head, *again;
        int count;
        const char *said;
    } cases[] = {
        {"lists", "x: ", "[", 1000000, "nested deeper than 64 levels"},
        {"maps", "x: ", "{a: ", 200000, "nested deeper than 64 levels"},
        {"block lists", "x:\n ", "- ", 400000, "nested deeper than 64 levels"},
        {"open maps", "", "? ", 400000, "nested deeper than 64 levels"},
        {"values", "x: [", "a,", 400000, "too large: more than 100000 values"},
        {"1 MiB", "x: ", "aaaaaaaaaaaaaaaa", 65536, "is larger than 1024 KiB"},
        {"anchors", "x: [", "&a a,", 150000, "too large: more than 100000 values"},
        {"quotes", "x: \"", "\\\"", 500000, "the quote that begins here does not end"},
        {"comments", "", "#\n", 500000, "expected a map"},
        {"empty lines", "", "\n", 1000000, "expected a map"},
        {"documents", "", "---\n", 200000, "a second document"},
        {"long key", "", "a", 1000000, "error: "},
        {"colons", "x: [", "a: ", 300000, "error: "},
        {"braces", "", "}", 1000000, "error: "},
    };
    struct buf text;
    buf_init(&text, 4 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf_clear(&text);
        buf_puts(&text, cases[i].head);
        repeat(&text, cases[i].again, cases[i].count);
        check_file(cases[i].name, text.data, text.len, cases[i].said);
    }
    buf_clear(&text);
    for (int i = 0; i < 20000; i++)
        buf_printf(&text, "k%d: 1\n", i);
    check_file("keys", text.data, text.len, ":10001:1: error: a map of more than 10000 keys");
    buf_clear(&text);
    buf_puts(&text, "pipeline: p\nsources:\n");
    for (int i = 0; i < 5000; i++)
        buf_printf(&text, " n%d: {type: generator}\n", i);
    check_file("nodes", text.data, text.len, "more than 1000 nodes");
    buf_deinit(&text);
}

static void depth_by_aliases(void)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    buf_puts(&text, "a: &a ");
    repeat(&text, "[", 60);
    repeat(&text, "]", 60);
    buf_puts(&text, "\nb: ");
    repeat(&text, "[", 10);
    buf_puts(&text, "*a");
    repeat(&text, "]", 10);
    check_file("depth by alias", text.data, text.len, "nested deeper than 64 levels");
    buf_deinit(&text);
}

static void defaults_multiply(void)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    buf_puts(&text, "pipeline: p\ndefaults: { sources: { fields: [");
    repeat(&text, "x,", 2000);
    buf_puts(&text, "] } }\nsources:\n");
    for (int i = 0; i < 900; i++)
        buf_printf(&text, " n%d: { type: tcp_poll }\n", i);
    check_file("defaults", text.data, text.len, "too large: more than 100000 values after merging");
    buf_deinit(&text);
}

static void not_files(void)
{
    const char *files[] = {"/tmp", "/dev/null", "/nowhere/x.yaml"};
    const char *texts[] = {"error: '/tmp' is not a file\n", "error: '/dev/null' is not a file\n",
                           "error: cannot read '/nowhere/x.yaml': No such file or directory\n"};
    for (int i = 0; i < 3; i++) {
        struct loaded loaded = load_paths(&files[i], 1);
        check_said(files[i], &loaded.problems, texts[i]);
        unload(&loaded);
    }
    struct loaded loaded = load_paths(files, 0);
    check_said("none", &loaded.problems, "error: no file\n");
    unload(&loaded);
}

// Each prefix of a good file, and the file with each byte changed, loads or is refused.
static void survives_damage(void)
{
    static const char good[] = "pipeline: p\nx-a: &a { rate: 5, \"k\": [1, '2'] }\n"
                               "sources:\n  a: { <<: *a, type: tcp_poll, targets: "
                               "[\"${TM_UNSET:-x}\"], on_error: { retry: "
                               "{ max: 2 }, then: { dlq: z } } }\n"
                               "  # comment\n  b:\n    type: generator\n    rate: >-\n      5\n"
                               "operators:\n  m: { type: join, inputs: { l: a, r: [b, a.out] } }\n"
                               "sinks:\n  z: { type: null, inputs: [m] }\ntests: [ { a: ~ } ]\n";
    static const char bytes[] = "\n :{}[]&*\"'$#-?|>\t\xff\x80x0!%@,<";
    char text[sizeof good];
    for (size_t i = 0; i < sizeof good; i++) {
        memcpy(text, good, i);
        text[i] = 0;
        struct loaded loaded = load_text(text, NULL, 0);
        CU_ASSERT_EQUAL(loaded.code == 0, loaded.topology != NULL);
        unload(&loaded);
        for (size_t k = 0; k < sizeof bytes - 1; k++) {
            memcpy(text, good, sizeof good);
            text[i < sizeof good - 1 ? i : 0] = bytes[k];
            loaded = load_text(text, NULL, 0);
            CU_ASSERT_EQUAL(loaded.code == 0, loaded.problems.errors == 0);
            unload(&loaded);
        }
    }
}

static CU_TestInfo tests[] = {{"encodings", encodings},
                              {"byte order mark", byte_order_mark},
                              {"windows line ends", windows_line_ends},
                              {"billion laughs", billion_laughs},
                              {"deep and long", deep_and_long},
                              {"depth by aliases", depth_by_aliases},
                              {"defaults multiply", defaults_multiply},
                              {"not files", not_files},
                              {"survives damage", survives_damage},
                              CU_TEST_INFO_NULL};

UNIT_MAIN(UNIT_SUITE("yaml", tests))
