// SPDX-License-Identifier: MIT
#include "engine/wiring.h"
#include "base/alloc.h"

static uint32_t producers(const struct plan *plan, const struct plan_edge *edge, uint32_t lane)
{
    uint32_t from = plan->nodes[edge->from].lanes;
    return edge->pass == PASS_STAY ? lane < from : from;
}

uint32_t wiring_inputs(const struct plan *plan, uint32_t node, uint32_t lane)
{
    uint32_t n = 0;
    for (size_t i = 0; i < plan->edge_count; i++)
        if (plan->edges[i].to == node)
            n += producers(plan, &plan->edges[i], lane);
    return n;
}

// The inputs of a node in a lane stand in the order of the plan's, those of one by the lane that
// they come from.
static struct edge *input_edge(const struct plan *plan, const struct plan_edge *edge,
                               struct lane *to, uint32_t from)
{
    struct lane_node *node = &to->nodes[edge->to];
    uint32_t at = edge->pass == PASS_STAY ? 0 : from;
    for (size_t i = 0; i < plan->edge_count; i++)
        if (plan->edges[i].to == edge->to && plan->edges[i].input < edge->input)
            at += producers(plan, &plan->edges[i], to->index);
    return node->kind == NODE_SINK ? &node->sink.inputs[at] : &node->op.inputs[at];
}

static const struct plan_edge *edge_of(const struct plan *plan, uint32_t node, uint32_t input)
{
    for (size_t i = 0; i < plan->edge_count; i++)
        if (plan->edges[i].to == node && plan->edges[i].input == input)
            return &plan->edges[i];
    return NULL;
}

void wiring_from(const struct plan *plan, uint32_t node, uint32_t lane, uint32_t input,
                 uint32_t *from, uint32_t *from_lane)
{
    for (uint32_t i = 0; i < plan->nodes[node].inputs; i++) {
        const struct plan_edge *edge = edge_of(plan, node, i);
        uint32_t n = producers(plan, edge, lane);
        if (input >= n) {
            input -= n;
            continue;
        }
        *from = edge->from;
        *from_lane = edge->pass == PASS_STAY ? lane : input;
        return;
    }
}

static struct crossing *cross(struct wiring *wiring, const struct lane *from, const struct lane *to)
{
    if (mem_grow(&wiring->crossings, &wiring->cap, wiring->count + 1, sizeof *wiring->crossings))
        return NULL;
    struct crossing *crossing = mem_zalloc(sizeof *crossing);
    if (!crossing)
        return NULL;
    wiring->crossings[wiring->count++] = crossing;
    crossing->out.link = &crossing->link;
    return link_init(&crossing->link, wiring->slots, from->waker, to->waker, to->shapes) ? NULL
                                                                                         : crossing;
}

static int lead(struct wiring *wiring, const struct plan *plan, const struct plan_edge *edge,
                struct outlet *outlet, struct lane *from, struct lane *to)
{
    struct edge *input = input_edge(plan, edge, to, from->index), *out = input;
    struct lane_node *node = &to->nodes[edge->to];
    uint32_t at = node->kind == NODE_OPERATOR ? (uint32_t)(input - node->op.inputs) : 0;
    input->input = edge->input;
    if (edge->timeless)
        valve_remove(&node->op.valve, at);
    else if (node->kind == NODE_OPERATOR)
        valve_group(&node->op.valve, at, edge->input + 1);
    if (from != to) {
        struct crossing *crossing = cross(wiring, from, to);
        if (!crossing)
            return ERR_NOMEM;
        input->link = &crossing->link;
        out = &crossing->out;
    }
    outlet->edges[outlet->lanes++] = out;
    return 0;
}

static int connect_edge(struct wiring *wiring, const struct plan *plan,
                        const struct plan_edge *edge, struct lane **lanes, struct lane *from,
                        struct error *err)
{
    uint32_t most = plan->nodes[edge->to].lanes;
    bool stays = edge->pass == PASS_STAY;
    struct outlet *outlet;
    int rc = outputs_connect(&from->nodes[edge->from].outputs, edge, most, &outlet, err);
    for (uint32_t to = stays ? from->index : 0; !rc && to < (stays ? from->index + 1 : most); to++)
        if (lead(wiring, plan, edge, outlet, from, lanes[to]))
            rc = error_nomem(err);
    return rc;
}

int wiring_connect(struct wiring *wiring, const struct plan *plan, struct lane **lanes,
                   struct error *err)
{
    for (uint32_t lane = 0; lane < plan->lanes; lane++)
        for (size_t i = 0; i < plan->edge_count; i++) {
            const struct plan_edge *edge = &plan->edges[i];
            if (lane >= plan->nodes[edge->from].lanes)
                continue;
            int rc = connect_edge(wiring, plan, edge, lanes, lanes[lane], err);
            if (rc)
                return rc;
        }
    return 0;
}

void wiring_deinit(struct wiring *wiring)
{
    for (size_t i = 0; i < wiring->count; i++) {
        link_deinit(&wiring->crossings[i]->link);
        mem_free(wiring->crossings[i]);
    }
    mem_free(wiring->crossings);
    *wiring = (struct wiring){0};
}
