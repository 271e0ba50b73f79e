// SPDX-License-Identifier: MIT
#pragma once
#include "config/on_error.h"
#include "config/topology.h"
#include "operators/operator.h"
#include "plugin/registry.h"

// The plan is the topology resolved: every node with its class or plugin, its ports, and the edges
// between ports and inputs, also those that carry dead letters. Immutable, shared by all lanes.
// Nodes stand in an order in which each comes after all that lead to it.

struct plan_edge {
    uint32_t from, port; // node and port number
    uint32_t to, input;
};

struct plan_node {
    const struct node_spec *spec;
    const struct operator_class *class; // operators
    const tide_plugin *plugin;          // sources, sinks
    struct on_error_spec on_error;
    uint32_t ports;      // out, named ones, errors (always the last)
    uint32_t inputs;     // edges that lead here
    bool has_event_time; // all records that can come here have one
};

struct plan {
    const struct topology *topology;
    struct plan_node *nodes;
    uint32_t node_count;
    struct plan_edge *edges;
    size_t edge_count, edge_cap;
};

int plan_new(struct plan **out, const struct topology *topology, const struct registry *registry,
             struct problems *problems);
void plan_free(struct plan *plan);
static inline uint32_t plan_errors_port(const struct plan_node *node)
{
    return node->ports - 1;
}
// Marks each node that an edge or several lead to from `from`, itself only where they come back to
// it. `seen`: one per node, all false.
void plan_reach(const struct plan *plan, uint32_t from, bool *seen);
// Name of a port: "out", "late", ..., "errors".
const char *plan_port_name(const struct plan_node *node, uint32_t port);
