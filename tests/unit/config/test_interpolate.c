// SPDX-License-Identifier: MIT
#include "config/interpolate.h"
#include "config/print.h"
#include "unit/config/fixture.h"

// ${...}, through a whole load: what reaches the setting, and what is said.

struct put_case {
    const char *written; // inside double quotes
    const char *found;   // or NULL
    const char *said;
};

#define AT "t.yaml:3:46: error: "

static const struct put_case cases[] = {
    {"plain", "plain", ""},
    {"$", "$", ""},
    {"a$b", "a$b", ""},
    {"^x$", "^x$", ""},
    {"$$", "$", ""},
    {"$${TM_SET}", "${TM_SET}", ""},
    {"${TM_SET}", "value", ""},
    {"<${TM_SET}${TM_SET}>", "<valuevalue>", ""},
    {"${TM_EMPTY}", "", ""},
    {"${TM_EMPTY:-d}", "d", ""},
    {"${TM_UNSET:-d}", "d", ""},
    {"${TM_UNSET:-}", "", ""},
    {"${TM_SET:-d}", "value", ""},
    {"${TM_UNSET:-${TM_SET}/x}", "value/x", ""},
    {"${TM_UNSET:-${TM_UNSET:-deep}}", "deep", ""},
    {"${TM_SET:?no}", "value", ""},
    {"${TM_YAML}", "a: [b, *c] # d", ""},
    {"${TM_DOLLAR}", "${TM_SET}", ""}, // what is put in is not read again
    {"${TM_UNSET}", NULL, AT "TM_UNSET is not set; ${TM_UNSET:-default} gives a default\n"},
    {"${TM_UNSET:?set it to ${TM_SET}}", NULL, AT "TM_UNSET is not set: set it to value\n"},
    {"${TM_EMPTY:?}", NULL, AT "TM_EMPTY is not set\n"},
    {"${", NULL, AT "'${' without '}'; write $$ for a dollar sign\n"},
    {"${}", NULL,
     AT "'${}': expected ${NAME}, ${NAME:-default}, ${NAME:?message} or ${file:PATH}; write $$ for "
        "a dollar sign\n"},
    {"${1X}", NULL,
     AT "'${1X}': expected ${NAME}, ${NAME:-default}, ${NAME:?message} or ${file:PATH}; write $$ "
        "for a dollar sign\n"},
    {"${TM_SET-x}", NULL,
     AT "'${TM_SET-x}': expected ${NAME}, ${NAME:-default}, ${NAME:?message} or ${file:PATH}; "
        "write $$ for a dollar sign\n"},
    {"${file:}", NULL, AT "${file:...} needs a path\n"},
    {"${file:/nowhere/x}", NULL,
     AT "${file:...}: cannot read '/nowhere/x': No such file or directory\n"},
    {"${file:/tmp}", NULL, AT "${file:...}: '/tmp' is not a file\n"},
    {"${TM_BAD}", NULL, AT "the value of TM_BAD is not valid UTF-8\n"},
    {"${A:-${A:-${A:-${A:-${A:-${A:-${A:-${A:-${A:-x}}}}}}}}}", NULL,
     AT "${...} nested too deep\n"},
};

static void set_environment(void)
{
    setenv("TM_SET", "value", 1);
    setenv("TM_EMPTY", "", 1);
    setenv("TM_YAML", "a: [b, *c] # d", 1);
    setenv("TM_DOLLAR", "${TM_SET}", 1);
    setenv("TM_BAD", "\xff", 1);
    setenv("TM_NUMBER", "42", 1);
    setenv("TM_NULL", "null", 1);
    unsetenv("TM_UNSET");
    unsetenv("A");
}

static struct loaded load_with(const char *option)
{
    char text[2048];
    snprintf(text, sizeof text,
             "pipeline: p\nsources:\n  a: { type: tcp_poll, targets: x, password: %s }\n"
             "sinks:\n  z: { type: null, inputs: a }\n",
             option);
    return load_text(text, NULL, 0);
}

static void puts_values_in(void)
{
    set_environment();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char option[512];
        snprintf(option, sizeof option, "\"%s\"", cases[i].written);
        struct loaded loaded = load_with(option);
        check_said(cases[i].written, &loaded.problems, cases[i].said);
        const struct node_spec *node = node_named(loaded.topology, "a");
        CU_ASSERT_EQUAL(node != NULL, cases[i].found != NULL);
        if (node && cases[i].found)
            CU_ASSERT_STRING_EQUAL(setting_text(node->options, "password"), cases[i].found);
        unload(&loaded);
    }
}

static void types_what_was_put_in(void)
{
    set_environment();
    struct loaded loaded =
        load_with("x, port: \"${TM_NUMBER}\", fields: { n: \"${TM_NUMBER}\", q: \"42\", z: "
                  "\"${TM_NULL}\", e: \"${TM_EMPTY}\", s: '${TM_SET}' }");
    check_said("typed", &loaded.problems, "");
    const struct node_spec *node = node_named(loaded.topology, "a");
    CU_ASSERT_PTR_NOT_NULL_FATAL(node);
    CU_ASSERT_EQUAL(setting_int(node->options, "port", 0), 42);
    CU_ASSERT_EQUAL(setting_at(node->options, "fields.n")->look, LOOKS_INT);
    CU_ASSERT_EQUAL(setting_at(node->options, "fields.q")->look, LOOKS_TEXT);
    CU_ASSERT_EQUAL(setting_at(node->options, "fields.e")->look, LOOKS_TEXT);
    CU_ASSERT_EQUAL(setting_at(node->options, "fields.s")->look, LOOKS_TEXT);
    unload(&loaded);
    // Put-in text is never structure: not even `null` leaves an option out.
    loaded = load_with("x, decode: \"${TM_NULL}\"");
    check_said("null", &loaded.problems,
               "t.yaml:3:57: error: sources.a.decode: expected 'json', 'text', 'csv', 'syslog', "
               "'logfmt', 'msgpack' or "
               "'none', found 'null'\n");
    unload(&loaded);
}

static void reads_secrets(void)
{
    static char big[(64 << 10) + 1];
    memset(big, 'x', sizeof big);
    const struct {
        const char *content;
        size_t len;
        const char *found, *said;
    } secrets[] = {
        {"hunter2\n", 8, "hunter2", ""},
        {"hunter2\r\n", 9, "hunter2", ""},
        {"a\n\n", 3, "a\n", ""},
        {"", 0, "", ""},
        {"${TM_SET}", 9, "${TM_SET}", ""},
        {"a\0b", 3, NULL, "is not text (UTF-8 without NUL)"},
        {"\xc3", 1, NULL, "is not text (UTF-8 without NUL)"},
        {big, sizeof big, NULL, "is larger than 64 KiB"},
    };
    set_environment();
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        char option[512];
        snprintf(option, sizeof option, "\"${file:%s}\"",
                 write_file("secret", secrets[i].content, secrets[i].len));
        struct loaded loaded = load_with(option);
        char *text = said(&loaded.problems);
        CU_ASSERT_PTR_NOT_NULL(strstr(text, secrets[i].said));
        mem_free(text);
        const struct node_spec *node = node_named(loaded.topology, "a");
        CU_ASSERT_EQUAL(node != NULL, secrets[i].found != NULL);
        if (node && secrets[i].found)
            CU_ASSERT_STRING_EQUAL(setting_text(node->options, "password"), secrets[i].found);
        unload(&loaded);
    }
}

static void never_shows_secrets(void)
{
    char option[512];
    const char *path = write_file("secret", "hunter2\n", 8);
    // A port, a type and a list item from a secret are wrong, in each way that quotes what it
    // found.
    snprintf(option, sizeof option,
             "\"${file:%s}\", port: \"${file:%s}\", decode: \"${file:%s}\", backoff: "
             "\"${file:%s}\", ports: [\"${file:%s}\"]",
             path, path, path, path, path);
    struct loaded loaded = load_with(option);
    CU_ASSERT_EQUAL(loaded.problems.errors, 4);
    char *text = said(&loaded.problems);
    CU_ASSERT_PTR_NULL(strstr(text, "hunter2"));
    mem_free(text);
    unload(&loaded);

    snprintf(option, sizeof option, "hunter2, fields: { deep: [ { x: \"a${file:%s}\" } ] }", path);
    loaded = load_with(option);
    check_said("secret in data", &loaded.problems, "");
    struct buf out;
    buf_init(&out, 1 << 20);
    CU_ASSERT_EQUAL(topology_print(loaded.topology, &out), 0);
    CU_ASSERT_PTR_NULL(strstr(buf_cstr(&out), "hunter2"));
    CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&out), "password: \"***\""));
    buf_deinit(&out);
    unload(&loaded);

    loaded = load_with("hunter2, prot: 5"); // the source line of another key's fault
    buf_init(&out, 1 << 20);
    CU_ASSERT_EQUAL(problems_print(&loaded.problems, &out, false), 0);
    CU_ASSERT_PTR_NULL(strstr(buf_cstr(&out), "hunter2"));
    CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&out), "password: *******, prot: 5"));
    buf_deinit(&out);
    unload(&loaded);
}

static void bounds_what_is_made(void)
{
    static char value[200 << 10], text[64 << 10];
    memset(value, 'x', sizeof value - 1);
    setenv("TM_BIG", value, 1);
    size_t len = (size_t)snprintf(text, sizeof text, "pipeline: p\nx: [");
    for (int i = 0; i < 100; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "\"${TM_BIG}\",\n");
    snprintf(text + len, sizeof text - len,
             "]\nsources: { a: { type: generator } }\n"
             "sinks: { z: { type: null, inputs: a } }\n");
    struct loaded loaded = load_text(text, NULL, 0);
    char *found = said(&loaded.problems);
    CU_ASSERT_PTR_NOT_NULL(strstr(found, "more than 16 MiB after ${...} was put in"));
    mem_free(found);
    unload(&loaded);
    struct loaded one = load_with("\"${TM_BIG}${TM_BIG}${TM_BIG}${TM_BIG}${TM_BIG}${TM_BIG}\"");
    check_said("one value", &one.problems, AT "more than 1024 KiB after ${...} was put in\n");
    unload(&one);
    unsetenv("TM_BIG");
}

static CU_TestInfo tests[] = {{"puts values in", puts_values_in},
                              {"types what was put in", types_what_was_put_in},
                              {"reads secrets", reads_secrets},
                              {"never shows secrets", never_shows_secrets},
                              {"bounds what is made", bounds_what_is_made},
                              CU_TEST_INFO_NULL};

UNIT_MAIN(UNIT_SUITE("interpolate", tests))
