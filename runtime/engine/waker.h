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

struct waker {
    int fd; // eventfd
    _Atomic bool dozing;
};

int waker_init(struct waker *waker, struct error *err);
void waker_deinit(struct waker *waker);
void waker_wake(struct waker *waker);
void waker_doze(struct waker *waker);
void waker_rise(struct waker *waker); // also empties the eventfd
