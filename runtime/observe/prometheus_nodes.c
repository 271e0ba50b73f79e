// SPDX-License-Identifier: MIT
#include "observe/prometheus_text.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

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

static bool lag_bytes(const struct snapshot *snapshot, const struct snapshot_node *node,
                      double *out)
{
    (void)snapshot;
    *out = (double)node->lag_bytes;
    return is_source(node) && node->lag_bytes >= 0;
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

static bool is_ready(const struct snapshot *snapshot, const struct snapshot_node *node, double *out)
{
    (void)snapshot;
    *out = node->ready;
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
    {"lag_bytes", "gauge", "Bytes that the source has yet to read, where it knows.", 0, lag_bytes},
    {"splits", "gauge", "Splits that the source reads.", 0, splits},
    {"open", "gauge", "1 when the node's plugin is open; operators always are.", 0, is_open},
    {"ready", "gauge", "1 when it is open and has reached what it needs.", 0, is_ready},
};

static int put_sample(const struct snapshot *snapshot, const struct metric *metric,
                      const struct snapshot_node *node, struct buf *out)
{
    double value = 0;
    if (metric->value && !metric->value(snapshot, node, &value))
        return 0;
    int code = buf_printf(out, "tidemill_node_%s", metric->name);
    if (!code)
        code = prometheus_labels(snapshot, node, out);
    if (code || metric->value)
        return code ? code : prometheus_number(value, out);
    const uint64_t *count = (const void *)((const char *)node + metric->count);
    return buf_printf(out, "%" PRIu64 "\n", *count);
}

static int put_metric(const struct snapshots *all, const struct metric *metric, struct buf *out)
{
    int code = prometheus_head("tidemill_node_", metric->name, metric->type, metric->help, out);
    for (struct snapshot_at at = {0}; !code && snapshots_next(all, &at);)
        code = put_sample(at.snapshot, metric, at.node, out);
    return code;
}

static int put_errors(const struct snapshots *all, struct buf *out)
{
    int code = prometheus_head("tidemill_node_", "errors_total", "counter",
                               "Records that went the way of on_error, by what was wrong.", out);
    for (struct snapshot_at at = {0}; !code && snapshots_next(all, &at);)
        for (uint32_t k = 0; k < at.node->error_kinds && !code; k++)
            code =
                prometheus_extra(at.snapshot, at.node, "tidemill_node_errors_total", "\",error=\"",
                                 at.node->errors[k].kind, (double)at.node->errors[k].count, out);
    return code;
}

// Those of one node; `which`: the member of a lag.
static int put_node_lags(const struct snapshot_at *at, const char *name, size_t which,
                         struct buf *out)
{
    int code = 0;
    for (uint32_t k = 0; k < at->node->lag_count && !code; k++) {
        const struct snapshot_lag *split = &at->node->lags[k];
        const int64_t *lag = (const void *)((const char *)split + which);
        if (*lag >= 0)
            code = prometheus_extra(at->snapshot, at->node, name, "\",split=\"", split->split,
                                    (double)*lag, out);
    }
    return code;
}

static int put_lag(const struct snapshots *all, const char *name, const char *help, size_t which,
                   struct buf *out)
{
    char full[64];
    snprintf(full, sizeof full, "tidemill_%s", name);
    int code = prometheus_head("tidemill_", name, "gauge", help, out);
    for (struct snapshot_at at = {0}; !code && snapshots_next(all, &at);)
        code = put_node_lags(&at, full, which, out);
    return code;
}

static int put_lags(const struct snapshots *all, struct buf *out)
{
    int code = put_lag(all, "split_lag_records",
                       "Records of a split that are yet to be read; of the first 64 splits.",
                       offsetof(struct snapshot_lag, records), out);
    return code ? code
                : put_lag(all, "split_lag_bytes",
                          "Bytes of a split that are yet to be read; of the first 64 splits.",
                          offsetof(struct snapshot_lag, bytes), out);
}

int prometheus_nodes(const struct snapshots *all, struct buf *out)
{
    int code = 0;
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics && !code; i++)
        code = put_metric(all, &metrics[i], out);
    if (!code)
        code = put_errors(all, out);
    return code ? code : put_lags(all, out);
}
