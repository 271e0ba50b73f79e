// SPDX-License-Identifier: MIT
#include "engine/lane.h"
#include <inttypes.h>

enum { STEP_NS = 10000000, NO_FD_NS = 10000000 };

static uint64_t waiting_in(const struct edge *edges, uint32_t count)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < count; i++)
        n += edge_records(&edges[i]);
    return n;
}

// Records that are still in the node: in its edges or half done.
static uint64_t in_flight(const struct lane_node *node)
{
    switch (node->kind) {
    case NODE_OPERATOR: {
        uint64_t n = waiting_in(node->op.inputs, node->op.input_count);
        return n + (node->op.batch ? node->op.batch->count - node->op.batch->cursor : 0);
    }
    case NODE_SINK:
        return waiting_in(node->sink.inputs, node->sink.input_count);
    default:
        return 0;
    }
}

static void step_node(struct lane *lane, struct lane_node *node, struct wait *wait)
{
    int64_t start = clock_mono_ns(lane->clock);
    outputs_begin_step(&node->outputs, start, start + STEP_NS);
    atomic_store_explicit(&lane->at_since_ns, start, memory_order_relaxed);
    atomic_store_explicit(&lane->at_node, (uint32_t)(node - lane->nodes), memory_order_release);
    if (node->kind == NODE_SOURCE)
        source_node_step(&node->source, wait);
    else if (node->kind == NODE_SINK)
        sink_node_step(&node->sink, wait);
    else
        operator_node_step(&node->op, wait);
    stat_set(&node->stats.in_flight, in_flight(node));
    if (lane->profile)
        stat_add(&node->stats.busy_ns, (uint64_t)(clock_mono_ns(lane->clock) - start));
}

static bool has_ended(const struct lane_node *node)
{
    if (node->absent)
        return true;
    if (node->kind == NODE_SOURCE)
        return source_node_ended(&node->source);
    return node->kind == NODE_SINK ? node->sink.done : node->op.done;
}

// Tells the flow once when everything here has ended.
static void note_end(struct lane *lane)
{
    for (uint32_t i = 0; !lane->done && i < lane->plan->node_count; i++)
        if (!has_ended(&lane->nodes[i]))
            return;
    if (lane->done)
        return;
    lane->done = true;
    uint32_t others = atomic_fetch_add_explicit(&lane->flow->done, 1, memory_order_acq_rel);
    if (others + 1 == lane->flow->lane_count)
        flow_wake(lane->flow);
}

static void merge_wait(struct wait *all, const struct wait *one, int *fds, uint32_t max,
                       uint32_t *count, int64_t soon_ns)
{
    all->busy = all->busy || one->busy;
    if (one->until_ns < all->until_ns)
        all->until_ns = one->until_ns;
    if (one->fd < 0)
        return;
    if (*count < max)
        fds[(*count)++] = one->fd;
    else if (soon_ns < all->until_ns)
        all->until_ns = soon_ns; // it cannot be waited for: look again
}

// A node has failed: true when what came before may still go through.
static bool goes_on(struct lane *lane, const struct outputs *outputs)
{
    if (!atomic_load_explicit(&lane->flow->failed, memory_order_acquire)) {
        (outputs->stopped ? flow_fail_by_record : flow_fail)(lane->flow, &outputs->failure);
        flow_stop(lane->flow);
    }
    if (!outputs->stopped)
        flow_break(lane->flow);
    return outputs->stopped;
}

static uint64_t waiting_at(const struct flow *flow, uint32_t node)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < flow->lane_count; i++)
        n += stat_get(&flow->lanes[i]->nodes[node].stats.in_flight);
    return n;
}

// What is in flight has had its time. The reason names where most of it is.
static bool drain_is_over(struct lane *lane, struct wait *wait)
{
    struct flow *flow = lane->flow;
    int64_t by = atomic_load_explicit(&flow->drained_by_ns, memory_order_acquire);
    if (!by)
        return false;
    if (by < wait->until_ns)
        wait->until_ns = by;
    if (clock_mono_ns(lane->clock) < by)
        return false;
    uint32_t fullest = 0;
    for (uint32_t i = 1; i < lane->plan->node_count; i++)
        if (waiting_at(flow, i) >= waiting_at(flow, fullest))
            fullest = i;
    struct error err = ERROR_INIT;
    error_set(&err, ERR_RETRY,
              "%s: not all that was in flight could be written within `drain: %" PRId64 "ms`",
              lane->plan->nodes[fullest].spec->name, flow->drain_ms);
    flow_fail(flow, &err);
    flow_break(flow);
    return true;
}

bool lane_step(struct lane *lane, struct wait *wait, int *fds, uint32_t max, uint32_t *count)
{
    int64_t soon_ns = clock_mono_ns(lane->clock) + NO_FD_NS;
    *count = 0;
    for (uint32_t i = 0; i < lane->plan->node_count; i++) {
        struct wait one = {.until_ns = INT64_MAX, .fd = -1};
        struct lane_node *node = &lane->nodes[i];
        if (node->absent)
            continue;
        step_node(lane, node, &one);
        merge_wait(wait, &one, fds, max, count, soon_ns);
        if (node->outputs.failed && !goes_on(lane, &node->outputs))
            break;
    }
    atomic_store_explicit(&lane->at_node, UINT32_MAX, memory_order_release);
    if (atomic_load_explicit(&lane->flow->broken, memory_order_acquire))
        return false;
    lane_keep_epochs(lane, wait);
    note_end(lane);
    return !flow_over(lane->flow) && !drain_is_over(lane, wait);
}

void lane_stop(struct lane *lane)
{
    for (uint32_t i = 0; i < lane->plan->node_count; i++) {
        struct driver *driver = lane_driver(&lane->nodes[i]);
        if (driver)
            driver_stop(driver);
    }
}

bool lane_close(struct lane *lane, struct wait *wait)
{
    bool all = true;
    lane_acknowledge(lane);
    for (uint32_t i = 0; i < lane->plan->node_count; i++) {
        struct driver *driver = lane_driver(&lane->nodes[i]);
        if (driver && !driver_close(driver, wait))
            all = false;
    }
    return all;
}
