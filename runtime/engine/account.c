// SPDX-License-Identifier: MIT
#include "engine/engine_parts.h"
#include <inttypes.h>

// in + created = out + filtered + failed + late + absorbed, in each node. Edges count what was sent
// into them as `out` of the node before and as `in` of the node behind only when it is taken.
//
// A run that failed was stopped where it stood: what a node had taken and not yet handed on is its
// work in hand, and is counted where it lies. What of a batch in hand was done already cannot be
// seen from here, nor what the node that failed let go of: for those the difference has bounds.

struct node_counts {
    uint64_t in, created, out, filtered, failed, absorbed, late;
};

struct sums { // over all lanes
    struct node_counts counts;
    uint64_t held;    // handed on next
    uint64_t in_hand; // of which an unknown part has been handed on
    bool lost;        // the node itself has failed
};

// Batches that are filled, or wait to be handed on.
static uint64_t pending_in(const struct outputs *outputs)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < outputs->plan->ports; i++) {
        bool counts = i != plan_errors_port(outputs->plan) && i != outputs->late_port;
        if (counts && outputs->ports[i].pending)
            n += outputs->ports[i].pending->count;
    }
    return n;
}

// At most: what is on its way through the driver.
static uint64_t under_way(const struct sink_node *node)
{
    return (uint64_t)(SINK_UNDER_WAY - node->spare_count) * BATCH_RECORDS;
}

static void add_held(const struct lane_node *node, struct sums *sums)
{
    sums->lost |= node->outputs.failed;
    if (node->kind == NODE_OPERATOR) {
        sums->in_hand += node->op.batch ? node->op.batch->count : 0;
        sums->held += pending_in(&node->outputs);
    } else if (node->kind == NODE_SINK) {
        sums->in_hand += under_way(&node->sink);
    } else {
        sums->held += pending_in(&node->outputs);
        sums->held += node->source.batch ? node->source.batch->count : 0;
    }
}

static void add_counts(const struct node_stats *stats, struct node_counts *c)
{
    c->in += stat_get(&stats->in);
    c->created += stat_get(&stats->created);
    c->out += stat_get(&stats->out);
    c->filtered += stat_get(&stats->filtered);
    c->failed += stat_get(&stats->failed);
    c->absorbed += stat_get(&stats->absorbed);
    c->late += stat_get(&stats->late);
}

static bool balances(const struct sums *sums, bool cut_short)
{
    const struct node_counts *c = &sums->counts;
    uint64_t came = c->in + c->created;
    uint64_t went = c->out + c->filtered + c->failed + c->absorbed + c->late;
    if (!cut_short)
        return came == went;
    if (sums->lost)
        return came >= went;
    return came >= went + sums->held && came - went - sums->held <= sums->in_hand;
}

static int account(const struct engine *engine, uint32_t index, bool cut_short, struct error *err)
{
    struct sums sums = {0};
    const struct plan_node *plan = &engine->plan->nodes[index];
    for (uint32_t i = 0; i < plan->lanes; i++) {
        const struct lane_node *node = &engine->lanes[i]->nodes[index];
        add_counts(&node->stats, &sums.counts);
        add_held(node, &sums);
    }
    if (balances(&sums, cut_short))
        return 0;
    struct node_counts *c = &sums.counts;
    return error_set(err, ERR_BUG,
                     "%s cannot account for its records: in %" PRIu64 " + created %" PRIu64
                     " is not out %" PRIu64 " + filtered %" PRIu64 " + failed %" PRIu64
                     " + absorbed %" PRIu64 " + late %" PRIu64 " (waiting %" PRIu64
                     ", in hand at most %" PRIu64 ")",
                     plan->spec->name, c->in, c->created, c->out, c->filtered, c->failed,
                     c->absorbed, c->late, sums.held, sums.in_hand);
}

int engine_account(struct engine *engine, struct error *err)
{
    bool cut_short = atomic_load(&engine->chief.state) == ENGINE_FAILED;
    for (uint32_t i = 0; i < engine->plan->node_count; i++) {
        int rc = account(engine, i, cut_short, err);
        if (rc)
            return rc;
    }
    return 0;
}
