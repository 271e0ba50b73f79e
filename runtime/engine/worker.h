// SPDX-License-Identifier: MIT
#pragma once
#include "engine/connection.h"
#include "engine/lane.h"

// Workers are the threads that step the lanes; each has lanes of its own, and sleeps when none of
// them has anything to do. The first one, the chief, opens the connections before and closes
// everything in order when all are done. `state` and `error` are read by the main thread after it
// has seen the state change.

struct crew;

struct worker {
    struct crew *crew;
    uint32_t index;
    pthread_t thread;
    bool started;
    struct lane **lanes; // a stretch of the flow's
    uint32_t lane_count;
    struct pollfd *polled; // scratch
};

struct crew {
    struct flow *flow;
    struct connections *connections;
    struct clock *clock;
    struct waker *wakers; // of the lanes; the first is the chief's as well
    struct worker *workers;
    uint32_t count;
    _Atomic bool stop_wanted;
    _Atomic int state; // enum engine_state
    struct error error;
    int done_fd; // eventfd: readable when it is over
};

// So many workers for the lanes of the flow, which come later.
int crew_init(struct crew *crew, struct clock *clock, uint32_t workers, uint32_t lanes,
              struct error *err);
void crew_deinit(struct crew *crew); // joins
int crew_start(struct crew *crew, struct flow *flow, struct connections *connections,
               struct waker *wakers, struct error *err);
void crew_stop(struct crew *crew); // drain; any thread
