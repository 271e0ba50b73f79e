// SPDX-License-Identifier: MIT
#include "cli/pipeline.h"

#include "base/alloc.h"
#include "base/log.h"
#include "cli/terminal.h"

#include <string.h>

enum { PROBLEMS_MAX_BYTES = 1 << 20 };

int pipeline_registry(struct registry **out, const struct args *args, struct error *err)
{
    *out = NULL;
    int code = registry_new(out, err);
    if (!code)
        code = registry_add_defaults(*out, err);
    size_t cursor = 0;
    for (const char *dir; !code && (dir = args_next(args, "plugins", &cursor)) != NULL;)
        code = registry_add_dir(*out, dir, err);
    if (code) {
        registry_free(*out);
        *out = NULL;
    }
    return code;
}

static void log_problem(const struct problem *one)
{
    const struct log_field fields[] = {{"line", one->place.line}, {"column", one->place.col}};
    const struct log_event event = {.level = one->warning ? LOG_WARN : LOG_ERROR,
                                    .reason = one->reason,
                                    .fields = fields,
                                    .field_count = one->place.line ? 2 : 0};
    const char *file = one->place.file ? one->place.file : "";
    log_say(&event, "%s%s%s", file, *file ? ": " : "", one->text);
}

void pipeline_say(const struct problems *problems)
{
    for (size_t i = 0; log_is_json() && i < problems->count; i++)
        log_problem(&problems->items[i]);
    if (log_is_json())
        return;
    struct buf text;
    buf_init(&text, PROBLEMS_MAX_BYTES);
    if (problems_print(problems, &text, terminal_colours(stderr)) == 0)
        fputs(buf_cstr(&text), stderr);
    else
        fprintf(stderr, "tidemill: error: %zu problems, and no memory to print them\n",
                problems->count);
    buf_deinit(&text);
}

// All values of a repeated option behind `first` (NULL: none), in an array that the caller frees,
// NULL behind them.
static const char **collect(const struct args *args, const char *name, const char *first,
                            uint32_t *count)
{
    const char **list = mem_array(args->given_count + 2, sizeof *list);
    if (!list)
        return NULL;
    *count = 0;
    if (first)
        list[(*count)++] = first;
    size_t cursor = 0;
    for (const char *value; (value = args_next(args, name, &cursor)) != NULL;)
        list[(*count)++] = value;
    list[*count] = NULL;
    return list;
}

static int load_topology(struct pipeline *pipeline, const char *file, const struct args *args,
                         struct problems *problems, struct error *err)
{
    struct topology_input input = {0};
    const char **files = collect(args, "with", file, &input.file_count);
    const char **sets = collect(args, "set", NULL, &input.set_count);
    input.files = files;
    input.sets = sets;
    int code = files && sets
                   ? topology_load(&pipeline->topology, &input, pipeline->catalogue, problems)
                   : ERR_NOMEM;
    if (code == ERR_NOMEM)
        error_nomem(err);
    mem_free(files);
    mem_free(sets);
    return code;
}

static int load(struct pipeline *pipeline, const char *file, const struct args *args,
                struct crew *crew, struct problems *problems, struct error *err)
{
    int code = pipeline_registry(&pipeline->registry, args, err);
    if (!code)
        code = engine_catalogue(&pipeline->catalogue, pipeline->registry, err);
    if (!code)
        code = load_topology(pipeline, file, args, problems, err);
    if (code)
        return code;
    struct engine_config config = {
        .topology = pipeline->topology,
        .registry = pipeline->registry,
        .clock = clock_system(),
        .has_plugins = true,
        .crew = crew,
    };
    uint32_t losses;
    int64_t lanes = 0, from = 0; // as the pipeline says; the newest
    code = args_count(args, "parallelism", 1, 1024, 0, &lanes, err);
    if (code)
        return code;
    config.lanes = (uint32_t)lanes;
    config.fresh = args_flag(args, "fresh");
    config.losses = pipeline->losses = collect(args, "allow-loss", NULL, &losses);
    code = args_count(args, "from-checkpoint", 1, INT64_MAX, 0, &from, err);
    if (code || !config.losses)
        return code ? code : error_nomem(err);
    config.from_checkpoint = (uint64_t)from;
    pipeline->config = config;
    return engine_new(&pipeline->engine, &config, problems);
}

int pipeline_again(struct pipeline *pipeline, struct error *err)
{
    struct problems problems;
    problems_init(&problems);
    pipeline->config.fresh = false;
    pipeline->config.from_checkpoint = 0;
    int code = engine_new(&pipeline->engine, &pipeline->config, &problems);
    const struct problem *first = NULL;
    for (size_t i = problems.count; i--;)
        first = problems.items[i].warning ? first : &problems.items[i];
    if (code && first) {
        const struct place *place = &first->place;
        error_set(err, code, "%s", first->text);
        if (place->file && place->line)
            error_prefix(err, "%s:%u:%u", place->file, place->line, place->col);
        else if (place->file)
            error_prefix(err, "%s", place->file);
        error_as(err, first->reason);
    } else if (code) {
        error_nomem(err);
    }
    problems_deinit(&problems);
    return code;
}

static int try(struct pipeline *pipeline, const char *file, const struct args *args,
               struct crew *crew, struct problems *problems, struct error *err)
{
    *pipeline = (struct pipeline){0};
    int code = load(pipeline, file, args, crew, problems, err);
    if (code)
        pipeline_free(pipeline);
    return code;
}

int pipeline_try(struct pipeline *pipeline, const char *file, const struct args *args,
                 struct problems *problems, struct error *err)
{
    return try(pipeline, file, args, NULL, problems, err);
}

enum exit_status pipeline_load_with(struct pipeline *pipeline, const char *file,
                                    const struct args *args, struct crew *crew)
{
    struct error err = ERROR_INIT;
    struct problems problems;
    problems_init(&problems);
    int code = try(pipeline, file, args, crew, &problems, &err);
    enum exit_status status = EXIT_DONE;
    if (problems.count)
        pipeline_say(&problems);
    if (code && err.len)
        status = command_fail(&err);
    else if (code)
        status = code == ERR_INPUT ? EXIT_WRONG_INPUT : EXIT_FAILED;
    problems_deinit(&problems);
    return status;
}

enum exit_status pipeline_load(struct pipeline *pipeline, const char *file, const struct args *args)
{
    return pipeline_load_with(pipeline, file, args, NULL);
}

void pipeline_free(struct pipeline *pipeline)
{
    if (pipeline->engine)
        engine_free(pipeline->engine);
    if (pipeline->topology)
        topology_free(pipeline->topology);
    if (pipeline->catalogue)
        engine_catalogue_free(pipeline->catalogue);
    if (pipeline->registry)
        registry_free(pipeline->registry);
    mem_free(pipeline->losses);
    *pipeline = (struct pipeline){0};
}
