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
    uint32_t fatal;  // FATAL: the engine fails, and is started again
};

struct world_split {
    struct rows rows;
    char *text;     // all of them, a line each
    size_t *starts; // of the lines, and the end
    int64_t handed; // rows (streams: bytes) handed over by all instances; NOT_KNOWN: after a start
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
    int32_t *owed, *left; // altogether, and still
    size_t count;
};

enum line_state {
    LINE_HELD,     // accepted; a crash takes it, or not
    LINE_PREPARED, // it is there when `act` is committed
    LINE_THERE,    // for everybody to see
    LINE_LOST
};

struct line {
    char *text;
    enum line_state state;
    uint64_t act; // of prepare
    bool paid;
};

struct world_sink {
    struct debt debts[SOURCES_MAX * SPLITS_MAX];
    struct line *lines;
    size_t count, cap;
    bool exact; // two phases, and the pipeline uses them: nothing comes twice
    struct mood mood;
    struct dice dice;
};

struct world {
    struct clock *clock;
    struct world_source sources[SOURCES_MAX];
    struct world_sink sinks[SINKS_MAX];
    uint32_t source_count, sink_count;
    uint32_t open_instances;
    struct live *live; // those instances
    bool checkpoints;  // the pipeline makes some
    uint32_t fatals;   // FATAL at most so often
    bool excused;      // the engine may fail: it was given a reason
    bool returned;     // it has been started more than once
    uint64_t last_act;
    uint64_t acks;    // of a split
    uint64_t trace;   // a hash of all that has happened, in its order
    char broken[256]; // a rule of the plugin contract that the engine has broken; "": none
};

// An instance of a plugin, first in its struct.
struct live {
    struct live *next, **self;
    void (*drop)(struct live *live); // without a word, as in a crash
};

enum { NOT_KNOWN = -1 };

// The one that plugins are in.
extern struct world *world_now;

void world_init(struct world *world, struct clock *clock);
void world_free(struct world *world);
void world_note(const void *bytes, size_t len); // to the trace
void world_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
// Before the run: the sink is to get this row.
void world_owe(struct world_sink *sink, const struct row *row);
void world_enter(struct live *live);
void world_leave(struct live *live);
// A line is durable, or will be when what it was prepared for is decided.
void world_pay(struct world_sink *sink, struct line *line);
// The engine begins anew, after a crash or not: what was held is lost or kept, what was prepared
// waits to be committed, and positions are as the engine says.
void world_return(struct world *world, bool crashed, struct dice *dice);
// Whether all that sinks are to get of the rows of that split below `end` is durable.
bool world_is_paid(const struct world *world, uint32_t split, int64_t from, int64_t end);
// The rows of a split become its text.
void world_split_write(struct world_split *split);
