// SPDX-License-Identifier: MIT
#include "engine/lane.h"

// Epochs in the lanes. Without checkpoints one is over when all sinks have flushed it, and then the
// sources hear of it; with checkpoints, when that is decided.

static struct source_driver *reading(struct lane_node *node)
{
    if (node->kind != NODE_SOURCE || node->source.borrows ||
        atomic_load_explicit(&node->source.phase, memory_order_relaxed) != SOURCE_READING)
        return NULL;
    return node->source.driver;
}

// The drivers of all lanes' sources that are still read; `each` says whether that is enough.
static bool any_source(const struct flow *flow,
                       bool (*each)(const struct flow *flow, struct source_driver *source))
{
    for (uint32_t k = 0; k < flow->lane_count; k++)
        for (uint32_t i = 0; i < flow->lanes[k]->plan->node_count; i++) {
            struct source_driver *source = reading(&flow->lanes[k]->nodes[i]);
            if (source && each(flow, source))
                return true;
        }
    return false;
}

static bool wants_acks(const struct flow *flow, struct source_driver *source)
{
    (void)flow;
    return source->ack;
}

static bool send_barrier(const struct flow *flow, struct source_driver *source)
{
    atomic_store_explicit(&source->barrier_wanted, flow->epoch, memory_order_release);
    if (source->driver.threaded)
        driver_wake(&source->driver);
    else
        waker_wake(source->driver.lane_waker);
    return false;
}

// Every source sends its barrier, also one that wants no acknowledgement: nodes with several inputs
// wait for all of them.
uint64_t flow_begin_epoch(struct flow *flow)
{
    flow->epoch++;
    any_source(flow, send_barrier);
    return flow->epoch;
}

static bool asks(const struct flow *flow, struct source_driver *source)
{
    (void)flow;
    return atomic_load_explicit(&source->barrier_asked, memory_order_acquire);
}

static bool hear(const struct flow *flow, struct source_driver *source)
{
    (void)flow;
    atomic_exchange_explicit(&source->barrier_asked, false, memory_order_acquire);
    return false;
}

bool flow_asks_epoch(struct flow *flow)
{
    return any_source(flow, asks) && (any_source(flow, hear), true);
}

void flow_tell_decided(struct flow *flow)
{
    for (uint32_t k = 0; k < flow->lane_count; k++)
        for (uint32_t i = 0; i < flow->lanes[k]->plan->node_count; i++) {
            struct lane_node *node = &flow->lanes[k]->nodes[i];
            if (!node->absent && node->kind == NODE_SINK && node->sink.driver)
                driver_wake(&node->sink.driver->driver);
        }
    flow_wake(flow);
}

// Up to which epoch sources may be told that all is durable.
static uint64_t settled(const struct flow *flow)
{
    if (!flow->coordinated)
        return flow_flushed(flow);
    if (atomic_load_explicit(&flow->end_decided, memory_order_acquire))
        return UINT64_MAX;
    return atomic_load_explicit(&flow->decided, memory_order_acquire);
}

void lane_acknowledge(struct lane *lane)
{
    uint64_t flushed = 0;
    for (uint32_t i = 0; i < lane->plan->node_count; i++) {
        struct lane_node *node = &lane->nodes[i];
        struct parcel *barrier = node->kind == NODE_SOURCE ? node->source.last_barrier : NULL;
        if (!barrier || atomic_load_explicit(&lane->flow->failed, memory_order_acquire))
            continue; // what failed and what came behind it is to be read again
        flushed = flushed ? flushed : settled(lane->flow);
        if (barrier->final ? flushed != UINT64_MAX : barrier->epoch > flushed)
            continue;
        if (ring_push(&node->source.driver->acks, barrier)) {
            node->source.last_barrier = NULL;
            driver_wake(&node->source.driver->driver);
        }
    }
}

static bool is_over(const struct flow *flow)
{
    return flow_flushed(flow) >= flow->epoch;
}

// Of the first lane: when the next epoch begins. Splits that are taken from a source do not wait
// for that.
static void pace(struct flow *flow, struct wait *wait)
{
    int64_t now = clock_mono_ns(flow->clock);
    if (is_over(flow) && flow_asks_epoch(flow)) {
        flow_begin_epoch(flow);
        wait->busy = true;
    }
    if (now >= flow->next_ack_ns) {
        if (flow->next_ack_ns && is_over(flow) && any_source(flow, wants_acks))
            flow_begin_epoch(flow);
        flow->next_ack_ns = now + flow->ack_every_ms * 1000000;
    }
    if (flow->next_ack_ns < wait->until_ns)
        wait->until_ns = flow->next_ack_ns;
}

void lane_keep_epochs(struct lane *lane, struct wait *wait)
{
    lane_acknowledge(lane);
    if (lane->index)
        return;
    if (lane->flow->coordinated && any_source(lane->flow, asks))
        waker_wake(lane->flow->coordinator);
    if (!lane->flow->coordinated)
        pace(lane->flow, wait);
}
