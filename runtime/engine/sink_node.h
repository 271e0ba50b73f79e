// SPDX-License-Identifier: MIT
#pragma once
#include "engine/outputs.h"
#include "engine/sink_driver.h"
#include "time/watermark.h"

// A sink in a lane: hands the batches of its inputs to its driver, takes them back, and deals with
// what was refused. At most SINK_UNDER_WAY batches are with the driver; the rest waits in the
// edges, which is the backpressure. Barriers are aligned as in operators.

enum { SINK_UNDER_WAY = 4 };

struct sink_node {
    struct outputs outputs;     // first; its one port is `errors`
    struct sink_driver *driver; // NULL in tests without plugins
    struct edge *inputs;
    uint32_t input_count, next_input;
    struct outgoing *spare[SINK_UNDER_WAY];
    uint32_t spare_count;
    struct outgoing *returned; // with refusals that did not fit yet
    size_t refusals_done;
    uint32_t ended, barriers;
    uint64_t epoch;                 // of the last barrier taken
    _Atomic uint64_t flushed_epoch; // barriers up to this one are durable; the first lane looks
    uint32_t marks_left;            // to send on `errors`, behind the letters
    _Atomic bool done;
};

int sink_node_init(struct sink_node *node, const struct node_place *place, uint32_t inputs,
                   struct error *err);
void sink_node_deinit(struct sink_node *node);
void sink_node_step(struct sink_node *node, struct wait *wait);
