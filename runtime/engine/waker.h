// SPDX-License-Identifier: MIT
#pragma once
#include "base/error.h"
#include <stdatomic.h>
#include <stdbool.h>

// How one thread says "look again" to another that may be asleep. The sleeper announces itself,
// looks once more whether there is work, and then polls `fd`; who has work for it wakes it, which
// costs one atomic read while it is awake.
//
//   sleeper: waker_doze(); if (work) { waker_rise(); work } else poll(fd, ...); waker_rise();
//   other:   publish work; waker_wake();
//
// The sequentially consistent fence on both sides makes sure that one of them sees the other.
//
// A lane's waker has no descriptor: who wakes it calls `ring`, which puts the lane on the list of
// those that the crew is to step.

struct waker {
    _Atomic bool dozing;
    int fd;                  // eventfd; -1: `ring` is called
    void (*ring)(void *arg); // any thread
    void *arg;
    char apart[40]; // no two in one cache line: others look at `dozing` all the time
};

int waker_init(struct waker *waker, struct error *err);
void waker_init_ring(struct waker *waker, void (*ring)(void *arg), void *arg);
void waker_deinit(struct waker *waker);
void waker_wake(struct waker *waker);
void waker_doze(struct waker *waker);
void waker_rise(struct waker *waker);        // also empties the eventfd
bool waker_dozes(const struct waker *waker); // nobody has woken it since it dozed off
