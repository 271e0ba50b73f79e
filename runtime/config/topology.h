// SPDX-License-Identifier: MIT
#pragma once
#include "base/error.h"
#include "config/setting.h"

// The pipeline as written, after all checks that need no plugin to run: named nodes, their options
// by table, and edges that lead to existing ports without a cycle.
//
//   files + overlays -> trees -> merged -> interpolated -> by schema -> topology
//
// What types there are and which options and ports they have is asked of a catalogue, which the
// engine makes from the loaded plugins and the native operators: this layer knows neither.

enum node_kind { NODE_SOURCE, NODE_OPERATOR, NODE_SINK, NODE_CONNECTION };

struct arena;
struct topology;

struct catalogue_entry {
    const tide_option *options; // its own, besides those of its kind; NULL: none
    const char *const *ports;   // operators: fixed named ports besides `out`, NULL-terminated
    const char *ports_option;   // operators: a map option whose keys are ports too (routes), NULL
    // Operators: ports that the node itself names (its script), NULL-terminated in `arena`. False:
    // it cannot be told what they are, so any name may be one. NULL: there are none.
    bool (*own_ports)(const struct topology *topology, const struct tide_config *common,
                      struct arena *arena, const char *const **out);
    bool has_out;        // false: the unnamed port does not exist (route)
    bool optional_out;   // an unconsumed `out` is fine
    bool any_out;        // when another port is consumed
    bool sides;          // inputs are a map of sides (join)
    bool optional_sides; // or may be one
};

struct catalogue {
    // The type `type` of the kind, or NULL. For connections' topics: `topic` is resolved before.
    const struct catalogue_entry *(*find)(const struct catalogue *catalogue, enum node_kind kind,
                                          const char *type);
    // NULL-terminated list of what there is, for did-you-mean.
    const char *const *(*names)(const struct catalogue *catalogue, enum node_kind kind);
    // Why a plugin of that type is there but cannot be used; NULL: there is none. Optional.
    const char *(*refusal)(const struct catalogue *catalogue, const char *type);
    void *arg;
};

struct edge_spec {
    uint32_t from;    // index of the node
    const char *port; // "out", "late", ...
    const char *side; // join inputs: the side's name; else NULL
    struct place place;
};

struct node_spec {
    const char *name;
    const char *type; // resolved: a `topic` on a `log` connection is "log"
    enum node_kind kind;
    struct place place;
    const struct tide_config *common;  // by the table of its kind (config/common.h)
    const struct tide_config *options; // by the type's own table
    uint32_t input_count;
    struct edge_spec *inputs;
    int32_t connection; // index into connections, or -1
    // Ports behind those of the type and its ports_option; NULL: none.
    const char *const *own_ports;
};

struct topology {
    const char *pipeline;
    const char *dir; // directory of the first file: where scripts are looked for first
    const struct tide_config *top; // delivery, checkpoint, parallelism, limits, ...
    uint32_t node_count;
    struct node_spec *nodes; // sources, operators, sinks in topological order
    uint32_t connection_count;
    struct node_spec *connections;
    const struct tide_config *tests; // the `tests:` list as data, or NULL
    void *memory;                    // what all of it lives in
};

struct topology_input {
    const char *const *files; // the first is the pipeline, the others are merged over it
    uint32_t file_count;
    const char *const *sets; // "path=value"
    uint32_t set_count;
    const char *text; // instead of the first file's content (tests); NULL
};

// Builds it. Every problem found is added to `problems`; returns ERR_INPUT when there are errors,
// ERR_NOMEM, or 0 with *out set (freed by topology_free).
int topology_load(struct topology **out, const struct topology_input *input,
                  const struct catalogue *catalogue, struct problems *problems);
void topology_free(struct topology *topology);

// The path of a script or data file named in the pipeline: beside the YAML file, or beside the
// YAML file's directory (so that configs/x.yaml finds scripts/y.lua). 0, or ERR_INPUT that names
// both places.
int topology_find_file(const struct topology *topology, const char *name, char *out, size_t cap,
                       struct error *err);

// The tables of the options that every node of a kind has, and of the top level.
extern const tide_option common_source_options[], common_operator_options[], common_sink_options[],
    common_connection_options[], top_options[];
