// SPDX-License-Identifier: MIT
#include "cli/pipeline.h"
#include "cli/steps.h"
#include "cli/test_scripts.h"
#include "cli/verdict.h"

#include <dirent.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

// tidemill test: what stands under `tests:` in pipelines, and x_test.lua beside scripts, on a
// virtual clock and without plugins being opened. Each test has a pipeline of its own.

static const struct args_option options[] = {
    PIPELINE_OPTIONS,
    {0},
};

struct tally {
    const struct args *args;
    unsigned passed, failed;
    enum exit_status worst;
};

static void note(struct tally *tally, enum exit_status status)
{
    tally->worst = status > tally->worst ? status : tally->worst;
}

static const char *name_of(const struct tide_config *test)
{
    const char *name = test->is_map ? setting_text(test, "name") : NULL;
    return name ? name : "(without a name)";
}

static void print_failure(const struct tide_config *at, const struct error *err, struct buf *report)
{
    printf("          %s:%u:%u: %s\n", at->place.file ? at->place.file : "?", at->place.line,
           at->place.col, err->text);
    verdict_detail(buf_cstr(report));
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

static enum exit_status run_test(const struct pipeline *pipeline, const struct tide_config *test)
{
    enum { REPORT_MAX = 1 << 20 };
    struct error err = ERROR_INIT;
    struct problems problems;
    problems_init(&problems);
    struct buf report;
    buf_init(&report, REPORT_MAX);
    struct trial *trial = NULL;
    const struct tide_config *at = test;
    int code = trial_new(&trial, pipeline->topology, pipeline->registry, &problems);
    if (code)
        error_set(&err, code, "%s", problems.count ? problems.items[0].text : error_meaning(code));
    else
        code = run_steps(trial, test, &at, &report, &err);
    verdict_print(name_of(test), code == 0);
    if (code)
        print_failure(at, &err, &report);
    trial_free(trial);
    buf_deinit(&report);
    problems_deinit(&problems);
    return code == 0 ? EXIT_DONE : code == ERR_INPUT ? EXIT_WRONG_INPUT : EXIT_FAILED;
}

static void test_pipeline(struct tally *tally, const char *file)
{
    struct pipeline pipeline;
    printf("%s\n", file);
    fflush(stdout);
    enum exit_status status = pipeline_load(&pipeline, file, tally->args);
    note(tally, status);
    if (status)
        return;
    const struct tide_config *tests = pipeline.topology->tests;
    for (uint32_t i = 0; tests && i < tests->count; i++) {
        status = run_test(&pipeline, &tests->items[i]);
        *(status ? &tally->failed : &tally->passed) += 1;
        note(tally, status);
    }
    pipeline_free(&pipeline);
}

// -- directories --

static bool ends_with(const char *name, const char *end)
{
    size_t len = strlen(name), end_len = strlen(end);
    return len >= end_len && strcmp(name + len - end_len, end) == 0;
}

// Overlays and pipelines without tests are passed over.
static bool has_tests(const char *path)
{
    char line[256];
    bool found = false, at_start = true;
    FILE *file = fopen(path, "re");
    while (file && !found && fgets(line, sizeof line, file)) {
        found = at_start && strncmp(line, "tests:", 6) == 0;
        at_start = strchr(line, '\n') != NULL;
    }
    if (file)
        fclose(file);
    return found;
}

// The name that comes behind `after` in the order of the alphabet; false: none does.
static bool next_name(const char *dir, const char *after, char out[NAME_MAX + 1])
{
    bool found = false;
    DIR *stream = opendir(dir);
    for (struct dirent *entry; stream && (entry = readdir(stream)) != NULL;) {
        bool test = ends_with(entry->d_name, ".yaml") || ends_with(entry->d_name, "_test.lua");
        if (!test || strcmp(entry->d_name, after) <= 0 ||
            (found && strcmp(entry->d_name, out) >= 0))
            continue;
        found = true;
        snprintf(out, NAME_MAX + 1, "%s", entry->d_name);
    }
    if (stream)
        closedir(stream);
    return found;
}

static void test_file(struct tally *tally, const char *path)
{
    if (ends_with(path, ".lua"))
        note(tally, test_script(path, tally->args, &tally->passed, &tally->failed));
    else
        test_pipeline(tally, path);
}

static void test_directory(struct tally *tally, const char *dir)
{
    char name[NAME_MAX + 1] = "", next[NAME_MAX + 1];
    while (next_name(dir, name, next)) {
        char path[PATH_MAX];
        memcpy(name, next, sizeof name);
        int len = snprintf(path, sizeof path, "%s/%s", dir, name);
        if (len <= 0 || (size_t)len >= sizeof path)
            continue;
        if (ends_with(path, ".lua") || has_tests(path))
            test_file(tally, path);
    }
}

static enum exit_status run(const struct args *args)
{
    if (args->operand_count == 0)
        return command_misused(&command_test, "which pipeline or directory?");
    struct tally tally = {.args = args};
    for (size_t i = 0; i < args->operand_count; i++) {
        const char *path = args->operands[i];
        struct stat status;
        if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
            test_directory(&tally, path);
        else
            test_file(&tally, path);
    }
    printf("%u passed, %u failed\n", tally.passed, tally.failed);
    return fflush(stdout) ? EXIT_FAILED : tally.worst;
}

const struct command command_test = {
    .name = "test",
    .help = "run the tests of pipelines and scripts, on a virtual clock and without a network",
    .operands = "FILE|DIR...",
    .options = options,
    .details = "Of a directory: each *.yaml with `tests:` and each *_test.lua. Exit status 1 when\n"
               "a test failed, 2 when one is written wrongly.\n",
    .example = "  tidemill test configs/ scripts/\n",
    .run = run,
};
