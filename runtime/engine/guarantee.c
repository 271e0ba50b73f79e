// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "engine/engine_parts.h"
#include <string.h>

// What a path from a source to a sink promises, from the capabilities of both ends and of what is
// between: the least of them.

static bool has_state(const struct plan *plan, const bool *behind, uint32_t to, bool *seen)
{
    for (uint32_t i = 0; i < plan->node_count; i++) {
        if (!behind[i] || !plan->nodes[i].class || !plan->nodes[i].class->stateful)
            continue;
        memset(seen, 0, plan->node_count);
        plan_reach(plan, i, seen);
        if (seen[to])
            return true;
    }
    return false;
}

// Why no more than at most once is promised; NULL: at least once.
static const char *lack(const struct plan *plan, uint32_t from, uint32_t to, const bool *behind,
                        bool *seen)
{
    const tide_source *source = plan->nodes[from].plugin->source;
    if (!(source->capabilities & TIDE_SOURCE_REPLAYABLE))
        return "the source cannot be read again: what is in flight at a crash is lost";
    if (!TIDE_HAS(source, ack) || !source->ack)
        return "positions are not kept over a restart yet: the source starts where its options say";
    if (has_state(plan, behind, to, seen))
        return "windows that are open at a stop are lost: their state is not kept yet";
    return NULL;
}

struct walk {
    const struct plan *plan;
    bool *behind, *seen; // a mark a node
    int (*each)(void *arg, const struct engine_path *path);
    void *arg;
};

static int walk_source(const struct walk *walk, uint32_t from)
{
    const struct plan *plan = walk->plan;
    memset(walk->behind, 0, plan->node_count);
    plan_reach(plan, from, walk->behind);
    for (uint32_t to = 0; to < plan->node_count; to++) {
        if (!walk->behind[to] || plan->nodes[to].spec->kind != NODE_SINK)
            continue;
        const char *why = lack(plan, from, to, walk->behind, walk->seen);
        struct engine_path path = {plan->nodes[from].spec->name, plan->nodes[to].spec->name, !why,
                                   why};
        if (!why)
            path.why = "positions are committed after the sinks have flushed; a crash repeats what "
                       "came since";
        int rc = walk->each(walk->arg, &path);
        if (rc)
            return rc;
    }
    return 0;
}

int engine_paths(const struct engine *engine,
                 int (*each)(void *arg, const struct engine_path *path), void *arg)
{
    const struct plan *plan = engine->plan;
    bool *marks = mem_array(plan->node_count + 1, 2);
    struct walk walk = {plan, marks, marks ? marks + plan->node_count : NULL, each, arg};
    int rc = marks ? 0 : ERR_NOMEM;
    for (uint32_t from = 0; !rc && from < plan->node_count; from++)
        if (plan->nodes[from].spec->kind == NODE_SOURCE)
            rc = walk_source(&walk, from);
    mem_free(marks);
    return rc;
}

static int say_path(void *arg, const struct engine_path *path)
{
    return buf_printf(arg, "%s -> %s: %s (%s)\n", path->from, path->to,
                      path->at_least_once ? "at least once" : "at most once over a restart",
                      path->why);
}

int engine_guarantees(const struct engine *engine, struct buf *out)
{
    return engine_paths(engine, say_path, out);
}
