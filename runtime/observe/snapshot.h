// SPDX-License-Identifier: MIT
#pragma once
#include <stdbool.h>
#include <stdint.h>

// What there is to see of a running pipeline at one moment, as plain data. The engine knows its
// nodes and this layer knows how they are shown; who has both fills this in.
//
// Names are borrowed from the pipeline, which lives longer; the array belongs to the snapshot.

#define SNAPSHOT_NO_TIME INT64_MIN // no watermark yet
#define SNAPSHOT_END INT64_MAX     // the watermark after the last record

struct snapshot_lag { // of a split
    char split[96];
    int64_t records, bytes; // -1: unknown
};

struct snapshot_metric { // of the node's plugin; the name is one that Prometheus takes
    char name[64], help[96];
    bool is_counter;
    double value;
};

struct snapshot_error {
    const char *kind;
    uint64_t count;
};

struct snapshot_node {
    const char *name;
    const char *kind; // "source", "operator", "sink"
    const char *type; // "kafka", "map"
    uint64_t in, out, in_bytes, out_bytes;
    uint64_t filtered, failed, late, absorbed, created, retried;
    uint64_t in_flight; // in queues and half-finished batches
    uint64_t busy_ns;
    uint64_t queue_capacity; // records that its queues can hold; sources have none
    bool has_state;
    uint64_t state_bytes, state_keys, state_windows;
    uint32_t error_kinds, lag_count, metric_count;
    struct snapshot_error errors[8]; // by kind
    struct snapshot_lag *lags;       // mem_alloc
    struct snapshot_metric *metrics; // mem_alloc
    int64_t watermark_ms;            // of event time; SNAPSHOT_NO_TIME, SNAPSHOT_END
    int64_t lag, lag_bytes;          // sources: behind; -1: unknown
    uint32_t splits;                 // sources
    bool open;                       // its plugin is
    bool ready;                      // and can work
    char why[256];                   // when it is not ready: the last reason; "" when there is none
};

struct snapshot_checkpoints {
    bool kept;
    uint64_t number, made, failed; // newest; by this run
    int64_t wall_ms, took_us, bytes;
};

enum snapshot_phase {
    SNAPSHOT_STARTING,
    SNAPSHOT_RUNNING,
    SNAPSHOT_STOPPING, // drains: what is in flight is written, nothing new is read
    // Of one of several, while others go on:
    SNAPSHOT_DONE,   // its sources have ended, and all is written
    SNAPSHOT_FAILED, // it has stopped, with an error
    // It failed, and goes on from its last checkpoint in a while.
    SNAPSHOT_RESTARTING,
};

struct snapshot {
    const char *pipeline;
    const char *version; // of the program
    int64_t now_ms;      // wall clock
    int64_t uptime_ns;
    enum snapshot_phase phase;
    uint64_t restarts;
    struct snapshot_checkpoints checkpoints;
    int64_t stuck_ns;    // how long the lane has been in the node's step it is in; 0: it is in none
    uint32_t stuck_node; // which; node_count: none
    uint32_t node_count;
    struct snapshot_node *nodes; // mem_alloc
};

// All pipelines of the process.
struct snapshots {
    struct snapshot *items; // mem_alloc
    uint32_t count;
};

// A node of one of them, for walking over all: starts as {0}.
struct snapshot_at {
    const struct snapshot *snapshot;
    const struct snapshot_node *node;
    uint32_t pipeline, next;
};
bool snapshots_next(const struct snapshots *all, struct snapshot_at *at); // false: that was all

void snapshot_deinit(struct snapshot *snapshot);
void snapshots_deinit(struct snapshots *all);
// Whether the pipeline does its work, or has done it; else *culprit is a node that is not ready, or
// node_count when the phase says why.
bool snapshot_ready(const struct snapshot *snapshot, uint32_t *culprit);
