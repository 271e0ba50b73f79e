// SPDX-License-Identifier: MIT
#include "observe/prometheus.h"
#include "observe/prometheus_text.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

// Under the names that all programs have for them.
static int put_usage(struct buf *out)
{
    struct rusage usage = {0};
    getrusage(RUSAGE_SELF, &usage);
    double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file && fscanf(file, "%*u %lu", &pages) != 1)
        pages = 0;
    if (file)
        fclose(file);
    double memory = (double)pages * (double)sysconf(_SC_PAGESIZE);
    int code = prometheus_head("process_", "resident_memory_bytes", "gauge", "Memory in use.", out);
    if (!code)
        code = buf_printf(out, "process_resident_memory_bytes %.0f\n", memory);
    if (!code)
        code = prometheus_head("process_", "cpu_seconds_total", "counter", "Processor time used.",
                               out);
    return code ? code : buf_printf(out, "process_cpu_seconds_total %.3f\n", cpu);
}

static double is_up(const struct snapshot *snapshot)
{
    return snapshot->phase <= SNAPSHOT_STOPPING;
}

static double is_ready(const struct snapshot *snapshot)
{
    uint32_t culprit;
    return snapshot_ready(snapshot, &culprit);
}

static double uptime(const struct snapshot *snapshot)
{
    return (double)snapshot->uptime_ns / 1e9;
}

static double restarts(const struct snapshot *snapshot)
{
    return (double)snapshot->restarts;
}

// A value of each pipeline.
static int put_pipelines(const struct snapshots *all, const char *name, const char *type,
                         const char *help, double (*value)(const struct snapshot *),
                         struct buf *out)
{
    int code = prometheus_head("tidemill_", name, type, help, out);
    for (uint32_t i = 0; i < all->count && !code; i++) {
        code = buf_printf(out, "tidemill_%s", name);
        if (!code)
            code = prometheus_labels(&all->items[i], NULL, out);
        if (!code)
            code = prometheus_number(value(&all->items[i]), out);
    }
    return code;
}

static int put_build(const struct snapshots *all, struct buf *out)
{
    int code = prometheus_head("tidemill_", "build_info", "gauge", "Which program this is.", out);
    if (!code)
        code = buf_puts(out, "tidemill_build_info{version=\"");
    if (!code)
        code = prometheus_label(all->count ? all->items[0].version : "", out);
    return code ? code : buf_puts(out, "\"} 1\n");
}

int prometheus_print(const struct snapshots *all, struct buf *out)
{
    int code = put_build(all, out);
    if (!code)
        code = put_pipelines(all, "up", "gauge", "1 while the pipeline runs.", is_up, out);
    if (!code)
        code = put_pipelines(all, "ready", "gauge",
                             "1 when all plugins are open and connected, as in /readyz.", is_ready,
                             out);
    if (!code)
        code = put_pipelines(all, "uptime_seconds", "gauge", "Time since the pipeline was started.",
                             uptime, out);
    if (!code)
        code = put_pipelines(all, "pipeline_restarts_total", "counter",
                             "How often it failed and went on from its last checkpoint.", restarts,
                             out);
    if (!code)
        code = prometheus_checkpoints(all, out);
    if (!code)
        code = prometheus_nodes(all, out);
    if (!code)
        code = prometheus_plugins(all, out);
    return code ? code : put_usage(out);
}
