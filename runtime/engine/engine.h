// SPDX-License-Identifier: MIT
#pragma once
#include "base/clock.h"
#include "config/topology.h"
#include "plugin/registry.h"

// The engine runs one pipeline: topology -> plan -> lanes, stepped by a crew of worker threads
// that several engines may share (crew.h); plugin instances that may block have a thread of their
// own.
//
//   engine_new    everything short of connecting: what is wrong is said all at once
//   engine_start  opens plugins, starts threads
//   engine_wait   from the main thread, again and again, until it is no longer RUNNING
//   engine_stop   drains: sources stop, what is in flight is written and flushed
//
// The functions here belong to the main thread; engine_stop and, from engine_start to engine_free,
// engine_status may be called from any thread.

struct engine;
struct crew; // engine/crew.h

struct engine_config {
    const struct topology *topology; // outlives the engine
    struct registry *registry;       // likewise
    struct clock *clock;
    bool has_plugins;          // false: tests; sources and sinks are not opened
    uint32_t lanes;            // 0: as the pipeline says, without plugins one
    struct crew *crew;         // outlives the engine: several pipelines share it; NULL: its own
    uint32_t workers;          // of its own crew, for tests; 0: as many as there are cores
    uint32_t link_slots;       // batches between two lanes, for tests; 0: as many as is good
    bool fresh;                // checkpoints of earlier runs are forgotten
    uint64_t from_checkpoint;  // go on from this one; 0: the newest
    const char *const *losses; // nodes whose state may be lost, NULL-terminated; NULL: none
    bool stepped;              // no threads: see stepper.h
};

enum engine_state {
    ENGINE_RUNNING,
    ENGINE_DONE,   // all sources ended, or drained after engine_stop
    ENGINE_FAILED, // engine_error says why
};

// The catalogue of everything that can stand in a pipeline, for topology_load. Lives as long as
// the registry.
int engine_catalogue(struct catalogue **out, struct registry *registry, struct error *err);
void engine_catalogue_free(struct catalogue *catalogue);

int engine_new(struct engine **out, const struct engine_config *config, struct problems *problems);
int engine_start(struct engine *engine, struct error *err);
void engine_stop(struct engine *engine);
enum engine_state engine_wait(struct engine *engine, int timeout_ms);
const struct error *engine_error(const struct engine *engine);
// A run that FAILED may do better from its last checkpoint: it makes checkpoints, and what went
// wrong lies outside (not a record that stops it, not a state that is refused, not another process
// in its place). `first`: a start that has not come to a checkpoint of its own has not run, and
// what is wrong with it is told at once.
bool engine_can_mend(const struct engine *engine, bool first);
void engine_free(struct engine *engine);

// What a path from a source to a sink guarantees, and why not more.
enum guarantee { GUARANTEE_AT_MOST_ONCE, GUARANTEE_AT_LEAST_ONCE, GUARANTEE_EXACTLY_ONCE };

struct engine_path {
    const char *from, *to; // names of nodes
    enum guarantee guarantee;
    const char *why;
};
// Each path in the order of the nodes; what `each` returns, when it is not 0, ends it.
int engine_paths(const struct engine *engine,
                 int (*each)(void *arg, const struct engine_path *path), void *arg);
// One line a path.
int engine_guarantees(const struct engine *engine, struct buf *out);

// -- what is going on; a consistent-enough picture, read at any time while it runs --

struct node_lag { // of a split
    char split[96];
    int64_t records, bytes; // -1: unknown
};

struct node_metric { // of the node's plugin
    char name[64], help[96];
    bool is_counter;
    double value;
};

struct node_error {
    const char *kind;
    uint64_t count;
};

struct node_status {
    const char *name, *type;
    enum node_kind kind;
    uint64_t in, out; // records (sources: in = handed over by the plugin)
    uint64_t in_bytes, out_bytes;
    uint64_t filtered, failed, late, absorbed, created, retried;
    uint64_t in_flight; // in queues and half-finished batches
    uint64_t busy_ns;   // time spent in this node's step (only with engine_profile)
    int64_t watermark;  // ms; WATERMARK_NONE, WATERMARK_END
    int64_t lag;        // sources: records behind; -1: unknown
    int64_t lag_bytes;  // sources: bytes behind; -1: unknown
    uint32_t splits, lanes;
    bool open;               // its plugin's instance is; operators: always
    bool ready;              // and it waits for nothing that it needs
    uint64_t queue_capacity; // records that its queues can hold
    uint64_t state_bytes, state_keys, state_windows;
    bool has_state;
    uint32_t error_kinds, lag_count, metric_count;
    struct node_error errors[8]; // their counts add up to `failed`
    struct node_lag *lags;
    struct node_metric *metrics;
    char last_error[256]; // "" when there was none
    char
        last_fault[256]; // why its plugin is not ready, or was closed for a while last; "" if never
};

struct engine_checkpoints {
    bool kept;             // the pipeline makes some; else all is 0
    uint64_t number;       // the newest that this run has made; 0: none yet
    uint64_t made, failed; // by this run
    int64_t wall_ms;       // when the newest was made,
    int64_t took_us;       // what it took from its first barrier,
    int64_t bytes;         // and what the store takes on the disk since
};

struct engine_status {
    uint32_t node_count;
    struct engine_checkpoints checkpoints;
    struct node_status *nodes; // in the topology's order
    int64_t started_mono_ns;
    int64_t stuck_ns;             // how long the step of a node at work has gone on; 0: none is
    uint32_t stuck_node;          // which one; node_count: none
    int64_t first_record_mono_ns; // when the first record reached a sink; 0: none yet
};

// Not the store on the disk decides which checkpoint holds, but one of the pipeline's connections.
bool engine_connection_decides(const struct engine *engine);
// Asks for a checkpoint now; it comes after a while, with a number above *after. While it runs.
// ERR_INPUT: the pipeline makes none.
int engine_checkpoint(struct engine *engine, uint64_t *after, struct error *err);
int engine_status(struct engine *engine, struct engine_status *out); // out->nodes: status_free
void engine_status_free(struct engine_status *status);
// The accounting invariant: for each node what went in is what came out or is explained; in a run
// that failed, or was in flight.
// 0, or ERR_BUG naming the node and the numbers. Call when not RUNNING.
int engine_account(struct engine *engine, struct error *err);
void engine_profile(struct engine *engine, bool on); // before engine_start: measure busy_ns
