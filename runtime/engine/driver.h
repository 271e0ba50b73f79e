// SPDX-License-Identifier: MIT
#pragma once
#include "engine/host.h"
#include "engine/outputs.h"
#include "engine/plan.h"
#include <pthread.h>

// A driver runs one plugin instance: opens it (again and again while it says RETRY, with backoff),
// steps it, closes it. Source and sink drivers begin with one. It is stepped by the lane's worker,
// or, for plugins that may block, by a thread of its own (`driver_start_thread`); what crosses
// between lane and driver are rings and the atomics here, the same in both cases.

enum driver_state {
    DRIVER_OPENING,
    DRIVER_RUNNING,
    DRIVER_BACKOFF,
    DRIVER_FAILED, // `error` says why; terminal but for closing
    DRIVER_CLOSED,
};

// What a step asks for before the next one.
struct wait {
    bool busy;        // do not wait at all
    int64_t until_ns; // monotonic; INT64_MAX: no deadline
    int fd;           // readable; -1: none
};

struct driver {
    struct tide_ctx ctx;
    const struct plan_node *node;
    struct waker own_waker;   // when it has a thread
    struct waker *lane_waker; // to tell the lane that there is something
    void *self;
    enum driver_state state; // the stepping thread's
    uint32_t attempts;
    uint64_t random; // jitter
    int64_t retry_at_ns, opened_at_ns;
    int64_t stop_by_ns; // draining: until then it may be opened yet

    bool threaded; // it is to have a thread, or to be stepped as if it had one (stepper.h)
    bool started;  // it has one
    pthread_t thread;
    _Atomic bool stop_wanted; // draining: only what is on its way is still wanted
    _Atomic bool close_wanted;
    _Atomic bool failed; // release: `error` is complete
    _Atomic bool closed;
    _Atomic bool is_open;   // to be shown; release: what it waits for was said before
    struct said last_fault; // why it was closed for a while; to be shown
    struct error error;

    tide_result (*open)(const tide_host *host, tide_ctx *ctx, void **self);
    void (*close)(void *self);
    int (*poll_fd)(void *self);
    // One step while RUNNING.
    void (*run)(struct driver *driver, struct wait *wait);
    // Called when the instance is (re)opened and when it goes away for a while.
    int (*opened)(struct driver *driver);
    void (*lost)(struct driver *driver);
    // While it is not open: does what needs no instance; true when opening is no use any more.
    bool (*give_up)(struct driver *driver);
    void (*last)(struct driver *driver);       // before closing: what was handed over (acks)
    bool (*owes)(const struct driver *driver); // not to be closed yet; NULL: it never does
    bool (*has_work)(struct driver *driver); // from the lane, looked at in any state before dozing
};

int driver_init(struct driver *driver, const struct plan_node *node, const char *pipeline,
                struct clock *clock, struct waker *lane_waker, bool threaded, struct error *err);
void driver_deinit(struct driver *driver); // after it is closed
int driver_start_thread(struct driver *driver, struct error *err);
// Between waker_doze and sleeping, as its thread or who steps in its place: whether there is work.
bool driver_work_waits(struct driver *driver);
// Asks it to close; true once it has (a threaded one is joined).
bool driver_close(struct driver *driver, struct wait *wait);
// From the lane: nothing new is wanted.
void driver_stop(struct driver *driver);
static inline bool driver_stopping(const struct driver *driver)
{
    return atomic_load_explicit(&driver->stop_wanted, memory_order_acquire);
}
// Tells it (from the lane) that there is work.
static inline void driver_wake(struct driver *driver)
{
    if (driver->threaded)
        waker_wake(&driver->own_waker);
}
void driver_step(struct driver *driver, struct wait *wait);
// A plugin's function answered `result`: RETRY closes and waits, others fail the driver.
void driver_result(struct driver *driver, tide_result result);
// The wait after AGAIN: poll_fd, wait_until, wake.
void driver_again(struct driver *driver, struct wait *wait);
void driver_fail(struct driver *driver, const struct error *err);
