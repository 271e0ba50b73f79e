// SPDX-License-Identifier: MIT
#include "cli/pipeline.h"

// tidemill check: everything short of connecting.

static const struct args_option options[] = {
    PIPELINE_OPTIONS,
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

// Each file is a pipeline of its own; the worst status counts.
static enum exit_status run(const struct args *args)
{
    if (args->operand_count == 0)
        return command_misused(&command_check, "which pipeline?");
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
        "source to a sink guarantees. Each FILE is a pipeline of its own.\n",
    .example = "  tidemill check traffic.yaml --with kafka.yaml\n",
    .run = run,
};
