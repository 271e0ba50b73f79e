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

static int say_path(const struct plan *plan, uint32_t from, uint32_t to, const char *lack_of,
                    struct buf *out)
{
    return buf_printf(out, "%s -> %s: %s (%s)\n", plan->nodes[from].spec->name,
                      plan->nodes[to].spec->name,
                      lack_of ? "at most once over a restart" : "at least once",
                      lack_of ? lack_of
                              : "positions are committed after the sinks have flushed; a crash "
                                "repeats what came since");
}

static int say_source(const struct plan *plan, uint32_t from, bool *behind, bool *seen,
                      struct buf *out)
{
    int rc = 0;
    memset(behind, 0, plan->node_count);
    plan_reach(plan, from, behind);
    for (uint32_t to = 0; !rc && to < plan->node_count; to++)
        if (behind[to] && plan->nodes[to].spec->kind == NODE_SINK)
            rc = say_path(plan, from, to, lack(plan, from, to, behind, seen), out);
    return rc;
}

int engine_guarantees(const struct engine *engine, struct buf *out)
{
    const struct plan *plan = engine->plan;
    bool *marks = mem_array(plan->node_count + 1, 2);
    int rc = marks ? 0 : ERR_NOMEM;
    for (uint32_t from = 0; !rc && from < plan->node_count; from++)
        if (plan->nodes[from].spec->kind == NODE_SOURCE)
            rc = say_source(plan, from, marks, marks + plan->node_count, out);
    mem_free(marks);
    return rc;
}
