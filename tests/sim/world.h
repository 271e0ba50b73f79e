// SPDX-License-Identifier: MIT
#pragma once
#include "base/clock.h"
#include "random.h"
#include "row.h"

// The world outside of the engine, as the simulated plugins show it: what sources have to read,
// what sinks were given, how reliable either is. It stays when the engine goes: what a crash must
// not take away belongs here.

enum { SOURCES_MAX = 3, SPLITS_MAX = 6, SINKS_MAX = 16 };

// How a plugin behaves, in percent of its calls.
struct mood {
    uint32_t again, retry, partial, nothing;
    int64_t rest_ns; // how long AGAIN may take
    uint32_t burst;  // records at once
    uint32_t faults; // RETRY at most so often
};

struct world_split {
    struct rows rows;
    char *text;     // all of them, a line each
    size_t *starts; // of the lines, and the end
    int64_t handed; // rows (streams: bytes) handed over by all instances
    int64_t acked;  // rows that the engine has said are durable
};

struct world_source {
    struct world_split splits[SPLITS_MAX];
    uint32_t split_count;
    struct mood mood;
    bool stream;      // bytes, to be framed
    bool ends_splits; // tells the end of each
    struct dice dice;
};

// Of the rows of one split that a sink is to get: how many of each are not durable yet.
struct debt {
    int32_t *left;
    size_t count;
};

struct world_sink {
    struct debt debts[SOURCES_MAX * SPLITS_MAX];
    char **lines;
    size_t count, cap;
    struct mood mood;
    struct dice dice;
};

struct world {
    struct clock *clock;
    struct world_source sources[SOURCES_MAX];
    struct world_sink sinks[SINKS_MAX];
    uint32_t source_count, sink_count;
    uint32_t open_instances;
    uint64_t acks;    // of a split
    uint64_t trace;   // a hash of all that has happened, in its order
    char broken[256]; // a rule of the plugin contract that the engine has broken; "": none
};

// The one that plugins are in.
extern struct world *world_now;

void world_init(struct world *world, struct clock *clock);
void world_free(struct world *world);
void world_note(const void *bytes, size_t len); // to the trace
void world_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
// Before the run: the sink is to get this row.
void world_owe(struct world_sink *sink, const struct row *row);
// A line is durable.
void world_pay(struct world_sink *sink, const char *line);
// Whether all that sinks are to get of the rows of that split below `end` is durable.
bool world_is_paid(const struct world *world, uint32_t split, int64_t from, int64_t end);
// The rows of a split become its text.
void world_split_write(struct world_split *split);
