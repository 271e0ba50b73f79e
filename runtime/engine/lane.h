// SPDX-License-Identifier: MIT
#pragma once
#include "engine/flow.h"
#include "engine/operator_node.h"
#include "engine/sink_node.h"
#include "engine/source_node.h"

// A lane is one instance of the plan: its nodes, the edges between them, their batches and shapes.
// `lane_step` goes once through the nodes in the plan's order and never blocks. Run by one worker
// at a time; others read the statistics, what is atomic, and the ends of links that are theirs.
//
//   lane.c          stepping, stopping, closing
//   lane_build.c    nodes, and what they are made of
//   lane_epochs.c   acknowledgements without checkpoints
//   wiring.c        the edges, within a lane and from one to another

struct lane_node {
    enum node_kind kind;
    bool absent; // the plan's node is in other lanes only
    union {
        struct outputs outputs; // first of each
        struct source_node source;
        struct operator_node op;
        struct sink_node sink;
    };
    struct node_stats stats;
    struct saves saves;
};

struct connections;

struct lane {
    const struct plan *plan;
    struct flow *flow;
    struct waker *waker;
    uint32_t index;
    struct clock *clock;
    struct shape_table *shapes;
    struct batch_pool *pool;
    struct lane_node *nodes; // as the plan's
    const struct connections *connections;
    bool profile;
    bool done; // all its nodes have ended, and the flow knows
    // The step at work, for who looks whether it ever ends.
    _Atomic uint32_t at_node; // UINT32_MAX: none
    _Atomic int64_t at_since_ns;
};

struct lane_config {
    const struct plan *plan;
    struct flow *flow;
    struct clock *clock;
    struct waker *wakers;                  // of all lanes
    const struct connections *connections; // opened before lane_start
    struct waker *saver;                   // of who makes checkpoints; NULL: nobody does
    bool has_plugins;
    uint32_t index;
    struct lane *first; // whose drivers are those of all lanes; NULL: this is the first
};

// Builds the nodes: compiles scripts, opens nothing. What is wrong goes to `problems`.
int lane_new(struct lane **out, const struct lane_config *config, struct problems *problems);
// In two parts: batches of one lane may be with another until both have dropped what they hold.
void lane_empty(struct lane *lane);
void lane_free(struct lane *lane);
// Gives the drivers the instances of their connections, which are open by now, and starts the
// threads of those that have one, unless they are to be stepped. 0, or flow->failure says why not.
int lane_start(struct lane *lane, bool stepped);
// Fills wait (busy: call again at once) and appends the descriptors to poll to fds[] (at most
// `max`; their number in *count). False: it is over in all lanes, see flow->failure.
bool lane_step(struct lane *lane, struct wait *wait, int *fds, uint32_t max, uint32_t *count);
// Its sources stop reading. From any thread; see flow_stop.
void lane_stop(struct lane *lane);
// Asks every driver to close; true once all have. When no lane is stepped any more.
bool lane_close(struct lane *lane, struct wait *wait);

// -- between its files --

// Its own driver, not one that belongs to another lane; NULL: none.
struct driver *lane_driver(struct lane_node *node);
void lane_keep_epochs(struct lane *lane, struct wait *wait);
// Tells its sources what every sink has made durable.
void lane_acknowledge(struct lane *lane);
