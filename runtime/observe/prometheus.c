// SPDX-License-Identifier: MIT
#include "observe/prometheus.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

// One row a metric of nodes. Values are counts as they are (`count`), or made by a function that
// says false where a node has no such value.

struct metric {
    const char *name, *type, *help;
    size_t count; // offset of a uint64_t in the node; unused when there is a function
    bool (*value)(const struct snapshot *snapshot, const struct snapshot_node *node, double *out);
};

static bool is_source(const struct snapshot_node *node)
{
    return node->kind[0] == 's' && node->kind[1] == 'o';
}

static bool busy(const struct snapshot *snapshot, const struct snapshot_node *node, double *out)
{
    (void)snapshot;
    *out = (double)node->busy_ns / 1e9;
    return true;
}

static bool watermark(const struct snapshot *snapshot, const struct snapshot_node *node,
                      double *out)
{
    (void)snapshot;
    *out = node->watermark_ms == SNAPSHOT_END ? __builtin_inf() : (double)node->watermark_ms / 1e3;
    return node->watermark_ms != SNAPSHOT_NO_TIME;
}

static bool watermark_age(const struct snapshot *snapshot, const struct snapshot_node *node,
                          double *out)
{
    *out = ((double)snapshot->now_ms - (double)node->watermark_ms) / 1e3;
    return node->watermark_ms != SNAPSHOT_NO_TIME && node->watermark_ms != SNAPSHOT_END;
}

static bool lag(const struct snapshot *snapshot, const struct snapshot_node *node, double *out)
{
    (void)snapshot;
    *out = (double)node->lag;
    return is_source(node) && node->lag >= 0;
}

static bool splits(const struct snapshot *snapshot, const struct snapshot_node *node, double *out)
{
    (void)snapshot;
    *out = node->splits;
    return is_source(node);
}

static bool is_open(const struct snapshot *snapshot, const struct snapshot_node *node, double *out)
{
    (void)snapshot;
    *out = node->open;
    return true;
}

static bool capacity(const struct snapshot *snapshot, const struct snapshot_node *node, double *out)
{
    (void)snapshot;
    *out = (double)node->queue_capacity;
    return node->queue_capacity > 0;
}

static bool state_bytes(const struct snapshot *snapshot, const struct snapshot_node *node,
                        double *out)
{
    (void)snapshot;
    *out = (double)node->state_bytes;
    return node->has_state;
}

static bool state_keys(const struct snapshot *snapshot, const struct snapshot_node *node,
                       double *out)
{
    (void)snapshot;
    *out = (double)node->state_keys;
    return node->has_state;
}

static bool windows(const struct snapshot *snapshot, const struct snapshot_node *node, double *out)
{
    (void)snapshot;
    *out = (double)node->state_windows;
    return node->has_state;
}

#define COUNTER(name, field, help)                                                                 \
    {                                                                                              \
        name, "counter", help, offsetof(struct snapshot_node, field), NULL                         \
    }

static const struct metric metrics[] = {
    COUNTER("records_in_total", in, "Records that came to the node."),
    COUNTER("records_out_total", out, "Records that left the node."),
    COUNTER("bytes_in_total", in_bytes, "Bytes that came to the node."),
    COUNTER("bytes_out_total", out_bytes, "Bytes that left the node."),
    COUNTER("records_filtered_total", filtered, "Records that the node dropped as it was told."),
    COUNTER("records_failed_total", failed, "Records that went the way of on_error."),
    COUNTER("records_late_total", late, "Records that came after their window was closed."),
    COUNTER("records_absorbed_total", absorbed, "Records that went into results."),
    COUNTER("records_created_total", created, "Records that the node made."),
    COUNTER("retries_total", retried, "Attempts that on_error repeated."),
    {"busy_seconds_total", "counter", "Time spent in the node's work.", 0, busy},
    {"records_in_flight", "gauge", "Records in queues and half-finished batches.",
     offsetof(struct snapshot_node, in_flight), NULL},
    {"queue_capacity_records", "gauge", "Records that the node's queues can hold.", 0, capacity},
    {"state_bytes", "gauge", "Memory of what the node keeps of past records.", 0, state_bytes},
    {"state_keys", "gauge", "Keys in it, each counted in each of its windows.", 0, state_keys},
    {"windows_open", "gauge", "Windows that are not closed.", 0, windows},
    {"watermark_seconds", "gauge", "Event time up to which no record is expected; +Inf: the end.",
     0, watermark},
    {"watermark_age_seconds", "gauge", "How far the watermark is behind the clock.", 0,
     watermark_age},
    {"lag_records", "gauge", "Records that the source has yet to read, where it knows.", 0, lag},
    {"splits", "gauge", "Splits that the source reads.", 0, splits},
    {"open", "gauge", "1 when the node's plugin is open; operators always are.", 0, is_open},
};

int prometheus_label(const char *value, struct buf *out)
{
    int code = 0;
    for (; *value && !code; value++) {
        if (*value == '\\' || *value == '"' || *value == '\n')
            code = buf_putc(out, '\\');
        if (!code)
            code = buf_putc(out, *value == '\n' ? 'n' : *value);
    }
    return code;
}

static int label(const char *lead, const char *value, struct buf *out)
{
    int code = buf_puts(out, lead);
    return code ? code : prometheus_label(value, out);
}

static int put_head(const char *prefix, const char *name, const char *type, const char *help,
                    struct buf *out)
{
    return buf_printf(out, "# HELP %s%s %s\n# TYPE %s%s %s\n", prefix, name, help, prefix, name,
                      type);
}

static int put_node_labels(const struct snapshot *snapshot, const struct snapshot_node *node,
                           struct buf *out)
{
    int code = label("{pipeline=\"", snapshot->pipeline, out);
    if (!code && node)
        code = label("\",node=\"", node->name, out);
    if (!code && node)
        code = label("\",kind=\"", node->kind, out);
    if (!code && node)
        code = label("\",type=\"", node->type, out);
    return code;
}

static int put_labels(const struct snapshot *snapshot, const struct snapshot_node *node,
                      struct buf *out)
{
    int code = put_node_labels(snapshot, node, out);
    return code ? code : buf_puts(out, "\"} ");
}

// In full precision, and infinities as Prometheus spells them.
static int put_number(double value, struct buf *out)
{
    if (__builtin_isinf(value))
        return buf_puts(out, value > 0 ? "+Inf\n" : "-Inf\n");
    return buf_printf(out, "%.15g\n", value);
}

static int put_sample(const struct snapshot *snapshot, const struct metric *metric,
                      const struct snapshot_node *node, struct buf *out)
{
    double value = 0;
    if (metric->value && !metric->value(snapshot, node, &value))
        return 0;
    int code = buf_printf(out, "tidemill_node_%s", metric->name);
    if (!code)
        code = put_labels(snapshot, node, out);
    if (code || metric->value)
        return code ? code : put_number(value, out);
    const uint64_t *count = (const void *)((const char *)node + metric->count);
    return buf_printf(out, "%" PRIu64 "\n", *count);
}

static int put_metric(const struct snapshot *snapshot, const struct metric *metric, struct buf *out)
{
    int code = put_head("tidemill_node_", metric->name, metric->type, metric->help, out);
    for (uint32_t i = 0; i < snapshot->node_count && !code; i++)
        code = put_sample(snapshot, metric, &snapshot->nodes[i], out);
    return code;
}

// A sample with one label more.
static int put_extra(const struct snapshot *snapshot, const struct snapshot_node *node,
                     const char *name, const char *lead, const char *value, double number,
                     struct buf *out)
{
    int code = buf_puts(out, name);
    if (!code)
        code = put_node_labels(snapshot, node, out);
    if (!code)
        code = label(lead, value, out);
    if (!code)
        code = buf_puts(out, "\"} ");
    return code ? code : put_number(number, out);
}

static int put_errors(const struct snapshot *snapshot, struct buf *out)
{
    int code = put_head("tidemill_node_", "errors_total", "counter",
                        "Records that went the way of on_error, by what was wrong.", out);
    for (uint32_t i = 0; i < snapshot->node_count && !code; i++) {
        const struct snapshot_node *node = &snapshot->nodes[i];
        for (uint32_t k = 0; k < node->error_kinds && !code; k++)
            code = put_extra(snapshot, node, "tidemill_node_errors_total", "\",error=\"",
                             node->errors[k].kind, (double)node->errors[k].count, out);
    }
    return code;
}

static int put_lags(const struct snapshot *snapshot, struct buf *out)
{
    int code = put_head("tidemill_", "split_lag_records", "gauge",
                        "Records of a split that are yet to be read; of the first 64 splits.", out);
    for (uint32_t i = 0; i < snapshot->node_count && !code; i++) {
        const struct snapshot_node *node = &snapshot->nodes[i];
        for (uint32_t k = 0; k < node->lag_count && !code; k++)
            code = put_extra(snapshot, node, "tidemill_split_lag_records", "\",split=\"",
                             node->lags[k].split, (double)node->lags[k].records, out);
    }
    return code;
}

static const struct snapshot_metric *find_metric(const struct snapshot_node *node, const char *name)
{
    for (uint32_t i = 0; i < node->metric_count; i++)
        if (strcmp(node->metrics[i].name, name) == 0)
            return &node->metrics[i];
    return NULL;
}

// All samples of a plugin's metric stand together, under the help of the first node that has it.
static int put_plugin_metric(const struct snapshot *snapshot, uint32_t first,
                             const struct snapshot_metric *metric, struct buf *out)
{
    size_t len = strlen(metric->name);
    bool ends = len > 6 && strcmp(metric->name + len - 6, "_total") == 0;
    char name[96];
    snprintf(name, sizeof name, "%s%s", metric->name, metric->is_counter && !ends ? "_total" : "");
    int code = put_head("tidemill_plugin_", name, metric->is_counter ? "counter" : "gauge",
                        metric->help, out);
    for (uint32_t i = first; i < snapshot->node_count && !code; i++) {
        const struct snapshot_metric *same = find_metric(&snapshot->nodes[i], metric->name);
        if (same)
            code = buf_printf(out, "tidemill_plugin_%s", name);
        if (same && !code)
            code = put_labels(snapshot, &snapshot->nodes[i], out);
        if (same && !code)
            code = put_number(same->value, out);
    }
    return code;
}

static int put_plugin_metrics(const struct snapshot *snapshot, struct buf *out)
{
    int code = 0;
    for (uint32_t i = 0; i < snapshot->node_count; i++)
        for (uint32_t k = 0; k < snapshot->nodes[i].metric_count && !code; k++) {
            const struct snapshot_metric *metric = &snapshot->nodes[i].metrics[k];
            bool done = false;
            for (uint32_t before = 0; before < i && !done; before++)
                done = find_metric(&snapshot->nodes[before], metric->name) != NULL;
            if (!done)
                code = put_plugin_metric(snapshot, i, metric, out);
        }
    return code;
}

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
    int code = put_head("process_", "resident_memory_bytes", "gauge", "Memory in use.", out);
    if (!code)
        code = buf_printf(out, "process_resident_memory_bytes %.0f\n", memory);
    if (!code)
        code = put_head("process_", "cpu_seconds_total", "counter", "Processor time used.", out);
    return code ? code : buf_printf(out, "process_cpu_seconds_total %.3f\n", cpu);
}

static int put_process(const struct snapshot *snapshot, const char *name, const char *help,
                       double value, struct buf *out)
{
    int code = put_head("tidemill_", name, "gauge", help, out);
    if (!code)
        code = buf_printf(out, "tidemill_%s", name);
    if (!code)
        code = put_labels(snapshot, NULL, out);
    return code ? code : put_number(value, out);
}

static int put_build(const struct snapshot *snapshot, struct buf *out)
{
    int code = put_head("tidemill_", "build_info", "gauge", "Which program this is.", out);
    if (!code)
        code = label("tidemill_build_info{version=\"", snapshot->version, out);
    return code ? code : buf_puts(out, "\"} 1\n");
}

int prometheus_print(const struct snapshot *snapshot, struct buf *out)
{
    uint32_t culprit;
    int code = put_build(snapshot, out);
    if (!code)
        code = put_process(snapshot, "up", "1 while the pipeline's process runs.", 1, out);
    if (!code)
        code = put_process(snapshot, "ready", "1 when all plugins are open, as in /readyz.",
                           snapshot_ready(snapshot, &culprit), out);
    if (!code)
        code = put_process(snapshot, "uptime_seconds", "Time since the pipeline was started.",
                           (double)snapshot->uptime_ns / 1e9, out);
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics && !code; i++)
        code = put_metric(snapshot, &metrics[i], out);
    if (!code)
        code = put_errors(snapshot, out);
    if (!code)
        code = put_lags(snapshot, out);
    if (!code)
        code = put_plugin_metrics(snapshot, out);
    return code ? code : put_usage(out);
}
