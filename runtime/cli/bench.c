// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "cli/pipeline.h"
#include "cli/signals.h"
#include "cli/status.h"
#include "cli/terminal.h"

#include <inttypes.h>
#include <string.h>

// tidemill bench: how fast is this pipeline, and which node takes the time?

static const struct args_option options[] = {
    PIPELINE_OPTIONS,
    {"parallelism", 0, "N", "lanes, whatever the pipeline says"},
    {"runs", 'n', "COUNT", "run it so often, show the median (default 1)"},
    {"for", 0, "DURATION", "end each run after this time"},
    {"json", 'j', NULL, "as JSON: a list of runs"},
    LOG_OPTION,
    {0},
};

enum { RUNS_MAX = 1000, WAIT_MS = 20 };

struct measured {
    struct engine_status status; // names in it belong to the topology
    struct pipeline pipeline;
    uint64_t records;
    double seconds;
    uint64_t allocations;
};

struct bench {
    struct measured *runs;
    int64_t count, for_ms;
    bool json;
};

static int64_t now_ns(void)
{
    return clock_mono_ns(clock_system());
}

static enum exit_status follow(struct engine *engine, int64_t for_ms)
{
    int64_t started = now_ns();
    enum engine_state state;
    bool stopped = false;
    while ((state = engine_wait(engine, WAIT_MS)) == ENGINE_RUNNING) {
        bool over = for_ms && now_ns() - started > for_ms * 1000000;
        if (!stopped && (over || signals_stop())) {
            engine_stop(engine);
            stopped = true;
        }
    }
    return state == ENGINE_FAILED ? command_fail(engine_error(engine)) : EXIT_DONE;
}

static enum exit_status measure(struct measured *run, const char *file, const struct args *args,
                                int64_t for_ms)
{
    struct error err = ERROR_INIT;
    enum exit_status status = pipeline_load(&run->pipeline, file, args);
    if (status)
        return status;
    struct engine *engine = run->pipeline.engine;
    engine_profile(engine, true);
    uint64_t allocations = mem_calls();
    int64_t started = now_ns();
    if (engine_start(engine, &err))
        return command_fail(&err);
    status = follow(engine, for_ms);
    run->seconds = (double)(now_ns() - started) / 1e9;
    run->allocations = mem_calls() - allocations;
    if (!status && (engine_account(engine, &err) || engine_status(engine, &run->status)))
        return command_fail(&err);
    struct totals totals = {0};
    if (!status)
        totals_of(&totals, &run->status);
    run->records = totals.in;
    return status;
}

static void release(struct bench *bench)
{
    for (int64_t i = 0; i < bench->count; i++) {
        if (bench->runs[i].status.nodes)
            engine_status_free(&bench->runs[i].status);
        pipeline_free(&bench->runs[i].pipeline);
    }
    mem_free(bench->runs);
}

static double rate_of(const struct measured *run)
{
    return run->seconds > 0 ? (double)run->records / run->seconds : 0;
}

static double ns_per_record(uint64_t ns, uint64_t records)
{
    return records ? (double)ns / (double)records : 0;
}

// The run with as many faster as slower ones.
static const struct measured *median_of(const struct bench *bench)
{
    for (int64_t i = 0; i < bench->count; i++) {
        int64_t below = 0, same = 0;
        for (int64_t j = 0; j < bench->count; j++) {
            below += rate_of(&bench->runs[j]) < rate_of(&bench->runs[i]);
            same += rate_of(&bench->runs[j]) <= rate_of(&bench->runs[i]);
        }
        if (below <= bench->count / 2 && same > bench->count / 2)
            return &bench->runs[i];
    }
    return &bench->runs[0];
}

static void print_node(const struct node_status *node, const struct measured *run)
{
    char in[NUMBER_MAX];
    number_grouped(node->in, in);
    double share = run->seconds > 0 ? (double)node->busy_ns / 1e7 / run->seconds : 0;
    printf("  %-16s %-10s %14s %10.1f %6.1f %%\n", node->name, node->type, in,
           ns_per_record(node->busy_ns, node->in), share);
}

static void print_table(const struct bench *bench)
{
    const struct measured *run = median_of(bench);
    char rate[NUMBER_MAX], records[NUMBER_MAX];
    number_grouped((uint64_t)rate_of(run), rate);
    number_grouped(run->records, records);
    printf("%s%s records/s%s, %.1f ns per record (%s in %.3f s", terminal_style(stdout, STYLE_BOLD),
           rate, terminal_style(stdout, STYLE_OFF),
           ns_per_record((uint64_t)(run->seconds * 1e9), run->records), records, run->seconds);
    if (bench->count > 1)
        printf("; median of %" PRId64 " runs", bench->count);
    printf(")\npeak memory %.1f MiB, %" PRIu64 " allocations while running\n\n",
           (double)peak_kib() / 1024, run->allocations);
    printf("  %s%-16s %-10s %14s %10s %8s%s\n", terminal_style(stdout, STYLE_DIM), "node", "type",
           "records in", "ns/record", "of time", terminal_style(stdout, STYLE_OFF));
    for (uint32_t i = 0; i < run->status.node_count; i++)
        print_node(&run->status.nodes[i], run);
}

static int print_json(const struct bench *bench)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < bench->count; i++) {
        const struct measured *run = &bench->runs[i];
        json_t *report = report_json(&run->status, (int64_t)(run->seconds * 1000));
        json_object_set_new(report, "records", json_integer((json_int_t)run->records));
        json_object_set_new(report, "records_per_second", json_real(rate_of(run)));
        json_object_set_new(report, "allocations", json_integer((json_int_t)run->allocations));
        json_array_append_new(list, report);
    }
    int bad = json_dumpf(list, stdout, JSON_INDENT(2)) || puts("") < 0;
    json_decref(list);
    return bad;
}

static enum exit_status run_all(struct bench *bench, const struct args *args)
{
    struct error err = ERROR_INIT;
    bench->runs = mem_zalloc(sizeof *bench->runs * (size_t)bench->count);
    if (!bench->runs) {
        bench->count = 0;
        error_nomem(&err);
        return command_fail(&err);
    }
    enum exit_status status = EXIT_DONE;
    for (int64_t i = 0; i < bench->count && !status; i++)
        status = measure(&bench->runs[i], args->operands[0], args, bench->for_ms);
    if (status)
        return status;
    if (bench->json)
        return print_json(bench) ? EXIT_FAILED : EXIT_DONE;
    print_table(bench);
    return fflush(stdout) ? EXIT_FAILED : EXIT_DONE;
}

static enum exit_status run(const struct args *args)
{
    struct error err = ERROR_INIT;
    struct bench bench = {.json = args_flag(args, "json")};
    if (args->operand_count != 1)
        return command_misused(&command_bench, "which pipeline?");
    if (args_count(args, "runs", 1, RUNS_MAX, 1, &bench.count, &err) ||
        args_duration(args, "for", 0, &bench.for_ms, &err))
        return command_fail(&err);
    signals_catch();
    enum exit_status status = run_all(&bench, args);
    release(&bench);
    return status;
}

const struct command command_bench = {
    .name = "bench",
    .help = "run a pipeline and show how fast it was, and which node took the time",
    .operands = "FILE",
    .options = options,
    .details = "Records are those that sources read. A pipeline that does not end by itself needs\n"
               "--for. Sinks write what they write: give the pipeline a place that can take it.\n",
    .example = "  tidemill bench configs/minute_totals.yaml --runs 5\n",
    .run = run,
};
