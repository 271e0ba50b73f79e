// SPDX-License-Identifier: MIT
#pragma once
#include "base/error.h"
#include <stdatomic.h>

// Where tests let the process die: `crash_point("checkpoint.write.before")` kills it (SIGKILL, so
// that nothing is tidied up) when it passes there for the n-th time, if that was chosen. Nothing is
// chosen unless the environment says TIDEMILL_CRASH=NAME:N; it is in every build, so that what is
// tested is what is shipped. It opens nothing: who sets the environment of a process can end it
// anyhow. A point that is not chosen costs one relaxed load.

extern _Atomic(const char *) crash_point_chosen; // NULL: none

void crash_point_pass(const char *name); // where something is chosen
// "NAME:N", N counted from 1 over all threads; NULL: none. Keeps `text`. Before other threads run.
int crash_point_choose(const char *text, struct error *err);

static inline void crash_point(const char *name)
{
    if (__builtin_expect(!!atomic_load_explicit(&crash_point_chosen, memory_order_relaxed), 0))
        crash_point_pass(name);
}
