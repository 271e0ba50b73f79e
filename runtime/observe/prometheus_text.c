// SPDX-License-Identifier: MIT
#include "observe/prometheus_text.h"
#include "observe/prometheus.h"

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

int prometheus_head(const char *prefix, const char *name, const char *type, const char *help,
                    struct buf *out)
{
    return buf_printf(out, "# HELP %s%s %s\n# TYPE %s%s %s\n", prefix, name, help, prefix, name,
                      type);
}

static int node_labels(const struct snapshot *snapshot, const struct snapshot_node *node,
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

int prometheus_labels(const struct snapshot *snapshot, const struct snapshot_node *node,
                      struct buf *out)
{
    int code = node_labels(snapshot, node, out);
    return code ? code : buf_puts(out, "\"} ");
}

// In full precision, and infinities as Prometheus spells them.
int prometheus_number(double value, struct buf *out)
{
    if (__builtin_isinf(value))
        return buf_puts(out, value > 0 ? "+Inf\n" : "-Inf\n");
    return buf_printf(out, "%.15g\n", value);
}

// A sample with one label more.
int prometheus_extra(const struct snapshot *snapshot, const struct snapshot_node *node,
                     const char *name, const char *lead, const char *value, double number,
                     struct buf *out)
{
    int code = buf_puts(out, name);
    if (!code)
        code = node_labels(snapshot, node, out);
    if (!code)
        code = label(lead, value, out);
    if (!code)
        code = buf_puts(out, "\"} ");
    return code ? code : prometheus_number(number, out);
}
