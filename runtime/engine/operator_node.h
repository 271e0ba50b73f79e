// SPDX-License-Identifier: MIT
#pragma once
#include "engine/driver.h"
#include "engine/outputs.h"
#include "time/watermark.h"

// An operator in a lane: takes batches from its inputs one at a time, lets the operator work
// through them, then deals with the marks behind them: the watermark (the minimum over the inputs),
// barriers (aligned: an input that has had its barrier waits for the others) and the end.

enum operator_phase { PHASE_TAKE, PHASE_RECORDS, PHASE_WATERMARK, PHASE_MARKS };

struct operator_node {
    struct outputs outputs; // first
    struct op *op;
    struct edge
        *inputs; // in the order of the plan's input numbers, each by the lanes it comes from
    uint32_t input_count, next_input;
    struct valve valve;
    struct batch *batch; // in work
    uint32_t input;      // where it came from
    enum operator_phase phase;
    uint32_t in_marks, out_marks;
    int64_t in_watermark; // of the batch in work
    int64_t watermark;    // to fire next
    uint64_t in_epoch, epoch;
    int64_t measured_ns;      // when its state was looked at last
    uint32_t ended, barriers; // inputs that have had theirs
    bool done;
    bool tracks;     // all was saved once: from then on only what has changed is
    struct buf kept; // tests that restart: its state, of which changes are saved
};

int operator_node_init(struct operator_node *node, const struct operator_spec *spec,
                       const struct plan_node *plan, uint32_t inputs, uint16_t index,
                       struct batch_pool *pool, struct node_stats *stats, struct error *err);
void operator_node_deinit(struct operator_node *node);
// Its counters, which were restored, go on.
void operator_node_resume(struct operator_node *node);
void operator_node_step(struct operator_node *node, struct wait *wait);
