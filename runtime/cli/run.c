// SPDX-License-Identifier: MIT
#include "cli/fleet.h"
#include "cli/signals.h"
#include "cli/sight.h"
#include "base/alloc.h"
#include "base/log.h"
#include "cli/terminal.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

// tidemill run: pipelines, each until its sources end or a signal comes.

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

enum { STATUS_EVERY_MS = 1000, WAIT_MS = 100, WAIT_AMONG_MS = 20 };

struct watch {
    struct fleet fleet;
    const struct args *args;
    struct sight *sight; // NULL: not asked for
    struct totals last;
    int64_t last_ms;
    json_t *report; // name -> its counters; NULL: not asked for
    bool quiet, several;
    bool stopping; // a signal has come
};

static void show_status(struct watch *watch)
{
    int64_t now = fleet_now_ms();
    struct totals totals;
    if (watch->quiet || now - watch->last_ms < STATUS_EVERY_MS ||
        fleet_totals(&watch->fleet, &totals))
        return;
    struct buf line;
    buf_init(&line, 1024);
    if (totals_line(&totals, &watch->last, now - watch->last_ms, &line) == 0)
        terminal_status(buf_cstr(&line));
    buf_deinit(&line);
    watch->last = totals;
    watch->last_ms = now;
}

// -- the end of one --

static void print_summary(const struct watch *watch, const struct member *member,
                          const struct engine_status *status)
{
    struct totals totals, none = {0};
    totals_of(&totals, status);
    int64_t ms = fleet_now_ms() - member->started_ms;
    const struct log_field fields[] = {{"in", (long long)totals.in},
                                       {"out", (long long)totals.out},
                                       {"failed", (long long)totals.failed},
                                       {"late", (long long)totals.late},
                                       {"ms", (long long)ms}};
    const struct log_event done = {
        .level = LOG_INFO, .fields = fields, .field_count = sizeof fields / sizeof *fields};
    struct buf line;
    buf_init(&line, 1024);
    if (log_is_json())
        log_say(&done, "done");
    else if (totals_line(&totals, &none, ms, &line) == 0)
        fprintf(stderr, "%s%sdone: %s\n", watch->several ? member_name(member) : "",
                watch->several ? ": " : "", buf_cstr(&line));
    buf_deinit(&line);
}

// Do the books balance, and what was it all?
static int conclude(const struct watch *watch, const struct member *member, struct error *err)
{
    struct engine_status status;
    if (engine_status(member->pipeline.engine, &status))
        return error_nomem(err);
    int code = engine_account(member->pipeline.engine, err);
    if (!watch->quiet)
        print_summary(watch, member, &status);
    int64_t ms = fleet_now_ms() - member->started_ms;
    if (watch->report &&
        json_object_set_new(watch->report, member_name(member), report_json(&status, ms)))
        code = code ? code : error_nomem(err);
    engine_status_free(&status);
    return code;
}

static uint32_t index_of(const struct watch *watch, const struct member *member)
{
    return (uint32_t)(member - watch->fleet.members);
}

static enum exit_status fail(const struct watch *watch, const struct member *member,
                             const struct error *why)
{
    struct error named = *why;
    sight_phase(watch->sight, index_of(watch, member), SNAPSHOT_FAILED);
    if (!watch->several)
        return command_fail(why);
    error_prefix(&named, "%s", member_name(member));
    command_fail(&named);
    return EXIT_FAILED;
}

// One that has failed may get another engine after a while: its files, connections and memory are
// given back until then.
static bool will_restart(struct watch *watch, struct member *member)
{
    struct pipeline *pipeline = &member->pipeline;
    if (watch->stopping || !supervisor_takes(&member->supervisor, pipeline->engine,
                                             member->started_ms, fleet_now_ms()))
        return false;
    sight_engine(watch->sight, index_of(watch, member), NULL);
    engine_free(pipeline->engine);
    pipeline->engine = NULL;
    member->waits = true;
    return true;
}

// What becomes of a pipeline that has ended: it is told, and stays as it is, or is started again.
// The others go on.
static enum exit_status settle(struct watch *watch, struct member *member, enum engine_state state)
{
    struct error err = ERROR_INIT;
    member->runs = false;
    terminal_status_end();
    const char *before = log_set_pipeline(member_name(member));
    enum exit_status status = EXIT_DONE;
    if (state == ENGINE_FAILED && will_restart(watch, member)) {
        log_set_pipeline(before);
        return EXIT_DONE;
    }
    int code = conclude(watch, member, &err);
    if (state == ENGINE_FAILED && code)
        fail(watch, member, &err); // also of what was under way the books are to balance
    if (state == ENGINE_FAILED)
        status = fail(watch, member, engine_error(member->pipeline.engine));
    else if (code)
        status = fail(watch, member, &err);
    else
        sight_phase(watch->sight, index_of(watch, member), SNAPSHOT_DONE);
    log_set_pipeline(before);
    return status;
}

// -- all --

static enum exit_status worse(enum exit_status a, enum exit_status b)
{
    return a ? a : b;
}

static int start(struct watch *watch, struct member *member, struct error *err)
{
    engine_profile(member->pipeline.engine, args_flag(watch->args, "profile") || watch->sight);
    member->started_ms = fleet_now_ms();
    int code = engine_start(member->pipeline.engine, err);
    member->runs = !code;
    if (!code)
        sight_phase(watch->sight, index_of(watch, member), SNAPSHOT_RUNNING);
    return code;
}

static enum exit_status start_all(struct watch *watch)
{
    enum exit_status status = EXIT_DONE;
    for (uint32_t i = 0; i < watch->fleet.count; i++) {
        struct member *member = &watch->fleet.members[i];
        struct error err = ERROR_INIT;
        if (start(watch, member, &err))
            status = worse(status, fail(watch, member, &err));
    }
    return status;
}

// One that failed, when its pause is over.
static enum exit_status start_again(struct watch *watch, struct member *member)
{
    struct error err = ERROR_INIT;
    member->waits = false;
    if (pipeline_again(&member->pipeline, &err)) {
        member->waits = err.code == ERR_NOMEM &&
                        supervisor_takes_error(&member->supervisor, &err, fleet_now_ms());
        return member->waits ? EXIT_DONE : fail(watch, member, &err);
    }
    sight_engine(watch->sight, index_of(watch, member), member->pipeline.engine);
    return start(watch, member, &err) ? fail(watch, member, &err) : EXIT_DONE;
}

// Stopped before its pause was over: what it failed for stands in the log.
static enum exit_status leave(struct watch *watch, struct member *member)
{
    struct error err = ERROR_INIT;
    member->waits = false;
    error_set(&err, ERR_RETRY,
              "stopped before its restart; it goes on from its last checkpoint "
              "when it is run again");
    return fail(watch, member, &err);
}

static enum exit_status look_at_waiting(struct watch *watch)
{
    enum exit_status status = EXIT_DONE;
    for (uint32_t i = 0; i < watch->fleet.count; i++) {
        struct member *member = &watch->fleet.members[i];
        const char *before = log_set_pipeline(member_name(member));
        if (member->waits && watch->stopping)
            status = worse(status, leave(watch, member));
        else if (member->waits && fleet_now_ms() >= member->supervisor.due_ms)
            status = worse(status, start_again(watch, member));
        log_set_pipeline(before);
    }
    return status;
}

static void stop_all(struct watch *watch)
{
    for (uint32_t i = 0; i < watch->fleet.count; i++) {
        struct member *member = &watch->fleet.members[i];
        if (!member->runs)
            continue;
        sight_phase(watch->sight, i, SNAPSHOT_STOPPING);
        engine_stop(member->pipeline.engine);
    }
}

// Looks once after each that runs; waits, but only for the first of them.
static enum exit_status look(struct watch *watch)
{
    enum exit_status status = EXIT_DONE;
    int wait_ms = watch->several ? WAIT_AMONG_MS : WAIT_MS;
    for (uint32_t i = 0; i < watch->fleet.count; i++) {
        struct member *member = &watch->fleet.members[i];
        if (!member->runs)
            continue;
        enum engine_state state = engine_wait(member->pipeline.engine, wait_ms);
        wait_ms = 0;
        if (state != ENGINE_RUNNING)
            status = worse(status, settle(watch, member, state));
    }
    if (wait_ms)
        poll(NULL, 0, WAIT_AMONG_MS); // none runs: all wait for their restart
    return worse(status, look_at_waiting(watch));
}

static enum exit_status follow(struct watch *watch)
{
    enum exit_status status = EXIT_DONE;
    while (fleet_runs(&watch->fleet)) {
        if (!watch->stopping && signals_stop()) {
            watch->stopping = true;
            stop_all(watch);
        }
        status = worse(status, look(watch));
        show_status(watch);
    }
    terminal_status_end();
    return status;
}

// Of one pipeline its counters, of several {"pipelines": {name: counters}}.
static enum exit_status write_report(const struct watch *watch)
{
    struct error err = ERROR_INIT;
    const char *path = args_text(watch->args, "report");
    json_t *all = watch->several
                      ? json_pack("{s:O}", "pipelines", watch->report)
                      : json_incref(json_object_iter_value(json_object_iter(watch->report)));
    if (!all)
        error_nomem(&err);
    else if (json_dump_file(all, path, JSON_INDENT(2)))
        error_errno(&err, ERR_IO, errno, "%s", path);
    json_decref(all);
    return err.code ? command_fail(&err) : EXIT_DONE;
}

static enum exit_status open_sight(struct watch *watch)
{
    struct error err = ERROR_INIT;
    uint32_t count = watch->fleet.count;
    const struct pipeline **list = mem_array(count, sizeof *list);
    for (uint32_t i = 0; list && i < count; i++)
        list[i] = &watch->fleet.members[i].pipeline;
    int code = list ? sight_new(&watch->sight, list, count, watch->args, &err) : error_nomem(&err);
    mem_free(list);
    return code ? command_fail(&err) : EXIT_DONE;
}

static enum exit_status run_all(struct watch *watch)
{
    enum exit_status status = args_text(watch->args, "http") ? open_sight(watch) : EXIT_DONE;
    if (status)
        return status;
    status = start_all(watch);
    status = worse(status, follow(watch));
    if (watch->report && json_object_size(watch->report))
        status = worse(status, write_report(watch));
    sight_free(watch->sight);
    return status;
}

static enum exit_status run_fleet(struct watch *watch)
{
    struct error err = ERROR_INIT;
    watch->last_ms = fleet_now_ms();
    if (args_text(watch->args, "report") && (watch->report = json_object()) == NULL) {
        error_nomem(&err);
        return command_fail(&err);
    }
    enum exit_status status = run_all(watch);
    json_decref(watch->report);
    return status;
}

// An option that means one pipeline; NULL: none is given.
static const char *for_one_only(const struct args *args)
{
    static const char *const names[] = {"with", "set", "from-checkpoint", "allow-loss"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (args_text(args, names[i]))
            return names[i];
    return NULL;
}

static enum exit_status run(const struct args *args)
{
    struct watch watch = {.args = args, .quiet = args_flag(args, "quiet")};
    if (!args->operand_count)
        return command_misused(&command_run, "which pipeline?");
    watch.several = args->operand_count > 1;
    const char *single = watch.several ? for_one_only(args) : NULL;
    if (single)
        return command_misused(&command_run, "--%s is for one pipeline, not for several at once",
                               single);
    signals_catch();
    log_name_pipelines(watch.several);
    enum exit_status status = fleet_load(&watch.fleet, args);
    if (!status)
        status = run_fleet(&watch);
    fleet_free(&watch.fleet);
    return status;
}

const struct command command_run = {
    .name = "run",
    .help = "run pipelines until their sources end, or until SIGTERM or Ctrl-C",
    .operands = "FILE...",
    .options = options,
    .details =
        "SIGTERM and SIGINT end the sources, write what is in flight, and exit with 0; a\n"
        "second one exits at once.\n"
        "Several pipelines share the threads of the process by their `priority:`; one that fails\n"
        "does not stop the others, and the exit status is 1 at the end. --parallelism is for each\n"
        "of them; --with, --set, --from-checkpoint and --allow-loss are for one alone.\n"
        "A pipeline with `checkpoint:` that fails for a reason that may pass goes on from its "
        "last\n"
        "checkpoint, as often as its `restart:` says.\n"
        "--http serves metrics for Prometheus, whether all plugins are open (/readyz), and what\n"
        "`tidemill why` asks for; loopback unless an address is given, port 0: one that is free.\n"
        "An address that others can reach needs --http-cert, --http-key and --http-token-file.\n",
    .example = "  tidemill run configs/traffic.yaml --with configs/kafka.yaml\n",
    .run = run,
};
