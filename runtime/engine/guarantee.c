// SPDX-License-Identifier: MIT
#include "engine/engine_parts.h"

// What a path from a source to a sink promises, from the capabilities of both ends and of what is
// between: the least of them.

static bool leads_to(const struct plan *plan, uint32_t from, uint32_t to)
{
    if (from == to)
        return true;
    for (size_t i = 0; i < plan->edge_count; i++)
        if (plan->edges[i].from == from && leads_to(plan, plan->edges[i].to, to))
            return true;
    return false;
}

static bool has_state(const struct plan *plan, uint32_t from, uint32_t to)
{
    for (uint32_t i = 0; i < plan->node_count; i++)
        if (plan->nodes[i].class && plan->nodes[i].class->stateful && leads_to(plan, from, i) &&
            leads_to(plan, i, to))
            return true;
    return false;
}

static const char *reason(const struct plan *plan, uint32_t from, uint32_t to, bool *at_least_once)
{
    const tide_source *source = plan->nodes[from].plugin->source;
    *at_least_once = false;
    if (!(source->capabilities & TIDE_SOURCE_REPLAYABLE))
        return "the source cannot be read again: what is in flight at a crash is lost";
    if (!TIDE_HAS(source, ack) || !source->ack)
        return "positions are not kept over a restart yet: the source starts where its options say";
    if (has_state(plan, from, to))
        return "windows that are open at a stop are lost: their state is not kept yet";
    *at_least_once = true;
    return "positions are committed after the sinks have flushed; a crash repeats what came since";
}

static int path(const struct plan *plan, uint32_t from, uint32_t to, struct buf *out)
{
    bool at_least_once;
    const char *why = reason(plan, from, to, &at_least_once);
    return buf_printf(out, "%s -> %s: %s (%s)\n", plan->nodes[from].spec->name,
                      plan->nodes[to].spec->name,
                      at_least_once ? "at least once" : "at most once over a restart", why);
}

int engine_guarantees(const struct engine *engine, struct buf *out)
{
    const struct plan *plan = engine->plan;
    int rc = 0;
    for (uint32_t from = 0; from < plan->node_count; from++)
        for (uint32_t to = 0; !rc && to < plan->node_count; to++)
            if (plan->nodes[from].spec->kind == NODE_SOURCE &&
                plan->nodes[to].spec->kind == NODE_SINK && leads_to(plan, from, to))
                rc = path(plan, from, to, out);
    return rc;
}
