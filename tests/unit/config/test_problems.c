// SPDX-License-Identifier: MIT
#include "config/problems.h"
#include "unit/config/fixture.h"

static void check_printed(const char *yaml, const char *expected)
{
    struct loaded loaded = load_text(yaml, NULL, 0);
    struct buf out;
    buf_init(&out, 1 << 20);
    CU_ASSERT_EQUAL(problems_print(&loaded.problems, &out, false), 0);
    bool same = strcmp(buf_cstr(&out), expected) == 0;
    if (!same)
        printf("\nexpected:\n%sfound:\n%s", expected, buf_cstr(&out));
    CU_ASSERT_TRUE(same);
    buf_deinit(&out);
    unload(&loaded);
}

#define SOURCES "sources: { a: { type: generator } }\nsinks: { z: { type: null, inputs: a } }\n"

static void shows_the_line(void)
{
    check_printed("pipeline: p\n" SOURCES "draim: 5s\nlog: \xc3\xa4\n",
                  "t.yaml:4:1: error: unknown key 'draim' in the pipeline; did you mean 'drain'? "
                  "[unknown-key]\n"
                  "  draim: 5s\n"
                  "  ^\n"
                  "t.yaml:5:6: error: log: expected 'error', 'warn', 'info' or 'debug', found "
                  "'\xc3\xa4' [unknown-choice]\n"
                  "  log: \xc3\xa4\n"
                  "       ^\n");
    // Columns are characters, also behind wide text; a tab is shown as a space.
    check_printed("pipeline: p\n" SOURCES "x-a: { \"\xc3\xa4\xc3\xb6\xc3\xbc\":\t1, b: !t 2 }\n",
                  "t.yaml:4:21: error: tags such as '!t' are not supported: types come from the "
                  "options [yaml-tag]\n"
                  "  x-a: { \"\xc3\xa4\xc3\xb6\xc3\xbc\": 1, b: !t 2 }\n"
                  "                      ^\n");
}

static void cuts_long_lines(void)
{
    char yaml[4096], expected[4096];
    char blanks[1025];
    memset(blanks, ' ', sizeof blanks - 1);
    blanks[sizeof blanks - 1] = 0;
    snprintf(yaml, sizeof yaml, "pipeline: p\n" SOURCES "x-a: {%s b: !t 2 }%s# end\n", blanks,
             blanks);
    snprintf(expected, sizeof expected,
             "t.yaml:4:1035: error: tags such as '!t' are not supported: types come from the "
             "options [yaml-tag]\n  %.95s b: !t 2 }%.15s\n  %.99s^\n",
             blanks, blanks, blanks);
    check_printed(yaml, expected);
}

static void sorts_and_counts(void)
{
    struct problems problems;
    problems_init(&problems);
    CU_ASSERT_EQUAL(problems_file(&problems, "z.yaml", "one\ntwo\n"), 0);
    CU_ASSERT_EQUAL(problems_file(&problems, "a.yaml", ""), 0);
    problem_add(&problems, (struct place){"a.yaml", 1, 1}, REASON_WRONG_VALUE,
                "in the second file");
    problem_add(&problems, (struct place){"z.yaml", 2, 3}, REASON_WRONG_VALUE, "b");
    problem_warn(&problems, (struct place){"z.yaml", 2, 1}, REASON_WRONG_VALUE, "a");
    problem_add(&problems, (struct place){"z.yaml", 2, 3}, REASON_WRONG_VALUE, "b");
    problem_add(&problems, (struct place){"z.yaml", 2, 3}, REASON_WRONG_VALUE, "c");
    problem_add(&problems, (struct place){0}, REASON_WRONG_VALUE, "no place");
    problem_add(&problems, (struct place){"z.yaml", 0, 0}, REASON_WRONG_VALUE, "no line");
    CU_ASSERT_EQUAL(problems.errors, 5);
    CU_ASSERT_EQUAL(problems.count, 6);
    check_said("sorted", &problems,
               "error: no place\nz.yaml: error: no line\nz.yaml:2:1: warning: a\n"
               "z.yaml:2:3: error: b\nz.yaml:2:3: error: c\na.yaml:1:1: error: in the second "
               "file\n");
    problems_deinit(&problems);
}

static void keeps_a_bounded_number(void)
{
    struct problems problems;
    problems_init(&problems);
    for (uint32_t i = 1; i <= 250; i++)
        problem_add(&problems, (struct place){"f", i, 0}, REASON_WRONG_VALUE, "problem %u", i);
    CU_ASSERT_EQUAL(problems.errors, 250);
    char *text = said(&problems);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "f:200: error: problem 200\nand 50 more errors\n"));
    mem_free(text);
    problems_deinit(&problems);
}

static void harmless_to_print(void)
{
    struct problems problems;
    problems_init(&problems);
    problem_add(&problems, (struct place){0}, REASON_WRONG_VALUE,
                "a\033[2Jb\nc\td\x7f\xc2\x9b"
                "e\xc3\xa4");
    check_said("clean", &problems, "error: a?[2Jb?c d???e\xc3\xa4\n");
    problems_deinit(&problems);
    char big[5001];
    memset(big, 0xa4, sizeof big - 1);
    for (size_t i = 0; i < sizeof big - 1; i += 2)
        big[i] = (char)0xc3;
    big[5000] = 0;
    problems_init(&problems);
    problem_add(&problems, (struct place){0}, REASON_WRONG_VALUE, "x%s", big);
    CU_ASSERT_EQUAL(strlen(problems.items[0].text), 1999); // cut between characters
    problems_deinit(&problems);
}

static void colours(void)
{
    struct problems problems;
    struct buf out;
    problems_init(&problems);
    buf_init(&out, 4096);
    CU_ASSERT_EQUAL(problems_file(&problems, "f", "ab"), 0);
    problem_add(&problems, (struct place){"f", 1, 2}, REASON_WRONG_VALUE, "x");
    CU_ASSERT_EQUAL(problems_print(&problems, &out, true), 0);
    CU_ASSERT_STRING_EQUAL(buf_cstr(&out),
                           "\033[1mf:1:2: \033[0m\033[1;31merror:\033[0m x [wrong-value]\n  ab\n"
                           "   \033[1;32m^\033[0m\n");
    buf_deinit(&out);
    problems_deinit(&problems);
}

static void as_json(void)
{
    struct problems problems;
    struct buf out;
    problems_init(&problems);
    buf_init(&out, 4096);
    CU_ASSERT_EQUAL(problems_json(&problems, &out), 0);
    CU_ASSERT_STRING_EQUAL(buf_cstr(&out), "[]");
    buf_clear(&out);
    problem_add(&problems, (struct place){"a\"b", 3, 4}, REASON_WRONG_VALUE, "back\\slash");
    problem_warn(&problems, (struct place){0}, REASON_WRONG_VALUE, "w");
    CU_ASSERT_EQUAL(problems_json(&problems, &out), 0);
    CU_ASSERT_STRING_EQUAL(buf_cstr(&out),
                           "[{\"file\":null,\"line\":0,\"column\":0,\"severity\":\"warning\","
                           "\"code\":\"wrong-value\",\"message\":\"w\"},"
                           "{\"file\":\"a\\\"b\",\"line\":3,\"column\":4,\"severity\":\"error\","
                           "\"code\":\"wrong-value\",\"message\":"
                           "\"back\\\\slash\"}]");
    buf_deinit(&out);
    problems_deinit(&problems);
}

static void nearest(void)
{
    static const char *const names[] = {"key_by",   "window",       "inputs", "script", "params",
                                        "on_error", "out_of_order", "id",     NULL};
    static const struct {
        const char *name, *near;
    } cases[] = {
        {"keyby", "key_by"},
        {"key-by", "key_by"},
        {"KEY_BY", "key_by"},
        {"windwo", "window"},
        {"input", "inputs"},
        {"inptus", "inputs"},
        {"onerror", "on_error"},
        {"out_of_oder", "out_of_order"},
        {"parms", "params"},
        {"di", "id"},
        {"x", NULL},
        {"", NULL},
        {"zzzzzz", NULL},
        {"win", NULL},
        {"scripture", "script"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *near = nearest_name(cases[i].name, names);
        bool same =
            near && cases[i].near ? strcmp(near, cases[i].near) == 0 : near == cases[i].near;
        if (!same)
            printf("\n%s: %s, not %s\n", cases[i].name, near ? near : "(none)",
                   cases[i].near ? cases[i].near : "(none)");
        CU_ASSERT_TRUE(same);
    }
    CU_ASSERT_PTR_NULL(nearest_name("a", NULL));
}

static CU_TestInfo tests[] = {{"shows the line", shows_the_line},
                              {"cuts long lines", cuts_long_lines},
                              {"sorts and counts", sorts_and_counts},
                              {"keeps a bounded number", keeps_a_bounded_number},
                              {"harmless to print", harmless_to_print},
                              {"colours", colours},
                              {"as JSON", as_json},
                              {"nearest name", nearest},
                              CU_TEST_INFO_NULL};

UNIT_MAIN(UNIT_SUITE("problems", tests))
