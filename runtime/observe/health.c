// SPDX-License-Identifier: MIT
#include "observe/health.h"

#include <inttypes.h>

enum { HANGS_AFTER_S = 10 };

int health_quote(const char *text, struct buf *out)
{
    int code = buf_putc(out, '"');
    for (; *text && !code; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            code = buf_printf(out, "\\%c", c);
        else if (c < ' ' || c > '~')
            code = buf_putc(out, c < ' ' ? ' ' : '?');
        else
            code = buf_putc(out, (char)c);
    }
    return code ? code : buf_putc(out, '"');
}

static int put_text(struct buf *out, const char *name, const char *text)
{
    int code = buf_printf(out, ", \"%s\": ", name);
    return code ? code : health_quote(text, out);
}

static int put_pipeline(const struct snapshots *all, const struct snapshot *one, struct buf *out)
{
    return all->count > 1 ? put_text(out, "pipeline", one->pipeline) : 0;
}

static int64_t stuck_s(const struct snapshot *snapshot)
{
    return snapshot->stuck_ns / 1000000000;
}

static int put_hang(const struct snapshots *all, const struct snapshot *one, struct buf *out)
{
    int code =
        buf_printf(out, "{\"status\": \"hangs\", \"seconds\": %lld", (long long)stuck_s(one));
    if (!code)
        code = put_pipeline(all, one, out);
    if (!code && one->stuck_node < one->node_count)
        code = put_text(out, "node", one->nodes[one->stuck_node].name);
    return code ? code : buf_puts(out, "}\n");
}

int health_print(const struct snapshots *all, struct buf *out, bool *good)
{
    for (uint32_t i = 0; i < all->count; i++) {
        *good = stuck_s(&all->items[i]) < HANGS_AFTER_S;
        if (!*good)
            return put_hang(all, &all->items[i], out);
    }
    return buf_puts(out, "{\"status\": \"ok\"}\n");
}

// -- readiness --

static const char *unready(const struct snapshot_node *node)
{
    return node->open ? "not connected" : "not open";
}

// Also of one that is not ready.
static const char *status_of(const struct snapshot *snapshot)
{
    static const char *const phases[] = {"starting", "ready",  "stopping",
                                         "done",     "failed", "restarting"};
    uint32_t culprit = 0;
    bool node = !snapshot_ready(snapshot, &culprit) && culprit < snapshot->node_count;
    return node ? unready(&snapshot->nodes[culprit]) : phases[snapshot->phase];
}

// Why it is not ready, as members behind "status".
static int put_culprit(const struct snapshot *snapshot, struct buf *out)
{
    uint32_t culprit = 0;
    if (snapshot_ready(snapshot, &culprit) || culprit >= snapshot->node_count)
        return 0;
    const struct snapshot_node *node = &snapshot->nodes[culprit];
    int code = put_text(out, "node", node->name);
    if (!code)
        code = put_text(out, "kind", node->kind);
    if (!code)
        code = put_text(out, "type", node->type);
    return code || !node->why[0] ? code : put_text(out, "reason", node->why);
}

static int put_unready(const struct snapshots *all, const struct snapshot *one, struct buf *out)
{
    int code = buf_printf(out, "{\"status\": \"%s\"", status_of(one));
    if (!code)
        code = put_pipeline(all, one, out);
    if (!code)
        code = put_culprit(one, out);
    return code ? code : buf_puts(out, "}\n");
}

int readiness_print(const struct snapshots *all, struct buf *out, bool *good)
{
    uint32_t culprit;
    for (uint32_t i = 0; i < all->count; i++) {
        *good = snapshot_ready(&all->items[i], &culprit);
        if (!*good)
            return put_unready(all, &all->items[i], out);
    }
    return buf_puts(out, "{\"status\": \"ready\"}\n");
}

int pipelines_print(const struct snapshots *all, struct buf *out)
{
    int code = buf_puts(out, "{\"pipelines\": [");
    for (uint32_t i = 0; i < all->count && !code; i++) {
        code = buf_puts(out, i ? ", {\"name\": " : "{\"name\": ");
        if (!code)
            code = health_quote(all->items[i].pipeline, out);
        if (!code)
            code = put_text(out, "status", status_of(&all->items[i]));
        if (!code)
            code = put_culprit(&all->items[i], out);
        if (!code)
            code = buf_puts(out, "}");
    }
    return code ? code : buf_puts(out, "]}\n");
}

static int put_checkpoint(const struct snapshot *one, struct buf *out)
{
    const struct snapshot_checkpoints *made = &one->checkpoints;
    int code = buf_puts(out, "{\"pipeline\": ");
    if (!code)
        code = health_quote(one->pipeline, out);
    if (!code)
        code = put_text(out, "status", status_of(one));
    if (!code)
        code = buf_printf(out, ", \"made\": %" PRIu64 ", \"failed\": %" PRIu64, made->made,
                          made->failed);
    if (!code && made->made)
        code = buf_printf(out,
                          ", \"number\": %" PRIu64 ", \"when_ms\": %" PRId64
                          ", \"took_ms\": %.3f, \"bytes\": %" PRId64,
                          made->number, made->wall_ms, (double)made->took_us / 1e3, made->bytes);
    return code ? code : buf_puts(out, "}");
}

int checkpoints_print(const struct snapshots *all, struct buf *out)
{
    int code = buf_puts(out, "{\"checkpoints\": [");
    const char *between = "";
    for (uint32_t i = 0; i < all->count && !code; i++) {
        if (!all->items[i].checkpoints.kept)
            continue;
        code = buf_puts(out, between);
        between = ", ";
        if (!code)
            code = put_checkpoint(&all->items[i], out);
    }
    return code ? code : buf_puts(out, "]}\n");
}
