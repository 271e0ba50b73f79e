// SPDX-License-Identifier: MIT
#include "engine/why.h"
#include "engine/engine_parts.h"
#include <string.h>

// Where the walk stands.
struct place_of_node {
    uint32_t node, lane;
};

static struct lane_node *here(const struct engine *engine, struct place_of_node at)
{
    return &engine->lanes[at.lane]->nodes[at.node];
}

static int64_t since(const struct engine *engine, int64_t moved_ns)
{
    return moved_ns ? clock_mono_ns(engine->config.clock) - moved_ns : -1;
}

// -- a node in a lane --

static int64_t stat_watermark(const struct lane_node *node)
{
    return atomic_load_explicit(&node->stats.watermark, memory_order_relaxed);
}

// What it has come to. Sinks have nothing of the kind.
static void look_at(const struct engine *engine, struct place_of_node at, struct why_step *out)
{
    struct lane_node *node = here(engine, at);
    const struct plan_node *plan = &engine->plan->nodes[at.node];
    const struct valve *valve = node->kind == NODE_SOURCE     ? &node->source.valve
                                : node->kind == NODE_OPERATOR ? &node->op.valve
                                                              : NULL;
    *out = (struct why_step){.node = plan->spec->name,
                             .type = plan->spec->type,
                             .lane = at.lane,
                             .lanes = plan->lanes,
                             .watermark = WATERMARK_NONE,
                             .still_ns = -1};
    if (!valve)
        return;
    pthread_mutex_lock(&node->outputs.look);
    out->watermark = valve->watermark;
    out->idle = valve->idle;
    out->still_ns = since(engine, node->outputs.moved_ns);
    pthread_mutex_unlock(&node->outputs.look);
    // A source's end is known behind the last split.
    if (stat_watermark(node) == WATERMARK_END)
        out->watermark = WATERMARK_END;
}

// The lane in which the node has come least far; idle ones only when all are.
static uint32_t slowest_lane(const struct engine *engine, uint32_t node)
{
    struct why_step best = {.idle = true, .watermark = WATERMARK_END};
    uint32_t lane = 0;
    for (uint32_t i = 0; i < engine->plan->nodes[node].lanes; i++) {
        struct why_step one;
        look_at(engine, (struct place_of_node){node, i}, &one);
        bool less = one.idle != best.idle ? best.idle && one.watermark != WATERMARK_END
                                          : one.watermark < best.watermark;
        if (!less)
            continue;
        best = one;
        lane = i;
    }
    return lane;
}

// -- its inputs --

// The active input with the smallest watermark, or valve->count. Under the node's lock.
static uint32_t slowest_input(const struct valve *valve)
{
    uint32_t slowest = valve->count;
    for (uint32_t i = 0; i < valve->count; i++) {
        const struct valve_input *input = &valve->inputs[i];
        if (!input->used || input->idle || !input->aligned || input->watermark == WATERMARK_END)
            continue;
        if (slowest == valve->count || input->watermark < valve->inputs[slowest].watermark)
            slowest = i;
    }
    return slowest;
}

// An input that is idle and has come no further than the others; valve->count: none.
static uint32_t any_idle(const struct valve *valve)
{
    for (uint32_t i = 0; i < valve->count; i++)
        if (valve->inputs[i].used && valve->inputs[i].idle)
            return i;
    return valve->count;
}

static bool step_up_operator(const struct engine *engine, struct place_of_node *at, struct why *out)
{
    struct lane_node *node = here(engine, *at);
    const struct valve *valve = &node->op.valve;
    struct place_of_node from = *at;
    int64_t watermark = WATERMARK_NONE;
    pthread_mutex_lock(&node->outputs.look);
    uint32_t input = slowest_input(valve);
    input = input == valve->count ? any_idle(valve) : input;
    bool found = input < valve->count;
    if (found)
        watermark = valve->inputs[input].watermark;
    pthread_mutex_unlock(&node->outputs.look);
    if (!found)
        return false;
    wiring_from(engine->plan, at->node, at->lane, input, &from.node, &from.lane);
    struct why_step before;
    look_at(engine, from, &before);
    if (before.watermark > watermark && stat_get(&node->stats.in_flight)) {
        out->cause = WHY_QUEUE;
        out->queued = stat_get(&node->stats.in_flight);
        return false;
    }
    *at = from;
    return true;
}

// A sink waits for no time: it is as far as the least of those before it.
static bool step_up_sink(const struct engine *engine, struct place_of_node *at)
{
    struct place_of_node best = *at;
    int64_t least = 0;
    for (size_t i = 0; i < engine->plan->edge_count; i++) {
        const struct plan_edge *edge = &engine->plan->edges[i];
        if (edge->to != at->node ||
            edge->port == plan_errors_port(&engine->plan->nodes[edge->from]))
            continue;
        struct place_of_node from = {edge->from, slowest_lane(engine, edge->from)};
        struct why_step one;
        look_at(engine, from, &one);
        if (best.node != at->node && one.watermark >= least)
            continue;
        best = from;
        least = one.watermark;
    }
    bool found = best.node != at->node;
    *at = best;
    return found;
}

// -- the source --

static const char *kind_of(const struct source_node *node)
{
    static const char *const names[] = {
        [GENERATOR_BOUNDED] = "bounded", [GENERATOR_MARKED] = "marker", [GENERATOR_NONE] = "none"};
    return names[node->watermark_kind];
}

static void show_split(const struct engine *engine, const struct source_node *node, uint32_t id,
                       struct why_split *out)
{
    const struct source_split *split = &node->splits[id];
    const struct valve_input *input = &node->valve.inputs[split->input];
    size_t len = strlen(split->name);
    len = len < WHY_NAME_MAX ? len : WHY_NAME_MAX - 1;
    memcpy(out->name, split->name, len);
    out->name[len] = '\0';
    out->watermark = input->watermark;
    out->still_ns = since(engine, input->moved_ns);
    out->silent_ns = since(engine, split->came_ns);
    out->held = node->alignment && alignment_holds(node->alignment, id);
}

static enum why_cause find_cause(const struct engine *engine, const struct source_node *node,
                                 struct why *out)
{
    uint32_t input = slowest_input(&node->valve);
    bool any = false;
    for (uint32_t i = 0; i < node->split_count; i++) {
        const struct source_split *split = &node->splits[i];
        any |= !split->ended;
        if (split->ended || split->input != input)
            continue;
        show_split(engine, node, i, &out->split);
        return WHY_SPLIT;
    }
    return any ? WHY_IDLE : WHY_NO_SPLIT;
}

static void look_at_source(const struct engine *engine, struct place_of_node at, struct why *out)
{
    struct lane_node *lane_node = here(engine, at);
    struct source_node *node = &lane_node->source;
    out->kind = kind_of(node);
    out->idle_after_ms = node->idle_after_ms;
    pthread_mutex_lock(&node->outputs.look);
    out->cause = find_cause(engine, node, out);
    pthread_mutex_unlock(&node->outputs.look);
    if (!node->has_time)
        out->cause = WHY_NO_TIME;
    if (stat_watermark(lane_node) == WATERMARK_END)
        out->cause = WHY_ENDED;
    if (!node->driver)
        return;
    const struct driver *driver = &node->driver->driver;
    out->open = atomic_load_explicit(&driver->is_open, memory_order_relaxed);
    _Static_assert(WHY_NAME_MAX == SAID_WORDS * 8, "one text");
    said_read(&driver->last_fault, out->fault);
}

// -- the walk --

static bool step_up(const struct engine *engine, struct place_of_node *at, struct why *out)
{
    switch (here(engine, *at)->kind) {
    case NODE_OPERATOR:
        return step_up_operator(engine, at, out);
    case NODE_SINK:
        return step_up_sink(engine, at);
    default:
        look_at_source(engine, *at, out);
        return false;
    }
}

int engine_why(const struct engine *engine, const char *name, struct why *out, struct error *err)
{
    const struct plan *plan = engine->plan;
    struct place_of_node at = {0, 0};
    *out = (struct why){.cause = WHY_ENDED, .open = true};
    while (at.node < plan->node_count && strcmp(plan->nodes[at.node].spec->name, name) != 0)
        at.node++;
    if (at.node == plan->node_count)
        return error_set(err, ERR_INPUT, "there is no node '%s'", name);
    out->close_after_ms = setting_int(plan->nodes[at.node].spec->options, "window.close_after", 0);
    at.lane = slowest_lane(engine, at.node);
    do
        look_at(engine, at, &out->steps[out->count++]);
    while (out->count < WHY_STEPS_MAX && step_up(engine, &at, out));
    return 0;
}
