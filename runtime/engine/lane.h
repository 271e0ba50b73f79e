// SPDX-License-Identifier: MIT
#pragma once
#include "engine/operator_node.h"
#include "engine/sink_node.h"
#include "engine/source_node.h"

// A lane is one instance of the plan: its nodes, the edges between them, their batches and shapes.
// `lane_step` goes once through the nodes in the plan's order and never blocks. Run by one worker
// at a time; only the statistics are read by others.

struct lane_node {
    enum node_kind kind;
    union {
        struct outputs outputs; // first of each
        struct source_node source;
        struct operator_node op;
        struct sink_node sink;
    };
    struct node_stats stats;
};

struct connections;

struct lane {
    const struct plan *plan;
    struct clock *clock;
    struct shape_table *shapes;
    struct batch_pool *pool;
    struct lane_node *nodes; // as the plan's
    const struct connections *connections;
    bool profile;
    // The step at work, for who looks whether it ever ends.
    _Atomic uint32_t at_node; // UINT32_MAX: none
    _Atomic int64_t at_since_ns;
    struct error failure;            // code 0: none
    int64_t drain_ms, drained_by_ns; // how long what is in flight has after a stop; 0: not stopped
    // Acknowledgement without checkpoints: an epoch is over when all sinks have flushed it.
    int64_t ack_every_ms, next_ack_ns;
    uint64_t epoch;
};

struct lane_config {
    const struct plan *plan;
    struct clock *clock;
    struct waker *waker;
    const struct connections *connections; // opened before lane_start
    bool has_plugins;
    uint32_t index, count;
};

// Builds the nodes: compiles scripts, opens nothing. What is wrong goes to `problems`.
int lane_new(struct lane **out, const struct lane_config *config, struct problems *problems);
void lane_free(struct lane *lane);
// Gives the drivers the instances of their connections, which are open by now, and starts the
// threads of those that have one. 0, or lane->failure says why not.
int lane_start(struct lane *lane);
// Fills wait (busy: call again at once) and appends the descriptors to poll to fds[] (at most
// `max`; their number in *count). False: it is over, see lane->failure.
bool lane_step(struct lane *lane, struct wait *wait, int *fds, uint32_t max, uint32_t *count);
// Sources stop reading; what is in flight goes through, for as long as `drain` says. A record that
// stops the pipeline (on_error: stop) does the same: what came before it is written, and nothing is
// acknowledged any more.
void lane_stop(struct lane *lane);
// Asks every driver to close; true once all have.
bool lane_close(struct lane *lane, struct wait *wait);
