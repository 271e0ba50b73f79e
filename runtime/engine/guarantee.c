// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "engine/source_buffer.h"
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

struct verdict {
    enum guarantee is;
    const char *why;
};

static struct verdict without_checkpoints(const struct plan *plan, uint32_t to, const bool *behind,
                                          bool *seen, const tide_source *source)
{
    if (!TIDE_HAS(source, ack) || !source->ack)
        return (struct verdict){GUARANTEE_AT_MOST_ONCE,
                                "without `checkpoint:` no position is kept over a restart: the "
                                "source starts where its options say"};
    if (has_state(plan, behind, to, seen))
        return (struct verdict){GUARANTEE_AT_MOST_ONCE,
                                "without `checkpoint:` windows and other state that are open at a "
                                "stop are lost"};
    return (struct verdict){GUARANTEE_AT_LEAST_ONCE,
                            "positions are committed after the sinks have flushed; a crash repeats "
                            "what came since"};
}

static struct verdict with_checkpoints(const struct coordinator *coordinator,
                                       const struct plan_node *sink)
{
    const tide_sink *table = sink->plugin->sink;
    const char *repeats = NULL;
    if (!coordinator->exactly_once)
        repeats = "`delivery: exactly_once` is not asked for: a crash repeats what came since the "
                  "last checkpoint";
    else if (!decider_writes_exactly_once(sink))
        repeats = "the sink says `delivery: at_least_once`: a crash repeats what came since the "
                  "last checkpoint";
    if (!repeats && (decider_is_of(coordinator, sink) || sink_is_two_phase(table)))
        return (struct verdict){GUARANTEE_EXACTLY_ONCE,
                                decider_is_of(coordinator, sink)
                                    ? "output and positions are committed in one transaction"
                                    : "after a crash the output is cut back to the checkpoint that "
                                      "is gone on from"};
    if (table->capabilities & TIDE_SINK_IDEMPOTENT)
        repeats = "a crash repeats what came since the last checkpoint, which changes nothing here";
    if (!repeats)
        repeats = "the sink cannot take back what it has written: a crash repeats what came since "
                  "the last checkpoint";
    return (struct verdict){GUARANTEE_AT_LEAST_ONCE, repeats};
}

static struct verdict judge(const struct engine *engine, uint32_t from, uint32_t to,
                            const bool *behind, bool *seen)
{
    const struct plan *plan = engine->plan;
    const tide_source *source = plan->nodes[from].plugin->source;
    bool buffered = source_is_buffered(&plan->nodes[from]);
    if (!(source->capabilities & TIDE_SOURCE_REPLAYABLE) && !buffered)
        return (struct verdict){GUARANTEE_AT_MOST_ONCE,
                                engine->coordinator
                                    ? "the source cannot be read again: a crash loses what came "
                                      "since the last checkpoint"
                                    : "the source cannot be read again: what is in flight at a "
                                      "crash is lost"};
    struct verdict verdict = {0};
    if (engine->coordinator)
        verdict = with_checkpoints(engine->coordinator, &plan->nodes[to]);
    if (verdict.is == GUARANTEE_EXACTLY_ONCE && buffered)
        verdict.why = "from the buffer on: what the source had read and not yet written to it is "
                      "lost in a crash";
    return engine->coordinator ? verdict : without_checkpoints(plan, to, behind, seen, source);
}

struct walk {
    const struct engine *engine;
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
        struct verdict verdict = judge(walk->engine, from, to, walk->behind, walk->seen);
        struct engine_path path = {plan->nodes[from].spec->name, plan->nodes[to].spec->name,
                                   verdict.is, verdict.why};
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
    struct walk walk = {engine, plan, marks, marks ? marks + plan->node_count : NULL, each, arg};
    int rc = marks ? 0 : ERR_NOMEM;
    for (uint32_t from = 0; !rc && from < plan->node_count; from++)
        if (plan->nodes[from].spec->kind == NODE_SOURCE)
            rc = walk_source(&walk, from);
    mem_free(marks);
    return rc;
}

static int say_path(void *arg, const struct engine_path *path)
{
    static const char *const words[] = {[GUARANTEE_AT_MOST_ONCE] = "at most once over a restart",
                                        [GUARANTEE_AT_LEAST_ONCE] = "at least once",
                                        [GUARANTEE_EXACTLY_ONCE] = "exactly once"};
    return buf_printf(arg, "%s -> %s: %s (%s)\n", path->from, path->to, words[path->guarantee],
                      path->why);
}

int engine_guarantees(const struct engine *engine, struct buf *out)
{
    return engine_paths(engine, say_path, out);
}
