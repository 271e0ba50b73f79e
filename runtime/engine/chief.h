// SPDX-License-Identifier: MIT
#pragma once
#include "engine/connection.h"
#include "engine/coordinator.h"
#include "engine/crew.h"

// The chief is a pipeline's own thread: it opens the connections, hands the lanes to the crew,
// sleeps until the crew is done with them or somebody wants it to stop, and closes everything in
// order. `state` and `error` are read by the main thread after it has seen the state change.

struct chief {
    struct flow *flow;
    struct connections *connections;
    struct coordinator *coordinator; // NULL: there are no checkpoints
    struct clock *clock;
    struct share *share;
    struct waker waker; // its own
    pthread_t thread;
    bool started;
    _Atomic bool stop_wanted;
    _Atomic int state; // enum engine_state
    struct error error;
    int done_fd; // eventfd: readable when it is over
};

int chief_init(struct chief *chief, struct clock *clock, struct share *share, struct error *err);
void chief_deinit(struct chief *chief); // joins
int chief_start(struct chief *chief, struct flow *flow, struct connections *connections,
                struct error *err);
void chief_stop(struct chief *chief); // drain; any thread

// -- also for who does its work without a thread (stepper.h) --

void chief_begin(struct chief *chief, struct flow *flow, struct connections *connections);
static inline bool chief_stopping(struct chief *chief)
{
    return atomic_load_explicit(&chief->stop_wanted, memory_order_acquire);
}
// What the last run kept comes back, and the coordinator begins. False: there is nothing to do, or
// it cannot be gone on with.
bool chief_restore(struct chief *chief, bool stepped);
bool chief_start_lanes(struct chief *chief, bool stepped); // false: the flow has failed
// Once through all drivers; true: all are closed, and so are the connections.
bool chief_close(struct chief *chief);
// It is over: what the flow says is told to engine_wait.
void chief_end(struct chief *chief);
