// SPDX-License-Identifier: MIT
#pragma once
#include "engine/connection.h"
#include "engine/driver.h"
#include "engine/flow.h"
#include "engine/plan.h"
#include "state/store.h"

// Makes checkpoints. Every so often it has all sources send a barrier; each node saves behind it
// (saved.h); when all have, what they saved is written to the store (state/store.h), which makes
// the checkpoint *prepared*. Then one act decides: the store's own sealing, or, where sinks write
// through a connection that decides, that connection's commit. After that sinks commit and go on,
// and sources are told.
//
//   coordinator.c          its thread and steps: begin, wait, write, decide, tell
//   coordinator_parts.c    what nodes saved -> parts of a checkpoint
//   coordinator_commit.c   the deciding connection
//   coordinator_first.c    its first checkpoint, of nothing
//   coordinator_end.c      the commit behind the last one
//   coordinator_losses.c   what has no place any more
//   coordinator_restore.c  a checkpoint -> the nodes of a plan, before they run
//
// It runs on a thread of its own, so that no lane waits for a disk; the chief calls what stands
// before and behind. One epoch at a time.

struct coordinator;

struct coordinator_config {
    const struct plan *plan;
    struct flow *flow;
    struct clock *clock;
    const struct connections *connections;
    bool fresh;                // forget what was there
    uint64_t from;             // the checkpoint to go on from; 0: the newest
    const char *const *losses; // nodes whose state may be lost, NULL-terminated; or NULL
    const _Atomic bool *stop;  // the pipeline is to stop: nothing is waited for any more
};

enum coordinator_phase { PHASE_IDLE, PHASE_ALIGNING, PHASE_WRITING, PHASE_DECIDING };

struct coordinator {
    struct coordinator_config config;
    struct waker waker;
    int64_t every_ms, timeout_ms;
    char *dir; // of this pipeline's store
    struct store *store;
    struct checkpoint_head head; // of the newest that is decided; number 0: none
    struct checkpoint_head next; // of the one that is written
    uint64_t attempt;
    bool *given_up;    // restoring: a node of the plan each
    bool exactly_once; // the pipeline's `delivery`
    int32_t decider;   // index of the connection that decides; -1: the store does

    enum coordinator_phase phase;
    uint64_t number; // under way
    bool last;       // behind the end of all lanes
    int64_t next_ns, began_ns, retry_ns;
    bool slow_said;
    bool offered; // the connection has what it is to decide about
    pthread_t thread;
    bool started;
    _Atomic bool finish_wanted;
    _Atomic bool asked;     // for a checkpoint now
    _Atomic uint64_t begun; // number of the last that was

    // To be shown.
    _Atomic uint64_t done, failed, last_number;
    _Atomic int64_t last_wall_ms, last_took_us, last_bytes;
};

// NULL in *out: the pipeline keeps no checkpoints. Touches no disk. *place: where the pipeline is
// wrong, if it is.
int coordinator_new(struct coordinator **out, const struct coordinator_config *config,
                    struct place *place, struct error *err);
void coordinator_free(struct coordinator *coordinator);

// Opens the store, settles what was pending, and gives the nodes what they had. When the
// connections are open and nothing runs yet. *finished: the last run came to its end, there is
// nothing to go on with but coordinator_commit_end.
int coordinator_restore(struct coordinator *coordinator, bool *finished, struct error *err);
int coordinator_start(struct coordinator *coordinator, struct error *err); // begins, on its thread
// All lanes are over: makes the last checkpoint, unless the flow has failed, and ends the thread.
void coordinator_finish(struct coordinator *coordinator);
// For who has no thread for it: coordinator_begin, then steps, and when all lanes are over
// coordinator_want_end, then steps until it has ended.
void coordinator_begin(struct coordinator *coordinator);
void coordinator_want_end(struct coordinator *coordinator);
// Once a run has come to its end and all is closed: fails when a sink could not commit.
int coordinator_end(struct coordinator *coordinator, struct error *err);
// When the last run had come to its end: sinks that had not committed then do so now, until *stop.
void coordinator_commit_end(struct coordinator *coordinator, const _Atomic bool *stop);
// One step, never blocks but on the disk and the deciding connection; false: it has ended. For its
// thread, or for who has none.
bool coordinator_step(struct coordinator *coordinator, struct wait *wait);
// A checkpoint now, not only when its time has come; it has a number higher than is returned. Any
// thread.
uint64_t coordinator_ask(struct coordinator *coordinator);

// -- between its files --

struct lane_node;
// NULL: the plan's node is not in this lane.
struct lane_node *coordinator_node(const struct coordinator *coordinator, uint32_t lane,
                                   uint32_t node);
// Before something that answered AGAIN is asked again.
void coordinator_pause(void);

// True when each node of each lane has saved for this checkpoint; else *missing is one that has
// not.
bool parts_complete(const struct coordinator *coordinator, uint32_t *missing);
int parts_write(struct coordinator *coordinator, struct error *err);
// All sources have ended by themselves.
bool parts_are_final(const struct coordinator *coordinator);
// Of the plan that runs, for who restores.
int parts_put_plan(struct coordinator *coordinator, struct error *err);

enum { MARK_BYTES = STORE_INCARNATION_BYTES + 16 };

// A sink that is not taken out of exactly once.
bool decider_writes_exactly_once(const struct plan_node *node);
// The sink writes through the connection that decides.
bool decider_is_of(const struct coordinator *coordinator, const struct plan_node *sink);
int decider_find(struct coordinator *coordinator, struct place *place, struct error *err);
// Which checkpoint is the newest that holds: the connection's word, or the store's. *number 0:
// none.
int decider_settle(struct coordinator *coordinator, uint64_t *number, struct error *err);
// A state that is new: its first checkpoint, when a connection decides.
int decider_first(struct coordinator *coordinator, struct error *err);
int decider_begin(struct coordinator *coordinator, uint64_t number, struct error *err);
// 1: decided. 0: not yet, call again. Less: it failed, what was written since is uncertain.
int decider_commit(struct coordinator *coordinator, struct wait *wait, struct error *err);

// All of the last checkpoint is committed, as far as is known.
bool coordinator_has_ended(const struct coordinator *coordinator);

// ERR_REFUSED: the checkpoint keeps what has no place, and that may not be lost.
int losses_check(struct coordinator *coordinator, const struct checkpoint *checkpoint,
                 struct error *err);
// The node has no place for what it kept, which is given up.
bool losses_given_up(const struct coordinator *coordinator, const struct plan_node *plan);
// What the node of that name kept may be lost, if need be.
bool losses_allowed(const struct coordinator *coordinator, const char *name, size_t len);

int restore_sinks(struct coordinator *coordinator, const struct checkpoint *checkpoint,
                  struct error *err);
int restore_nodes(struct coordinator *coordinator, const struct checkpoint *checkpoint,
                  struct error *err);
