// SPDX-License-Identifier: MIT
#include "cli/args.h"
#include "base/alloc.h"
#include "support/unit.h"

#include <string.h>

static const struct args_option options[] = {
    {"with", 'w', "FILE", ""},  {"set", 0, "PATH=VALUE", ""}, {"quiet", 'q', NULL, ""},
    {"for", 0, "DURATION", ""}, {"runs", 'n', "COUNT", ""},   {0},
};

enum { WORDS_MAX = 12 };

struct line {
    char text[WORDS_MAX][64];
    char *argv[WORDS_MAX + 1];
    int argc;
};

// "run -q a.yaml" as main gets it.
static void split(struct line *line, const char *words)
{
    line->argc = 0;
    while (*words && line->argc < WORDS_MAX) {
        size_t len = strcspn(words, " ");
        snprintf(line->text[line->argc], sizeof line->text[0], "%.*s", (int)len, words);
        line->argv[line->argc] = line->text[line->argc];
        line->argc++;
        words += len + (words[len] == ' ');
    }
    line->argv[line->argc] = NULL;
}

static int parse(struct args *args, struct line *line, const char *words, struct error *err)
{
    split(line, words);
    return args_parse(args, options, line->argc, line->argv, err);
}

static void values_flags_and_operands_in_any_order(void)
{
    struct line line;
    struct args args;
    struct error err = ERROR_INIT;
    CU_ASSERT_EQUAL_FATAL(parse(&args, &line, "run a.yaml -w x --set=p=1 b.yaml -q --with y", &err),
                          0);
    CU_ASSERT_EQUAL(args.operand_count, 2);
    CU_ASSERT_STRING_EQUAL(args.operands[0], "a.yaml");
    CU_ASSERT_STRING_EQUAL(args.operands[1], "b.yaml");
    CU_ASSERT_TRUE(args_flag(&args, "quiet"));
    CU_ASSERT_FALSE(args_flag(&args, "for"));
    CU_ASSERT_FALSE(args.help);
    CU_ASSERT_STRING_EQUAL(args_text(&args, "with"), "y"); // the last
    CU_ASSERT_STRING_EQUAL(args_text(&args, "set"), "p=1");
    CU_ASSERT_PTR_NULL(args_text(&args, "runs"));
    size_t cursor = 0;
    CU_ASSERT_STRING_EQUAL(args_next(&args, "with", &cursor), "x");
    CU_ASSERT_STRING_EQUAL(args_next(&args, "with", &cursor), "y");
    CU_ASSERT_PTR_NULL(args_next(&args, "with", &cursor));
    args_free(&args);
}

static void help_abbreviations_and_the_end_of_options(void)
{
    struct line line;
    struct args args;
    struct error err = ERROR_INIT;
    CU_ASSERT_EQUAL_FATAL(parse(&args, &line, "run -h --qui -- -q", &err), 0);
    CU_ASSERT_TRUE(args.help);
    CU_ASSERT_TRUE(args_flag(&args, "quiet"));
    CU_ASSERT_EQUAL(args.operand_count, 1);
    CU_ASSERT_STRING_EQUAL(args.operands[0], "-q");
    args_free(&args);
}

static void what_is_wrong_is_said(void)
{
    static const struct {
        const char *words, *text;
    } cases[] = {
        {"run --wiht x", "unknown option '--wiht'; did you mean '--with'?"},
        {"run --hepl", "unknown option '--hepl'; did you mean '--help'?"},
        {"run --zzzzzzz=1", "unknown option '--zzzzzzz'"},
        {"run -Z", "unknown option '-Z'"},
        {"run --with", "option '--with' needs a value: --with FILE"},
        {"run -w", "option '-w' needs a value"},
        {"run --quiet=1", "option '--quiet' takes no value"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct line line;
        struct args args;
        struct error err = ERROR_INIT;
        CU_ASSERT_EQUAL(parse(&args, &line, cases[i].words, &err), ERR_INPUT);
        CU_ASSERT_STRING_EQUAL(err.text, cases[i].text);
    }
}

static void numbers_and_durations(void)
{
    static const struct {
        const char *words;
        int64_t count, ms; // -1: refused
    } cases[] = {
        {"bench", 7, 9},
        {"bench --runs 5 --for 20s", 5, 20000},
        {"bench --runs 1 --for 1m30s", 1, 90000},
        {"bench --runs 0", -1, 9},
        {"bench --runs 11", -1, 9},
        {"bench --runs 3x", -1, 9},
        {"bench --for 20", 7, -1},
        {"bench --for soon", 7, -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct line line;
        struct args args;
        struct error err = ERROR_INIT;
        int64_t count, ms;
        CU_ASSERT_EQUAL_FATAL(parse(&args, &line, cases[i].words, &err), 0);
        int code = args_count(&args, "runs", 1, 10, 7, &count, &err);
        CU_ASSERT_EQUAL(code ? -1 : count, cases[i].count);
        code = args_duration(&args, "for", 9, &ms, &err);
        CU_ASSERT_EQUAL(code ? -1 : ms, cases[i].ms);
        args_free(&args);
    }
}

static void memory_may_be_out(void)
{
    for (uint64_t n = 1; n <= 2; n++) {
        struct line line;
        struct args args;
        struct error err = ERROR_INIT;
        mem_fail_at(n, false);
        CU_ASSERT_EQUAL(parse(&args, &line, "run -q", &err), ERR_NOMEM);
        mem_fail_at(0, false);
        CU_ASSERT_EQUAL(err.code, ERR_NOMEM);
    }
}

static CU_TestInfo cases[] = {
    {"values, flags and operands in any order", values_flags_and_operands_in_any_order},
    {"help, abbreviations, end of options", help_abbreviations_and_the_end_of_options},
    {"what is wrong is said", what_is_wrong_is_said},
    {"numbers and durations", numbers_and_durations},
    {"memory may be out", memory_may_be_out},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("args", cases))
