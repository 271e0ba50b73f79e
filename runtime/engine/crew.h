// SPDX-License-Identifier: MIT
#pragma once
#include "base/clock.h"
#include "engine/lane.h"
#include <pthread.h>

// The crew are the threads of the process that step lanes, those of all its pipelines: workers, at
// most as many as there are cores. A lane is stepped by one worker at a time.
//
// Whose turn it is: each pipeline has a virtual time, which is the processor time that its lanes
// have used divided by its weight (`priority`). Of the lanes that have something to do the one goes
// on whose pipeline has the least; among those of one pipeline the one that has waited longest. So
// pipelines that never rest get processor time in proportion to their weights (stride scheduling:
// Waldspurger and Weihl, 1995; the virtual run time of Linux' completely fair scheduler). Who has
// rested starts at about the least of the others: rest is not saved up. No lane that has something
// to do waits for more than a second while others go on.
//
// Where: a lane stays with the worker that ran it last, as its data are in that core's caches. A
// worker that has nothing to do takes a lane that waits for a busy one, and so does one whose next
// pipeline is far ahead of what waits elsewhere.
//
// A lane that has nothing to do costs nothing: it is on no list, until its waker puts it on that of
// the lanes which are ready. Deadlines and descriptors that it waits for are watched by the worker
// that ran it last: asleep, in one poll for all; at work, between two steps.
//
//   crew.c         who is with the crew, and the threads
//   crew_turns.c   whose turn it is
//   worker.c       what a worker does all day
//   chief.h        what is to do for a pipeline before its lanes are stepped and after

struct crew;

enum turn_state {
    TURN_OUT,   // not with the crew
    TURN_READY, // on the crew's list
    TURN_RUNNING,
    TURN_IDLE, // until its waker, a deadline or a descriptor says so
};

// A lane's place in the crew. Guarded by the crew's lock; while it runs `until_ns` and the
// descriptors are its worker's.
struct turn {
    struct lane *lane;
    struct share *share;
    enum turn_state state;
    struct worker *at;         // runs it, or did last; NULL: none has
    struct turn *next, *prev;  // the crew's list of the ready, or its worker's of who waits
    bool waits;                // is on that one
    int64_t since_ns;          // ready since
    int64_t until_ns;          // idle: look again then
    int *fds;                  // idle: or when one of these is readable
    uint32_t fd_count, fd_max; //
    uint32_t polled_at;        // its place in what its worker polls
};

// A pipeline's share of the crew's time.
struct share {
    struct crew *crew;
    const char *pipeline; // name
    uint32_t weight;
    int64_t used_ns; // virtual
    uint32_t active; // turns that are ready or run
    uint32_t in;     // turns that are with the crew
    struct turn *turns;
    uint32_t count;
    struct waker *over; // woken when none is any more, and for lanes that are not with the crew
    struct share *next; // of the crew
};

struct worker {
    struct crew *crew;
    pthread_t thread;
    int bell;             // eventfd: there is something to do
    bool asleep;          // nobody has rung since it lay down
    struct turn *running; // NULL: it looks for work
    struct turn *waiting; // idle turns with a deadline or descriptors
    int64_t look_ns;      // when it must look after those; its own thread's
    int64_t charged_ns;   // its processor time up to here was counted
    struct pollfd *polled;
    size_t polled_cap;
};

struct crew {
    struct clock *clock;
    pthread_mutex_t lock;
    struct worker *workers;
    uint32_t count, max; // started, and how many there may be
    uint32_t asleep;
    bool ending;
    struct turn *first, *last; // ready
    _Atomic uint32_t ready;    // how many; to be read at any time
    struct share *shares;
    uint64_t moves; // turns that have gone on with another worker
};

// `workers`: at most; 0: as many as there are cores.
int crew_new(struct crew **out, struct clock *clock, uint32_t workers, struct error *err);
void crew_free(struct crew *crew); // when nobody is with it any more; NULL is fine

// `turns` places for lanes, whose wakers are made to ring there.
int share_init(struct share *share, struct crew *crew, uint32_t turns, struct waker *wakers,
               struct error *err);
void share_deinit(struct share *share);
// From here on its lanes are stepped, until lane_step says that it is over in all of them. The
// threads for them are started. ERR_FATAL: there is not one.
int crew_enter(struct share *share, struct lane **lanes, struct error *err);
bool crew_has(struct share *share); // some lane is still with it
uint64_t crew_moves(struct crew *crew);

// -- between its files; with the crew's lock held unless it says otherwise --

void turn_ready(struct crew *crew, struct turn *turn);
// Someone to wake for what is ready: ring its bell without the lock. NULL: nobody.
struct worker *crew_call(struct crew *crew, const struct turn *turn);
void worker_ring(struct worker *worker); // without the lock
void turn_ring(void *turn);              // what lanes' wakers do; without the lock
// The processor time that the worker has used since the last time, to what it runs.
void crew_charge(struct worker *worker);
// Takes the turn that is next for this worker off the list; NULL: there is none for it.
struct turn *crew_pick(struct worker *worker);
void turn_wait(struct turn *turn);    // onto its worker's list of who waits, if there is reason to
void turn_unwait(struct turn *turn);  // off it
void share_part(struct share *share); // none of its turns is with the crew any more
void *worker_work(void *worker);      // the thread
