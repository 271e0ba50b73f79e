// SPDX-License-Identifier: MIT
#pragma once
#include "base/error.h"
#include <lua.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

// The time budget of a call into Lua, at no cost per instruction. Each record is given a number as
// it enters the script. One thread of the process looks every few milliseconds which record each
// script is at; when it is the same one for longer than the budget, measured by the processor time
// of the thread that runs it, that thread gets a signal, and the handler sets the hook of the
// coroutine that runs. A hook set from another thread would race with the interpreter; set by the
// thread itself, between two of its instructions, it does not. What runs long in C asks
// watch_expired itself.
//
// Processor time, not wall time: a record is not at fault when the machine is busy, and nothing a
// script can call waits.

struct watch {
    lua_State *volatile L; // what runs: the main one or a coroutine; written by its thread
    lua_Hook hook;         // what expiry sets
    int64_t budget_ns;
    _Atomic uint64_t call;    // number of the record at work; written by its thread
    _Atomic uint64_t expired; // the call that is over its budget; written by the watchdog

    pthread_mutex_t lock; // guards the rest, and keeps the thread alive while it is signalled
    bool inside;
    bool seen; // the watchdog has seen seen_call since seen_ns of the thread's processor time
    pthread_t thread;
    uint64_t seen_call;
    int64_t seen_ns;

    struct watch *outer;       // the watch that this thread was in before (a test runs a script)
    struct watch *next, *prev; // all watches of the process, under the watchdog's lock
};

// Starts the watchdog with the first one. ERR_FATAL when the thread cannot be made.
int watch_init(struct watch *watch, lua_State *L, lua_Hook hook, int64_t budget_ms,
               struct error *err);
void watch_deinit(struct watch *watch); // not while inside

// Around one entry into Lua, on the thread that makes it.
void watch_enter(struct watch *watch);
void watch_leave(struct watch *watch);

// Another coroutine runs from here on.
static inline void watch_switch(struct watch *watch, lua_State *L)
{
    watch->L = L;
}

// The next record, or step, with a budget of its own.
static inline void watch_call(struct watch *watch, uint64_t number)
{
    atomic_store_explicit(&watch->call, number, memory_order_relaxed);
}

// True when the call at work is over its budget; for the hook, and for work inside C.
static inline bool watch_expired(struct watch *watch)
{
    return atomic_load_explicit(&watch->expired, memory_order_relaxed) ==
           atomic_load_explicit(&watch->call, memory_order_relaxed);
}
