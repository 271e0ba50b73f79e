// SPDX-License-Identifier: MIT
#include "cli/pipeline.h"
#include "config/text.h"

#include <limits.h>
#include <string.h>

// tidemill check: everything short of connecting.

static const struct args_option options[] = {
    PIPELINE_OPTIONS,
    {"json", 'j', NULL, "as JSON: a list with problems and paths of each file"},
    {"quiet", 'q', NULL, "say nothing when all is well"},
    {0},
};

static enum exit_status print_guarantees(const char *file, const struct pipeline *pipeline)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    struct error err = ERROR_INIT;
    int code = engine_guarantees(pipeline->engine, &text);
    if (!code)
        printf("%s: no problems\n%s", file, buf_cstr(&text));
    buf_deinit(&text);
    if (!code)
        return fflush(stdout) ? EXIT_FAILED : EXIT_DONE;
    error_set(&err, code, "%s: %s", file, error_meaning(code));
    return command_fail(&err);
}

static enum exit_status check_file(const char *file, const struct args *args)
{
    struct pipeline pipeline;
    enum exit_status status = pipeline_load(&pipeline, file, args);
    if (status)
        return status;
    if (!args_flag(args, "quiet"))
        status = print_guarantees(file, &pipeline);
    pipeline_free(&pipeline);
    return status;
}

// -- as JSON --

enum { JSON_MAX_BYTES = 64 << 20 };

struct paths {
    struct buf *out;
    bool any;
};

static int put_path(void *arg, const struct engine_path *path)
{
    static const char *const words[] = {[GUARANTEE_AT_MOST_ONCE] = "at_most_once",
                                        [GUARANTEE_AT_LEAST_ONCE] = "at_least_once",
                                        [GUARANTEE_EXACTLY_ONCE] = "exactly_once"};
    struct paths *paths = arg;
    int code = buf_puts(paths->out, paths->any ? ",{\"from\":" : "{\"from\":");
    if (!code)
        code = text_json(path->from, paths->out);
    if (!code)
        code = buf_puts(paths->out, ",\"to\":");
    if (!code)
        code = text_json(path->to, paths->out);
    if (!code)
        code = buf_printf(paths->out, ",\"guarantee\":\"%s\",\"why\":", words[path->guarantee]);
    if (!code)
        code = text_json(path->why, paths->out);
    paths->any = true;
    return code ? code : buf_putc(paths->out, '}');
}

static int put_result(struct buf *out, const char *file, const struct pipeline *pipeline,
                      const struct problems *problems)
{
    char name[PATH_MAX];
    snprintf(name, sizeof name, "%s", file);
    (void)text_clean(name, strlen(name), sizeof name);
    struct paths paths = {.out = out};
    int code = buf_puts(out, "{\"file\":");
    if (!code)
        code = text_json(name, out);
    if (!code)
        code = buf_printf(out, ",\"ok\":%s,\"problems\":", pipeline->engine ? "true" : "false");
    if (!code)
        code = problems_json(problems, out);
    if (!code)
        code = buf_puts(out, ",\"paths\":[");
    if (!code && pipeline->engine)
        code = engine_paths(pipeline->engine, put_path, &paths);
    return code ? code : buf_puts(out, "]}");
}

static int check_json(struct buf *out, const char *file, const struct args *args,
                      enum exit_status *status)
{
    struct pipeline pipeline;
    struct error err = ERROR_INIT;
    struct problems problems;
    problems_init(&problems);
    int code = pipeline_try(&pipeline, file, args, &problems, &err);
    if (code && err.len) // not of the file: of a directory of plugins, of memory
        problem_add(&problems, (struct place){0}, error_reason(&err), "%s", err.text);
    *status = !code ? EXIT_DONE : code == ERR_INPUT ? EXIT_WRONG_INPUT : EXIT_FAILED;
    code = put_result(out, file, &pipeline, &problems);
    problems_deinit(&problems);
    pipeline_free(&pipeline);
    return code;
}

static enum exit_status run_json(const struct args *args)
{
    struct buf text;
    struct error err = ERROR_INIT;
    enum exit_status worst = EXIT_DONE, status;
    buf_init(&text, JSON_MAX_BYTES);
    int code = buf_putc(&text, '[');
    for (size_t i = 0; !code && i < args->operand_count; i++) {
        code = i ? buf_puts(&text, ",\n") : 0;
        if (!code)
            code = check_json(&text, args->operands[i], args, &status);
        if (!code)
            worst = status > worst ? status : worst;
    }
    if (!code)
        code = buf_puts(&text, "]\n");
    if (!code)
        fputs(buf_cstr(&text), stdout);
    buf_deinit(&text);
    if (!code)
        return fflush(stdout) ? EXIT_FAILED : worst;
    error_set(&err, code, "%s", error_meaning(code));
    return command_fail(&err);
}

// Each file is a pipeline of its own; the worst status counts.
static enum exit_status run(const struct args *args)
{
    if (args->operand_count == 0)
        return command_misused(&command_check, "which pipeline?");
    if (args_flag(args, "json"))
        return run_json(args);
    enum exit_status worst = EXIT_DONE;
    for (size_t i = 0; i < args->operand_count; i++) {
        enum exit_status status = check_file(args->operands[i], args);
        worst = status > worst ? status : worst;
    }
    return worst;
}

const struct command command_check = {
    .name = "check",
    .help = "find all that is wrong with pipelines, without connecting to anything",
    .operands = "FILE...",
    .options = options,
    .details =
        "Checks YAML, options, edges, plugins and scripts, and prints what each path from a\n"
        "source to a sink guarantees. Each FILE is a pipeline of its own. --json prints a list of\n"
        "{ file, ok, problems: [ { file, line, column, severity, code, message } ],\n"
        "paths: [ { from, to, guarantee, why } ] }.\n",
    .example = "  tidemill check traffic.yaml --with kafka.yaml\n",
    .run = run,
};
