// SPDX-License-Identifier: MIT
#pragma once
#include "engine/connection.h"
#include "engine/lane.h"

// A worker is the thread that opens the connections, steps the lane, sleeps when there is nothing
// to do, and closes everything in order. `state` and `error` are read by the main thread after it
// has seen the state change.

struct worker {
    struct lane *lane;
    struct connections *connections;
    struct clock *clock;
    struct waker waker;
    pthread_t thread;
    bool started;
    _Atomic bool stop_wanted;
    _Atomic int state; // enum engine_state
    struct error error;
    int done_fd; // eventfd: readable when it is over
};

int worker_init(struct worker *worker, struct clock *clock, struct error *err);
void worker_deinit(struct worker *worker); // joins
int worker_start(struct worker *worker, struct lane *lane, struct connections *connections,
                 struct error *err);
void worker_stop(struct worker *worker); // drain; any thread
