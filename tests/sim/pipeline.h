// SPDX-License-Identifier: MIT
#pragma once
#include "world.h"

// A random pipeline, as YAML for the engine, and at the same time what is to come out of it: each
// operator that is added computes the rows of its streams from those of its inputs, plainly and
// without lanes, batches or watermarks. Only what does not depend on the order of arrival is put
// together, and nothing is late: then there is one right result.
//
//   pipeline.c            sources, what is chosen, sinks
//   pipeline_plain.c      filter, map, flat_map, route, union
//   pipeline_windows.c    aggregate
//   pipeline_keyed.c      dedup, process, join

enum { STREAMS_MAX = 48, YAML_MAX = 1 << 15, REF_MAX = 24 };

// What flows out of a port.
struct stream {
    char ref[REF_MAX]; // as in `inputs:`
    struct rows rows;  // those of one split in their order, if `ordered`
    uint32_t sources;  // bits: whose splits its rows may come from
    bool ordered;      // rows of a split come in their order
    bool tagged;       // rows are those of sources: they have `s`, and tags
    bool keyed;        // they have `k`
    bool open;         // nobody takes it yet
};

struct yaml {
    char text[YAML_MAX];
    size_t len;
};

struct expected { // at a sink
    struct rows rows;
    bool ordered;
};

struct pipeline_plan {
    struct dice dice;
    struct world *world;
    struct yaml sources, operators, sinks;
    struct stream streams[STREAMS_MAX];
    uint32_t stream_count, node_count;
    struct expected expected[SINKS_MAX];
    uint32_t dirty;   // bits: sources with records that cannot be used
    int32_t letters;  // the sink of dead letters; -1: none
    uint32_t keys;    // so many different ones
    struct dice keep; // of what concerns checkpoints
    bool exactly_once;
    char text[3 * YAML_MAX];
};

// `dir`: for its checkpoints, if it makes some.
void plan_make(struct pipeline_plan *plan, struct world *world, uint64_t seed, const char *dir);
void plan_drop(struct pipeline_plan *plan);

// -- between its files --

void yaml_add(struct yaml *yaml, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
// A stream of its own, like `from` (NULL: like none) but for its rows.
struct stream *stream_new(struct pipeline_plan *plan, const struct stream *from, const char *fmt,
                          ...) __attribute__((format(printf, 3, 4)));
// The next node's name is n<number>.
uint32_t node_number(struct pipeline_plan *plan);
// Sometimes more than one may take a stream.
void stream_take(struct pipeline_plan *plan, struct stream *stream);
// A random open one that is so; NULL: there is none.
struct stream *stream_pick(struct pipeline_plan *plan, bool tagged, bool keyed, bool ordered);
// `on_error` for records that cannot be used: skip, or to the sink of dead letters.
const char *pipeline_on_error(struct pipeline_plan *plan);
void pipeline_letter(struct pipeline_plan *plan, const struct row *row);

typedef bool (*stage)(struct pipeline_plan *plan); // false: it fits nowhere
bool stage_guard(struct pipeline_plan *plan, struct stream *from);
bool stage_filter(struct pipeline_plan *plan);
bool stage_map(struct pipeline_plan *plan);
bool stage_flat_map(struct pipeline_plan *plan);
bool stage_route(struct pipeline_plan *plan);
bool stage_union(struct pipeline_plan *plan);
bool stage_aggregate(struct pipeline_plan *plan);
bool stage_dedup(struct pipeline_plan *plan);
bool stage_count(struct pipeline_plan *plan);
bool stage_timers(struct pipeline_plan *plan);
bool stage_join(struct pipeline_plan *plan);
