// SPDX-License-Identifier: MIT
#include "engine/flow.h"
#include "engine/lane.h"

void flow_init(struct flow *flow, struct clock *clock, int64_t drain_ms, int64_t ack_every_ms)
{
    *flow = (struct flow){.clock = clock, .drain_ms = drain_ms, .ack_every_ms = ack_every_ms};
    pthread_mutex_init(&flow->lock, NULL);
}

void flow_deinit(struct flow *flow)
{
    pthread_mutex_destroy(&flow->lock);
}

void flow_wake(struct flow *flow)
{
    for (uint32_t i = 0; i < flow->lane_count; i++)
        waker_wake(flow->lanes[i]->waker);
}

static void fail(struct flow *flow, const struct error *why, bool by_record)
{
    pthread_mutex_lock(&flow->lock);
    if (!flow->failure.code) {
        flow->failure = *why;
        flow->by_record = by_record;
    }
    pthread_mutex_unlock(&flow->lock);
    atomic_store_explicit(&flow->failed, true, memory_order_release);
}

void flow_fail(struct flow *flow, const struct error *why)
{
    fail(flow, why, false);
}

void flow_fail_by_record(struct flow *flow, const struct error *why)
{
    fail(flow, why, true);
}

void flow_break(struct flow *flow)
{
    atomic_store_explicit(&flow->broken, true, memory_order_release);
    flow_wake(flow);
}

void flow_stop(struct flow *flow)
{
    int64_t none = 0, by = clock_mono_ns(flow->clock) + flow->drain_ms * 1000000;
    atomic_compare_exchange_strong(&flow->drained_by_ns, &none, by);
    for (uint32_t i = 0; i < flow->lane_count; i++)
        lane_stop(flow->lanes[i]);
    flow_wake(flow);
}

bool flow_over(const struct flow *flow)
{
    return atomic_load_explicit(&flow->broken, memory_order_acquire) ||
           atomic_load_explicit(&flow->done, memory_order_acquire) >= flow->lane_count;
}

static uint64_t flushed_of(const struct lane_node *node)
{
    if (node->kind != NODE_SINK || node->absent ||
        atomic_load_explicit(&node->sink.done, memory_order_acquire))
        return UINT64_MAX;
    return atomic_load_explicit(&node->sink.flushed_epoch, memory_order_acquire);
}

uint64_t flow_flushed(const struct flow *flow)
{
    uint64_t least = UINT64_MAX;
    for (uint32_t k = 0; k < flow->lane_count; k++)
        for (uint32_t i = 0; i < flow->lanes[k]->plan->node_count; i++) {
            uint64_t flushed = flushed_of(&flow->lanes[k]->nodes[i]);
            least = flushed < least ? flushed : least;
        }
    return least;
}
