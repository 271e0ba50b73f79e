// SPDX-License-Identifier: MIT
#pragma once
#include "config/on_error.h"
#include "config/schema.h"
#include "config/topology.h"

// From the merged tree to the topology, in steps that each say all they find:
//
//   nodes.c    names, types, options           drafts
//   inputs.c   inputs, ports, dead letters     edges between drafts
//   topology.c order, circles, the result
//
// A step goes on with what is whole; what an earlier step complained about is not said again.

enum { NODES_MAX = 1000 };

struct draft_edge {
    uint32_t from; // index of the draft
    const char *port;
    const char *side;
    struct place place;
};

struct draft {
    const char *section; // "operators"
    const char *name, *type;
    enum node_kind kind;
    struct place place; // of the name
    const struct tree *tree;
    const struct catalogue_entry *entry; // NULL: the type is unknown (said)
    const struct tide_config *common, *options;
    const char **own_ports; // NULL-terminated, or NULL
    uint32_t own_count;
    bool ports_unknown; // any name may be one
    int32_t connection; // index among connections, or -1
    struct on_error_spec on_error;
    uint32_t edge_count, edge_cap;
    struct draft_edge *edges;
    bool has_dlq;    // on_error names a sink that is there
    uint32_t dlq;    // its index
    bool takes_dlq;  // somebody's dead letters come here
    bool out_read;   // somebody reads `out`
    bool any_read;   // or another port
    bool broken;     // no map of options (said): only its name is of use
    bool inputs_bad; // said: do not complain about what is missing
};

struct build {
    struct tree_pool *pool;
    struct arena *arena; // the pool's
    struct problems *problems;
    const struct catalogue *catalogue;
    struct schema schema;
    struct tree *top;
    const struct topology *topology; // its directory is known
    struct draft *connections;
    uint32_t connection_count;
    struct draft *nodes; // in the order of the file: sources, operators, sinks
    uint32_t node_count;
    bool edges_unknown; // something that names inputs cannot be read (said)
};

// Each returns 0 (also with problems), ERR_NOMEM or ERR_LIMIT.
int build_nodes(struct build *build);
int build_inputs(struct build *build);
// epoch_time.c: of what was built without problems.
void check_epoch_time(const struct topology *topology, struct problems *problems);

// The draft of that name, or -1.
int32_t find_draft(const struct draft *drafts, uint32_t count, const char *name);
// "source", "operator", "sink", "connection"; with "a" or "an" in front.
const char *node_kind_name(enum node_kind kind, bool article);
// "operators.average" in the arena; "" when memory is out.
const char *draft_where(struct build *build, const struct draft *draft);
