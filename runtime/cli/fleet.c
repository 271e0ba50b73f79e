// SPDX-License-Identifier: MIT
#include "cli/fleet.h"

#include "base/alloc.h"
#include "base/log.h"
#include "engine/crew.h"
#include "time/watermark.h"

#include <string.h>

int64_t fleet_now_ms(void)
{
    return clock_mono_ns(clock_system()) / 1000000;
}

const char *member_name(const struct member *member)
{
    return member->pipeline.topology->pipeline;
}

// State, consumer groups and metrics hang on the name.
static enum exit_status check_names(const struct fleet *fleet, const struct args *args)
{
    struct error err = ERROR_INIT;
    for (uint32_t i = 1; i < fleet->count; i++)
        for (uint32_t k = 0; k < i; k++) {
            const char *name = member_name(&fleet->members[i]);
            if (strcmp(name, member_name(&fleet->members[k])) != 0)
                continue;
            error_set(&err, ERR_INPUT,
                      "%s and %s are both named '%s': pipelines that run together "
                      "need names of their own",
                      args->operands[k], args->operands[i], name);
            error_as(&err, REASON_NAME_TAKEN);
            return command_fail(&err);
        }
    return EXIT_DONE;
}

// The level of the log is the process's: the most that any of them asks for.
static void heed_log_levels(const struct fleet *fleet)
{
    static const char *const names[] = {"error", "warn", "info", "debug"}; // as enum log_level
    int most = -1;
    for (uint32_t k = 0; k < fleet->count; k++) {
        const char *level = setting_text(fleet->members[k].pipeline.topology->top, "log.level");
        for (int i = LOG_ERROR; level && i <= LOG_DEBUG; i++)
            if (strcmp(level, names[i]) == 0 && i > most)
                most = i;
    }
    if (most >= 0)
        log_set_level((enum log_level)most);
}

static enum exit_status load_all(struct fleet *fleet, const struct args *args)
{
    enum exit_status status = EXIT_DONE;
    for (size_t i = 0; i < args->operand_count; i++) {
        struct member *member = &fleet->members[fleet->count];
        enum exit_status one =
            pipeline_load_with(&member->pipeline, args->operands[i], args, fleet->crew);
        if (one == EXIT_DONE)
            supervisor_init(&member->supervisor, member->pipeline.topology);
        fleet->count += one == EXIT_DONE;
        status = one > status ? one : status;
    }
    return status;
}

enum exit_status fleet_load(struct fleet *fleet, const struct args *args)
{
    struct error err = ERROR_INIT;
    *fleet = (struct fleet){0};
    fleet->members = mem_zalloc(args->operand_count * sizeof *fleet->members);
    if (!fleet->members) {
        error_nomem(&err);
        return command_fail(&err);
    }
    if (crew_new(&fleet->crew, clock_system(), 0, &err))
        return command_fail(&err);
    enum exit_status status = load_all(fleet, args);
    if (!status)
        status = check_names(fleet, args);
    if (!status)
        heed_log_levels(fleet);
    return status;
}

void fleet_free(struct fleet *fleet)
{
    for (uint32_t i = 0; i < fleet->count; i++)
        pipeline_free(&fleet->members[i].pipeline);
    crew_free(fleet->crew);
    mem_free(fleet->members);
}

bool fleet_runs(const struct fleet *fleet)
{
    for (uint32_t i = 0; i < fleet->count; i++)
        if (fleet->members[i].runs || fleet->members[i].waits)
            return true;
    return false;
}

int fleet_totals(const struct fleet *fleet, struct totals *out)
{
    *out = (struct totals){.lag = -1, .lag_bytes = -1, .watermark = WATERMARK_NONE};
    for (uint32_t i = 0; i < fleet->count; i++) {
        struct engine *engine = fleet->members[i].pipeline.engine;
        struct engine_status status;
        struct totals one;
        if (!engine)
            continue;
        if (engine_status(engine, &status))
            return ERR_NOMEM;
        totals_of(&one, &status);
        totals_add(out, &one);
        engine_status_free(&status);
    }
    return 0;
}
