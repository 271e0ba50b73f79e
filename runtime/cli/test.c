// SPDX-License-Identifier: MIT
#include "cli/pipeline.h"
#include "cli/steps.h"
#include "cli/test_files.h"
#include "cli/test_scripts.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

// tidemill test: what stands under `tests:` in pipelines, and x_test.lua beside scripts, on a
// virtual clock and without plugins being opened. Each test has a pipeline of its own.

static const struct args_option options[] = {
    PIPELINE_OPTIONS,
    {"parallelism", 0, "N", "lanes in which the pipelines of tests run; default 1"},
    {"json", 'j', NULL, "as JSON: counts, and each case with its verdict"},
    {"junit", 0, "FILE", "write JUnit XML there as well, for CI"},
    {0},
};

enum { REPORT_MAX_BYTES = 64 << 20, DETAIL_MAX_BYTES = 1 << 20 };

struct run {
    const struct args *args;
    uint32_t lanes;
    struct test_report report;
    enum exit_status worst;
};

static void note(struct run *run, enum exit_status status)
{
    run->worst = status > run->worst ? status : run->worst;
}

static const char *name_of(const struct tide_config *test)
{
    const char *name = test->is_map ? setting_text(test, "name") : NULL;
    return name ? name : "(without a name)";
}

// "pipeline.yaml:12:7: text", and the lines of the report below it.
static int put_failure(const struct tide_config *at, const struct error *err,
                       const struct buf *report, struct buf *out)
{
    int code = buf_printf(out, "%s:%u:%u: %s", at->place.file ? at->place.file : "?",
                          at->place.line, at->place.col, err->text);
    if (!code && report->len)
        code = buf_putc(out, '\n');
    return code || !report->len ? code : buf_append(out, report->data, report->len);
}

// All steps of a test; *at is the one that failed.
static int run_steps(struct trial *trial, const struct tide_config *test,
                     const struct tide_config **at, struct buf *report, struct error *err)
{
    const struct tide_config *steps = test->is_map ? setting_at(test, "steps") : NULL;
    *at = test;
    if (!steps || !steps->is_list)
        return error_set(err, ERR_INPUT, "a test is { name: ..., steps: [ ... ] }");
    for (uint32_t i = 0; i < steps->count; i++) {
        *at = &steps->items[i];
        int code = step_run(trial, *at, report, err);
        if (code)
            return code;
    }
    *at = test;
    return trial_account(trial, err);
}

static int run_trial(const struct run *run, const struct pipeline *pipeline,
                     const struct tide_config *test, const struct tide_config **at,
                     struct buf *report, struct error *err)
{
    struct problems problems;
    problems_init(&problems);
    struct trial *trial = NULL;
    *at = test;
    int code = trial_new(&trial, pipeline->topology, pipeline->registry, run->lanes, &problems);
    if (code)
        error_set(err, code, "%s", problems.count ? problems.items[0].text : error_meaning(code));
    else
        code = run_steps(trial, test, at, report, err);
    trial_free(trial);
    problems_deinit(&problems);
    return code;
}

static void run_test(struct run *run, const char *file, const struct pipeline *pipeline,
                     const struct tide_config *test)
{
    struct error err = ERROR_INIT;
    struct buf report, message;
    buf_init(&report, DETAIL_MAX_BYTES);
    buf_init(&message, 2 * DETAIL_MAX_BYTES);
    const struct tide_config *at;
    int code = run_trial(run, pipeline, test, &at, &report, &err);
    bool said = !code || put_failure(at, &err, &report, &message) == 0;
    enum test_verdict verdict = !code ? TEST_PASSED : code == ERR_INPUT ? TEST_BROKEN : TEST_FAILED;
    const char *text = !code ? NULL : said ? buf_cstr(&message) : err.text;
    if (test_report_add(&run->report, file, name_of(test), verdict, text))
        note(run, EXIT_FAILED);
    note(run, verdict == TEST_PASSED   ? EXIT_DONE
              : verdict == TEST_BROKEN ? EXIT_WRONG_INPUT
                                       : EXIT_FAILED);
    buf_deinit(&message);
    buf_deinit(&report);
}

// A pipeline that cannot be loaded, with all that is wrong with it.
static void add_broken(struct run *run, const char *file, const struct problems *problems,
                       const struct error *err)
{
    struct buf text;
    buf_init(&text, DETAIL_MAX_BYTES);
    bool printed = !err->len && problems_print(problems, &text, false) == 0;
    if (test_report_add(&run->report, file, "(the pipeline)", TEST_BROKEN,
                        printed ? buf_cstr(&text) : err->text))
        note(run, EXIT_FAILED);
    buf_deinit(&text);
}

static void test_pipeline(struct run *run, const char *file)
{
    struct pipeline pipeline;
    struct error err = ERROR_INIT;
    struct problems problems;
    problems_init(&problems);
    test_report_file(&run->report, file);
    int code = pipeline_try(&pipeline, file, run->args, &problems, &err);
    if (code) {
        add_broken(run, file, &problems, &err);
        note(run, code == ERR_INPUT ? EXIT_WRONG_INPUT : EXIT_FAILED);
    } else {
        pipeline_say(&problems);
    }
    const struct tide_config *tests = code ? NULL : pipeline.topology->tests;
    for (uint32_t i = 0; tests && i < tests->count; i++)
        run_test(run, file, &pipeline, &tests->items[i]);
    pipeline_free(&pipeline);
    problems_deinit(&problems);
}

static void test_file(void *arg, const char *path)
{
    struct run *run = arg;
    if (test_file_is_script(path))
        note(run, test_script(path, run->args, &run->report));
    else
        test_pipeline(run, path);
}

static int write_junit(const struct test_report *report, const char *path, struct error *err)
{
    struct buf text;
    buf_init(&text, REPORT_MAX_BYTES);
    int fd = -1, code = test_report_junit(report, &text);
    if (code)
        error_set(err, code, "%s: %s", path, error_meaning(code));
    else
        code = io_open(&fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644, err);
    if (!code)
        code = io_write_all(fd, path, text.data, text.len, err);
    if (fd >= 0 && close(fd) && !code)
        code = error_errno(err, ERR_IO, errno, "%s", path);
    buf_deinit(&text);
    return code;
}

static int conclude(struct run *run, struct error *err)
{
    struct buf text;
    buf_init(&text, REPORT_MAX_BYTES);
    int code = args_flag(run->args, "json") ? test_report_json(&run->report, &text)
                                            : test_report_line(&run->report, &text);
    if (code)
        error_set(err, code, "%s", error_meaning(code));
    else
        fputs(buf_cstr(&text), stdout);
    buf_deinit(&text);
    const char *junit = args_text(run->args, "junit");
    if (!code && fflush(stdout))
        code = error_set(err, ERR_IO, "standard output");
    return code || !junit ? code : write_junit(&run->report, junit, err);
}

static enum exit_status run(const struct args *args)
{
    if (args->operand_count == 0)
        return command_misused(&command_test, "which pipeline or directory?");
    struct error err = ERROR_INIT;
    struct run run = {.args = args};
    int64_t lanes = 1;
    int code = args_count(args, "parallelism", 1, 1024, 1, &lanes, &err);
    if (code)
        return command_fail(&err);
    run.lanes = (uint32_t)lanes;
    test_report_init(&run.report, args_flag(args, "json"));
    for (size_t i = 0; i < args->operand_count && !code; i++)
        code = test_files(args->operands[i], test_file, &run, &err);
    if (!code)
        code = conclude(&run, &err);
    test_report_deinit(&run.report);
    return code ? command_fail(&err) : run.worst;
}

const struct command command_test = {
    .name = "test",
    .help = "run the tests of pipelines and scripts, on a virtual clock and without a network",
    .operands = "FILE|DIR...",
    .options = options,
    .details =
        "Of a directory and those in it: each *.yaml with `tests:` and each *_test.lua. Exit\n"
        "status 1 when a test failed, 2 when something is written so that it cannot be run.\n"
        "--parallelism N: what comes out has to be the same in any number of lanes, but for the\n"
        "order among keys.\n",
    .example = "  tidemill test configs/ scripts/\n",
    .run = run,
};
