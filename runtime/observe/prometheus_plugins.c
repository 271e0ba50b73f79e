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
static int put_plugin_metric(const struct snapshot *snapshot, uint32_t first,
                             const struct snapshot_metric *metric, struct buf *out)
{
    size_t len = strlen(metric->name);
    bool ends = len > 6 && strcmp(metric->name + len - 6, "_total") == 0;
    char name[96];
    snprintf(name, sizeof name, "%s%s", metric->name, metric->is_counter && !ends ? "_total" : "");
    int code = prometheus_head("tidemill_plugin_", name, metric->is_counter ? "counter" : "gauge",
                               metric->help, out);
    for (uint32_t i = first; i < snapshot->node_count && !code; i++) {
        const struct snapshot_metric *same = find_metric(&snapshot->nodes[i], metric->name);
        if (same)
            code = buf_printf(out, "tidemill_plugin_%s", name);
        if (same && !code)
            code = prometheus_labels(snapshot, &snapshot->nodes[i], out);
        if (same && !code)
            code = prometheus_number(same->value, out);
    }
    return code;
}

int prometheus_plugins(const struct snapshot *snapshot, struct buf *out)
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
