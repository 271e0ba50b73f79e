// SPDX-License-Identifier: MIT
#pragma once
#include "config/on_error.h"
#include "config/topology.h"
#include "operators/operator.h"
#include "plugin/registry.h"

// The plan is the topology resolved: every node with its class or plugin, its ports, and the edges
// between ports and inputs, also those that carry dead letters. Immutable, shared by all lanes.
// Nodes stand in an order in which each comes after all that lead to it.

// How an edge takes batches from the lanes of its one end to those of the other.
enum plan_pass {
    PASS_STAY, // in the lane where they are
    PASS_ONE,  // all to the first lane: its consumer is in no other
    PASS_KEY,  // each record to the lane that owns its key
    PASS_ALL,  // every record to every lane
    PASS_TURN, // batches in turn: the order of a split is lost
};

struct plan_edge {
    uint32_t from, port; // node and port number
    uint32_t to, input;
    enum plan_pass pass;
    const struct tide_config *keys; // PASS_KEY: a list of paths
    bool timeless; // rules for all lanes without event time: nobody waits for how far they are
};

struct plan_node {
    const struct node_spec *spec;
    const struct operator_class *class; // operators
    const tide_plugin *plugin;          // sources, sinks
    struct on_error_spec on_error;
    uint32_t ports;                  // out, named ones, errors (always the last)
    uint32_t inputs;                 // edges that lead here
    bool has_event_time;             // all records that can come here have one, but for rules
    bool parallel;                   // sources, sinks: an instance a lane
    uint32_t lanes;                  // it is in lanes 0 to lanes - 1
    const struct tide_config *keyed; // its records are in the lane that owns this key; NULL: any
};

struct plan {
    const struct topology *topology;
    struct plan_node *nodes;
    uint32_t node_count;
    struct plan_edge *edges;
    size_t edge_count, edge_cap;
    uint32_t lanes;
};

// `lanes`: as the command line says; 0: as the pipeline does.
int plan_new(struct plan **out, const struct topology *topology, const struct registry *registry,
             uint32_t lanes, struct problems *problems);
void plan_free(struct plan *plan);
static inline uint32_t plan_errors_port(const struct plan_node *node)
{
    return node->ports - 1;
}
// Marks each node that an edge or several lead to from `from`, itself only where they come back to
// it. `seen`: one per node, all false.
void plan_reach(const struct plan *plan, uint32_t from, bool *seen);
// Lays the nodes out over lanes (plan_lanes.c): how many of them are in use, which nodes are in all
// of them, how the edges pass on. `wanted`: what the command line says; 0: what the pipeline does.
void plan_spread(struct plan *plan, uint32_t wanted, struct problems *problems);
// How the records of a node's input are to be shared out.
struct op_share plan_share(const struct plan_node *node, uint32_t input);
// Whether the source comes to an end by itself, as far as its options tell: its plugin is BOUNDED,
// and it neither follows, nor has an `until` that is not given, nor makes endlessly many (`count`).
bool plan_source_ends(const struct plan_node *node);
// What is configured about event time and can have no effect, or none that is wanted.
void plan_warn_of_time(const struct plan *plan, struct problems *problems);
// Name of a port: "out", "late", ..., "errors".
const char *plan_port_name(const struct plan_node *node, uint32_t port);
