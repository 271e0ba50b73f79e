// SPDX-License-Identifier: MIT
#include "engine/source_buffer.h"
#include "engine/plan.h"
#include "engine/scatter.h"
#include <string.h>
#include <unistd.h>

// How many lanes there are, and how records get from one to another. The rule that everything
// follows from: what the records of a key become does not depend on the number of lanes, and the
// order of a key's records, and of a split's, is kept.
//
// - A source's splits are shared out over all lanes; what does not need more of a record than the
//   record itself (filter, map, ...) works where the record is.
// - An operator with a key gets each record in the lane that owns the key, unless it is there
//   already.
// - An operator that remembers and has no key is in one lane alone.
// - A sink is in one lane, unless its plugin is PARALLEL.

enum { CORES_MAX = 1024 };

static uint32_t cores(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > CORES_MAX ? CORES_MAX : (uint32_t)n;
}

// A setting of lanes: a number, or 0 where there is none; auto is as many as there are cores.
static uint32_t lanes_setting(const struct tide_config *map)
{
    const struct tide_config *setting = setting_at(map, "parallelism");
    if (!setting)
        return 0;
    uint32_t n =
        setting->text && !strcmp(setting->text, "auto") ? cores() : (uint32_t)setting->integer;
    return n > SCATTER_LANES_MAX ? SCATTER_LANES_MAX : n;
}

struct op_share plan_share(const struct plan_node *node, uint32_t input)
{
    struct op_share share = {.how = OP_SHARE_STAY};
    if (!node->class)
        return share;
    if (node->class->share) {
        node->class->share(node->spec, input, &share);
        return share;
    }
    share.keys = setting_at(node->spec->options, "key_by");
    if (share.keys && share.keys->count)
        share.how = OP_SHARE_KEY;
    else if (node->class->stateful)
        share.how = OP_SHARE_ONE;
    return share;
}

static bool takes_turns(const struct plan_node *node)
{
    return node->class && setting_bool(node->spec->common, "rebalance", false);
}

// Whether more than one lane would have something to do.
static bool can_use_lanes(const struct plan *plan)
{
    for (uint32_t i = 0; i < plan->node_count; i++) {
        const struct plan_node *node = &plan->nodes[i];
        if (node->spec->kind == NODE_SOURCE && node->plugin &&
            (node->plugin->source->capabilities & (TIDE_SOURCE_SPLITS | TIDE_SOURCE_PARALLEL)))
            return true;
        for (uint32_t k = 0; k < node->inputs; k++)
            if (plan_share(node, k).how == OP_SHARE_KEY || takes_turns(node))
                return true;
    }
    return false;
}

// An operator of which any input is for one lane alone is in that one. Who takes records where they
// are is in no more lanes than they are.
static uint32_t operator_lanes(const struct plan *plan, uint32_t index, uint32_t lanes)
{
    const struct plan_node *node = &plan->nodes[index];
    uint32_t own = lanes_setting(node->spec->common), reached = takes_turns(node) ? lanes : 1;
    lanes = own ? own : lanes;
    for (size_t i = 0; i < plan->edge_count; i++) {
        const struct plan_edge *edge = &plan->edges[i];
        if (edge->to != index)
            continue;
        enum op_sharing how = plan_share(node, edge->input).how;
        if (how == OP_SHARE_ONE)
            return 1;
        uint32_t from = how == OP_SHARE_STAY ? plan->nodes[edge->from].lanes : lanes;
        reached = from > reached ? from : reached;
    }
    if (takes_turns(node))
        return lanes;
    return lanes < reached ? lanes : reached;
}

static void place_sink(struct plan *plan, uint32_t index, uint32_t lanes)
{
    struct plan_node *node = &plan->nodes[index];
    node->parallel = node->plugin && (node->plugin->sink->capabilities & TIDE_SINK_PARALLEL);
    for (size_t i = 0; i < plan->edge_count && node->parallel; i++)
        if (plan->edges[i].to == index && plan->nodes[plan->edges[i].from].lanes == lanes)
            node->lanes = lanes;
    node->parallel = node->lanes > 1;
}

// `lanes`: of what says no number of its own.
static void place_node(struct plan *plan, uint32_t index, uint32_t lanes)
{
    struct plan_node *node = &plan->nodes[index];
    node->lanes = 1;
    if (node->spec->kind == NODE_OPERATOR) {
        node->lanes = operator_lanes(plan, index, lanes);
    } else if (node->spec->kind == NODE_SOURCE) {
        node->lanes = lanes;
        node->parallel = lanes > 1 && node->plugin && !source_is_buffered(node) &&
                         (node->plugin->source->capabilities & TIDE_SOURCE_PARALLEL);
    } else if (lanes > 1) {
        place_sink(plan, index, lanes);
    }
}

static bool same_keys(const struct tide_config *a, const struct tide_config *b)
{
    if (!a || !b || share_key_count(a) != share_key_count(b))
        return false;
    for (uint32_t i = 0; i < share_key_count(a); i++)
        if (strcmp(share_key(a, i), share_key(b, i)) != 0)
            return false;
    return true;
}

static void pass_edge(struct plan *plan, struct plan_edge *edge)
{
    struct plan_node *from = &plan->nodes[edge->from], *to = &plan->nodes[edge->to];
    struct op_share share = plan_share(to, edge->input);
    bool there = from->lanes == to->lanes && same_keys(from->keyed, share.keys);
    if (to->lanes == 1)
        edge->pass = from->lanes == 1 ? PASS_STAY : PASS_ONE;
    else if (share.how == OP_SHARE_ALL)
        edge->pass = PASS_ALL;
    else if (share.how == OP_SHARE_KEY)
        edge->pass = there ? PASS_STAY : PASS_KEY;
    else if (takes_turns(to) || from->lanes > to->lanes)
        edge->pass = PASS_TURN;
    edge->keys = edge->pass == PASS_KEY ? share.keys : NULL;
}

// What an operator of one input passes on unchanged stays in the lane of its key.
static void note_key(struct plan *plan, const struct plan_edge *edge)
{
    struct plan_node *to = &plan->nodes[edge->to];
    bool alone = to->inputs == 1 && to->class && to->class->keeps_records;
    if (!alone)
        return;
    if (edge->pass == PASS_KEY)
        to->keyed = edge->keys;
    else if (edge->pass == PASS_STAY)
        to->keyed = plan->nodes[edge->from].keyed;
}

static uint32_t most_lanes(const struct plan *plan)
{
    uint32_t most = 1;
    for (uint32_t i = 0; i < plan->node_count; i++)
        most = plan->nodes[i].lanes > most ? plan->nodes[i].lanes : most;
    return most;
}

static void warn_of_idle_lanes(const struct plan *plan, struct problems *problems)
{
    const struct tide_config *setting = setting_at(plan->topology->top, "parallelism");
    if (setting && setting->given && setting->integer > 1)
        problem_warn(problems, setting->place, REASON_UNHEEDED,
                     "parallelism: this pipeline can use one lane only: it has no `key_by` and no "
                     "source of several splits");
}

void plan_spread(struct plan *plan, uint32_t wanted, struct problems *problems)
{
    uint32_t lanes = wanted ? wanted : lanes_setting(plan->topology->top);
    bool can = can_use_lanes(plan);
    if (!can)
        warn_of_idle_lanes(plan, problems);
    if (!lanes || !can)
        lanes = 1;
    lanes = lanes > SCATTER_LANES_MAX ? SCATTER_LANES_MAX : lanes;
    for (uint32_t i = 0; i < plan->node_count; i++)
        place_node(plan, i, lanes);
    plan->lanes = most_lanes(plan);
    for (size_t i = 0; i < plan->edge_count; i++) {
        pass_edge(plan, &plan->edges[i]);
        note_key(plan, &plan->edges[i]);
    }
}
