// SPDX-License-Identifier: MIT
#include "observe/prometheus_text.h"

#include <stdio.h>
#include <string.h>

static const struct snapshot_metric *find_metric(const struct snapshot_node *node, const char *name)
{
    for (uint32_t i = 0; i < node->metric_count; i++)
        if (strcmp(node->metrics[i].name, name) == 0)
            return &node->metrics[i];
    return NULL;
}

// All samples of a plugin's metric stand together, under the help of the first node that has it.
static int put_plugin_metric(const struct snapshots *all, struct snapshot_at at,
                             const struct snapshot_metric *metric, struct buf *out)
{
    size_t len = strlen(metric->name);
    bool ends = len > 6 && strcmp(metric->name + len - 6, "_total") == 0;
    char name[96];
    snprintf(name, sizeof name, "%s%s", metric->name, metric->is_counter && !ends ? "_total" : "");
    int code = prometheus_head("tidemill_plugin_", name, metric->is_counter ? "counter" : "gauge",
                               metric->help, out);
    do {
        const struct snapshot_metric *same = find_metric(at.node, metric->name);
        if (same)
            code = buf_printf(out, "tidemill_plugin_%s", name);
        if (same && !code)
            code = prometheus_labels(at.snapshot, at.node, out);
        if (same && !code)
            code = prometheus_number(same->value, out);
    } while (!code && snapshots_next(all, &at));
    return code;
}

static bool stood_before(const struct snapshots *all, const struct snapshot_node *node,
                         const char *name)
{
    for (struct snapshot_at at = {0}; snapshots_next(all, &at) && at.node != node;)
        if (find_metric(at.node, name))
            return true;
    return false;
}

int prometheus_plugins(const struct snapshots *all, struct buf *out)
{
    int code = 0;
    for (struct snapshot_at at = {0}; !code && snapshots_next(all, &at);)
        for (uint32_t k = 0; k < at.node->metric_count && !code; k++) {
            const struct snapshot_metric *metric = &at.node->metrics[k];
            if (!stood_before(all, at.node, metric->name))
                code = put_plugin_metric(all, at, metric, out);
        }
    return code;
}
