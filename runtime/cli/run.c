// SPDX-License-Identifier: MIT
#include "cli/pipeline.h"
#include "cli/signals.h"
#include "cli/sight.h"
#include "cli/status.h"
#include "base/log.h"
#include "cli/terminal.h"

#include <errno.h>
#include <string.h>

// tidemill run: one pipeline, until its sources end or a signal comes.

static const struct args_option options[] = {
    PIPELINE_OPTIONS,
    {"parallelism", 0, "N", "lanes, whatever the pipeline says"},
    {"fresh", 0, NULL, "begin anew: forget the checkpoints of earlier runs"},
    {"from-checkpoint", 0, "N", "go on from this checkpoint, not from the newest"},
    {"allow-loss", 0, "NODE", "give up what this node kept, if the pipeline has no place for it"},
    {"quiet", 'q', NULL, "no status line and no summary"},
    {"profile", 0, NULL, "measure the time that each node takes (in the report)"},
    {"http", 0, "ADDR", "serve /metrics, /healthz and /readyz there: 127.0.0.1:9090, or a port"},
    {"http-cert", 0, "FILE", "the certificate for HTTPS (PEM); with --http-key"},
    {"http-key", 0, "FILE", "its key (PEM)"},
    {"http-token-file", 0, "FILE", "requests must bring the token in this file (Bearer)"},
    {"report", 'r', "FILE", "at the end write all counters of all nodes there, as JSON"},
    LOG_OPTION,
    {0},
};

enum { STATUS_EVERY_MS = 1000, WAIT_MS = 100 };

struct watch {
    struct engine *engine;
    struct sight *sight; // NULL: not asked for
    struct totals last;
    int64_t last_ms, started_ms;
    bool quiet;
};

static int64_t now_ms(void)
{
    return clock_mono_ns(clock_system()) / 1000000;
}

static void show_status(struct watch *watch)
{
    int64_t now = now_ms();
    struct engine_status status;
    if (watch->quiet || now - watch->last_ms < STATUS_EVERY_MS ||
        engine_status(watch->engine, &status))
        return;
    struct totals totals;
    totals_of(&totals, &status);
    struct buf line;
    buf_init(&line, 1024);
    if (totals_line(&totals, &watch->last, now - watch->last_ms, &line) == 0)
        terminal_status(buf_cstr(&line));
    buf_deinit(&line);
    engine_status_free(&status);
    watch->last = totals;
    watch->last_ms = now;
}

static void print_summary(const struct watch *watch, const struct engine_status *status)
{
    struct totals totals, none = {0};
    totals_of(&totals, status);
    const struct log_field fields[] = {{"in", (long long)totals.in},
                                       {"out", (long long)totals.out},
                                       {"failed", (long long)totals.failed},
                                       {"late", (long long)totals.late},
                                       {"ms", (long long)(now_ms() - watch->started_ms)}};
    const struct log_event done = {
        .level = LOG_INFO, .fields = fields, .field_count = sizeof fields / sizeof *fields};
    struct buf line;
    buf_init(&line, 1024);
    if (log_is_json())
        log_say(&done, "done");
    else if (totals_line(&totals, &none, now_ms() - watch->started_ms, &line) == 0)
        fprintf(stderr, "done: %s\n", buf_cstr(&line));
    buf_deinit(&line);
}

static int write_report(const char *path, const struct engine_status *status,
                        const struct watch *watch, struct error *err)
{
    json_t *report = report_json(status, now_ms() - watch->started_ms);
    int bad = !report || json_dump_file(report, path, JSON_INDENT(2));
    int errnum = errno;
    json_decref(report);
    return bad ? error_errno(err, ERR_IO, errnum, "%s", path) : 0;
}

// After the end: do the books balance, and what was it all?
static int conclude(const struct watch *watch, const struct args *args, struct error *err)
{
    struct engine_status status;
    if (engine_status(watch->engine, &status))
        return error_nomem(err);
    int code = engine_account(watch->engine, err);
    if (!watch->quiet)
        print_summary(watch, &status);
    const char *path = args_text(args, "report");
    if (path && !code)
        code = write_report(path, &status, watch, err);
    engine_status_free(&status);
    return code;
}

static enum engine_state follow(struct watch *watch)
{
    bool stopping = false;
    enum engine_state state;
    while ((state = engine_wait(watch->engine, WAIT_MS)) == ENGINE_RUNNING) {
        if (!stopping && signals_stop()) {
            stopping = true;
            sight_phase(watch->sight, SNAPSHOT_STOPPING);
            engine_stop(watch->engine);
        }
        show_status(watch);
    }
    terminal_status_end();
    return state;
}

static enum exit_status start_and_follow(struct watch *watch, const struct args *args)
{
    struct error err = ERROR_INIT;
    engine_profile(watch->engine, args_flag(args, "profile") || watch->sight);
    if (engine_start(watch->engine, &err))
        return command_fail(&err);
    sight_phase(watch->sight, SNAPSHOT_RUNNING);
    enum engine_state state = follow(watch);
    int code = conclude(watch, args, &err);
    if (state == ENGINE_FAILED)
        return command_fail(engine_error(watch->engine));
    return code ? command_fail(&err) : EXIT_DONE;
}

static void heed_log_level(const struct topology *topology)
{
    static const char *const names[] = {"error", "warn", "info", "debug"}; // as enum log_level
    const char *level = setting_text(topology->top, "log.level");
    for (int i = LOG_ERROR; level && i <= LOG_DEBUG; i++)
        if (strcmp(level, names[i]) == 0)
            log_set_level((enum log_level)i);
}

static enum exit_status run_engine(const struct pipeline *pipeline, const struct args *args)
{
    struct error err = ERROR_INIT;
    struct watch watch = {.engine = pipeline->engine, .quiet = args_flag(args, "quiet")};
    const char *address = args_text(args, "http");
    watch.started_ms = watch.last_ms = now_ms();
    heed_log_level(pipeline->topology);
    if (address && sight_new(&watch.sight, pipeline, args, &err))
        return command_fail(&err);
    enum exit_status status = start_and_follow(&watch, args);
    sight_free(watch.sight);
    return status;
}

static enum exit_status run(const struct args *args)
{
    if (args->operand_count != 1)
        return command_misused(&command_run,
                               args->operand_count ? "one pipeline a process" : "which pipeline?");
    signals_catch();
    struct pipeline pipeline;
    enum exit_status status = pipeline_load(&pipeline, args->operands[0], args);
    if (status)
        return status;
    status = run_engine(&pipeline, args);
    pipeline_free(&pipeline);
    return status;
}

const struct command command_run = {
    .name = "run",
    .help = "run a pipeline until its sources end, or until SIGTERM or Ctrl-C",
    .operands = "FILE",
    .options = options,
    .details =
        "SIGTERM and SIGINT end the sources, write what is in flight, and exit with 0; a\n"
        "second one exits at once.\n"
        "--http serves metrics for Prometheus, whether all plugins are open (/readyz), and what\n"
        "`tidemill why` asks for; loopback unless an address is given, port 0: one that is free.\n"
        "An address that others can reach needs --http-cert, --http-key and --http-token-file.\n",
    .example = "  tidemill run configs/traffic.yaml --with configs/kafka.yaml\n",
    .run = run,
};
