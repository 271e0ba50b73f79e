// SPDX-License-Identifier: MIT
#pragma once
#include "base/error.h"
#include "base/clock.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

// What the lanes of a pipeline have in common while they run: why it ended, whether it is being
// drained, and the epochs. Any lane may fail it or stop it, from its own thread; all others see it
// at their next step, for which they are woken.
//
// Without checkpoints epochs are the first lane's: it tells all sources to send a barrier, and an
// epoch is over when every sink of every lane has flushed it. One at a time: barriers of two would
// be taken for each other where inputs are aligned.

struct lane;

struct flow {
    struct lane **lanes;
    uint32_t lane_count;
    struct clock *clock;
    pthread_mutex_t lock;  // failure, while it is written
    struct error failure;  // the first; code 0: none. To be read once it is over, or `failed`
    bool by_record;        // it was a record's, which would come again; likewise
    _Atomic bool failed;   // release: `failure` is complete
    _Atomic bool broken;   // nothing more is to be done, also not what is in flight
    _Atomic uint32_t done; // lanes in which everything has ended
    int64_t drain_ms;      // how long what is in flight has after a stop
    _Atomic int64_t drained_by_ns; // until then; 0: not stopped
    // Checkpoints (coordinator.h), whose the epochs are then.
    bool coordinated;
    _Atomic uint64_t decided;  // the newest checkpoint that holds
    _Atomic bool end_decided;  // it is the last, behind the end of everything
    struct waker *coordinator; // to be woken
    // Acknowledgement without checkpoints.
    int64_t ack_every_ms, next_ack_ns; // the first lane's
    uint64_t epoch;                    // likewise; or the coordinator's
};

void flow_init(struct flow *flow, struct clock *clock, int64_t drain_ms, int64_t ack_every_ms);
void flow_deinit(struct flow *flow);
// The first failure stands.
void flow_fail(struct flow *flow, const struct error *why);
void flow_fail_by_record(struct flow *flow, const struct error *why); // on_error: stop
// Nothing goes on: all lanes end at their next step.
void flow_break(struct flow *flow);
// Sources stop reading; what is in flight goes through, for as long as `drain` says. A record that
// stops the pipeline (on_error: stop) does the same: what came before it is written, and nothing is
// acknowledged any more.
void flow_stop(struct flow *flow);
bool flow_over(const struct flow *flow); // no lane has anything left to do
void flow_wake(struct flow *flow);       // all lanes
// Has every source that is still read send a barrier; the number of the new epoch. Its owner's
// thread.
uint64_t flow_begin_epoch(struct flow *flow);
// A source cannot wait for the next epoch; asking forgets it.
bool flow_asks_epoch(struct flow *flow);
// `decided` has moved on: lanes and drivers look at it.
void flow_tell_decided(struct flow *flow);
// Epochs up to this one are durable in all sinks; UINT64_MAX: all sinks are done.
uint64_t flow_flushed(const struct flow *flow);
