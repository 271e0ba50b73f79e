// SPDX-License-Identifier: MIT
#include "cli/demo_devices.h"
#include "cli/demo_dir.h"
#include "cli/demo_view.h"
#include "cli/lines.h"
#include "cli/pipeline.h"
#include "cli/signals.h"
#include "cli/terminal.h"

#include "base/alloc.h"
#include "base/log.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// tidemill demo: two pipelines in this process, one that plays the devices and the traffic monitor
// that collects, stores and analyses their readings (configs/traffic.yaml, with configs/demo.yaml
// laid over it: this many devices, windows of two seconds, and the results in files that the demo
// follows).

static const struct args_option options[] = {
    {"for", 0, "DURATION", "end after this time: 20s"},
    {"windows", 'n', "COUNT", "end after this many windows"},
    {"dir", 'd', "DIR", "keep pipelines, scripts and data there (default: a temporary directory)"},
    {"plugins", 'p', "DIR", "load plugins from here as well; may be repeated"},
    LOG_OPTION,
    {0},
};

enum {
    WAIT_MS = 50,
    QUIET_MS = 150,      // a window's results are all there when none came for so long
    PATIENCE_MS = 20000, // for the first window
};

#define NS_PER_MS 1000000ll

struct demo {
    char dir[PATH_MAX];
    char results_path[PATH_MAX + 32], failures_path[PATH_MAX + 32];
    bool keep;
    int64_t started_ns;
    int64_t for_ms, windows; // 0: until Ctrl-C
    struct pipeline devices, traffic;
    bool devices_run, traffic_runs;
    struct demo_view view;
    struct lines results, failures;
};

static int64_t now_ns(void)
{
    return clock_mono_ns(clock_system());
}

static int read_arguments(struct demo *demo, const struct args *args, struct error *err)
{
    int code = args_duration(args, "for", 0, &demo->for_ms, err);
    if (!code)
        code = args_count(args, "windows", 1, 1000000, 0, &demo->windows, err);
    return code;
}

static int prepare(struct demo *demo, const struct args *args, struct error *err)
{
    const char *wanted = args_text(args, "dir");
    demo->keep = wanted != NULL;
    int code = demo_dir_make(demo->dir, sizeof demo->dir, wanted, err);
    if (code)
        return code;
    snprintf(demo->results_path, sizeof demo->results_path, "%s/data/results.jsonl", demo->dir);
    snprintf(demo->failures_path, sizeof demo->failures_path, "%s/data/failures.jsonl", demo->dir);
    unsigned port;
    code = demo_devices_port(&port, err);
    if (code)
        return code;
    // The pipelines read these.
    char text[PATH_MAX + 8];
    snprintf(text, sizeof text, "%u", port);
    bool bad = setenv("DEMO_PORT", text, 1) != 0;
    snprintf(text, sizeof text, "%s/data", demo->dir);
    bad = bad || setenv("DATA", text, 1) != 0;
    return bad ? error_nomem(err) : 0;
}

// As `tidemill run DIR/FILE --with DIR/OVERLAY` loads it.
static enum exit_status load(const struct demo *demo, struct pipeline *pipeline, const char *file,
                             const char *overlay)
{
    static const struct args_option with[] = {PIPELINE_OPTIONS, {0}};
    char path[PATH_MAX + 64], over[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%s", demo->dir, file);
    snprintf(over, sizeof over, "%s/%s", demo->dir, overlay ? overlay : "");
    char name[] = "demo", option[] = "--with";
    char *argv[] = {name, option, over, NULL};
    struct args args;
    struct error err = ERROR_INIT;
    if (args_parse(&args, with, overlay ? 3 : 1, argv, &err))
        return command_fail(&err);
    enum exit_status status = pipeline_load(pipeline, path, &args);
    args_free(&args);
    return status;
}

static enum exit_status start(struct demo *demo)
{
    enum exit_status status = load(demo, &demo->devices, "configs/devices.yaml", NULL);
    if (!status)
        status = load(demo, &demo->traffic, "configs/traffic.yaml", "configs/demo.yaml");
    struct error err = ERROR_INIT;
    if (!status && engine_start(demo->devices.engine, &err))
        status = command_fail(&err);
    demo->devices_run = !status;
    if (!status && engine_start(demo->traffic.engine, &err))
        status = command_fail(&err);
    demo->traffic_runs = !status;
    return status;
}

static void print_welcome(const struct demo *demo)
{
    char first[16], last[16];
    demo_device_name(0, first);
    demo_device_name(DEMO_DEVICES - 1, last);
    printf(
        "%sTidemill demo%s: %d devices (%s to %s) are polled four times a second.\n"
        "Their readings are stored in the topic traffic_data and summed up per device and window\n"
        "of 2 s; some devices misbehave. Pipelines and scripts: %s\n",
        terminal_style(stdout, STYLE_BOLD), terminal_style(stdout, STYLE_OFF), DEMO_DEVICES, first,
        last, demo->dir);
    if (!demo->for_ms && !demo->windows)
        puts("Ctrl-C ends it.");
    fflush(stdout);
}

static void show(struct demo *demo)
{
    struct engine_status status = {0};
    bool known = engine_status(demo->traffic.engine, &status) == 0;
    demo_view_show(&demo->view, &status, now_ns());
    if (known)
        engine_status_free(&status);
}

static void take_result(struct demo *demo, json_t *result)
{
    int64_t now = now_ns();
    if (demo->view.first_seconds <= 0)
        demo->view.first_seconds = (double)(now - demo->started_ns) / 1e9;
    if (!demo_view_result(&demo->view, result, now)) {
        show(demo);
        demo_view_result(&demo->view, result, now);
    }
}

static int read_output(struct demo *demo, struct error *err)
{
    const char *line;
    size_t len;
    int code;
    while (lines_next(&demo->failures, &line, &len, &code, err)) {
        json_t *failure = json_loadb(line, len, 0, NULL);
        demo_view_failure(&demo->view, failure);
        json_decref(failure);
    }
    while (!code && lines_next(&demo->results, &line, &len, &code, err)) {
        json_t *result = json_loadb(line, len, 0, NULL);
        take_result(demo, result);
        json_decref(result);
    }
    return code;
}

static bool is_over(const struct demo *demo)
{
    return signals_stop() ||
           (demo->for_ms && now_ns() - demo->started_ns > demo->for_ms * NS_PER_MS) ||
           (demo->windows && demo->view.windows >= demo->windows);
}

static int check_engine(struct engine *engine, int wait_ms, struct error *err)
{
    if (engine_wait(engine, wait_ms) != ENGINE_FAILED)
        return 0;
    *err = *engine_error(engine);
    return err->code;
}

static int step(struct demo *demo, struct error *err)
{
    int code = check_engine(demo->traffic.engine, WAIT_MS, err);
    if (!code)
        code = check_engine(demo->devices.engine, 0, err);
    if (!code)
        code = read_output(demo, err);
    int64_t now = now_ns();
    if (!code && demo->view.end && now - demo->view.changed_ns > QUIET_MS * NS_PER_MS)
        show(demo);
    if (!code && !demo->view.windows && now - demo->started_ns > PATIENCE_MS * NS_PER_MS)
        return error_set(err, ERR_FATAL, "no window in %d s: something is wrong",
                         PATIENCE_MS / 1000);
    return code;
}

static enum exit_status follow(struct demo *demo)
{
    struct error err = ERROR_INIT;
    while (!is_over(demo))
        if (step(demo, &err))
            return command_fail(&err);
    return EXIT_DONE;
}

static void stop_engine(struct engine *engine)
{
    enum { DRAIN_MS = 100, DRAINS = 50 };
    engine_stop(engine);
    for (int i = 0; i < DRAINS && engine_wait(engine, DRAIN_MS) == ENGINE_RUNNING; i++)
        continue;
}

static void finish(struct demo *demo)
{
    if (demo->traffic_runs)
        stop_engine(demo->traffic.engine);
    if (demo->devices_run)
        stop_engine(demo->devices.engine);
    pipeline_free(&demo->traffic);
    pipeline_free(&demo->devices);
    lines_deinit(&demo->results);
    lines_deinit(&demo->failures);
    demo_view_deinit(&demo->view);
    if (demo->dir[0] && !demo->keep)
        demo_dir_remove(demo->dir);
}

static void print_farewell(const struct demo *demo)
{
    printf("\n%u windows. ", demo->view.windows);
    if (demo->keep)
        printf("Look into %s, change a script, and run the demo again.\n", demo->dir);
    else
        puts("`tidemill demo --dir DIR` keeps pipelines, scripts and data.");
    fflush(stdout);
}

static enum exit_status run_demo(struct demo *demo, const struct args *args)
{
    struct error err = ERROR_INIT;
    if (read_arguments(demo, args, &err) || prepare(demo, args, &err))
        return command_fail(&err);
    print_welcome(demo);
    enum exit_status status = start(demo);
    if (!status)
        status = follow(demo);
    if (!status)
        print_farewell(demo);
    return status;
}

static enum exit_status run(const struct args *args)
{
    struct demo *demo = mem_zalloc(sizeof *demo);
    if (!demo)
        return EXIT_FAILED;
    signals_catch();
    // Failures are what the demo shows: as rows of its tables, not as log lines.
    log_set_level(LOG_ERROR);
    demo->started_ns = now_ns();
    demo_view_init(&demo->view, demo->started_ns);
    lines_init(&demo->results, demo->results_path);
    lines_init(&demo->failures, demo->failures_path);
    enum exit_status status = run_demo(demo, args);
    finish(demo);
    mem_free(demo);
    return status;
}

const struct command command_demo = {
    .name = "demo",
    .help = "simulated devices are collected, stored and analysed before your eyes",
    .options = options,
    .details =
        "Needs no network but loopback, no server and no configuration. Errors of devices are\n"
        "shown per device: they are what a monitor has to live with.\n",
    .example = "  tidemill demo --windows 5\n",
    .run = run,
};
