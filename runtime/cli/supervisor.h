// SPDX-License-Identifier: MIT
#pragma once
#include "engine/engine.h"

// Decides whether a pipeline that has failed is started again from its last checkpoint, and when:
// as its `restart:` says, a limited number of times in a row, with growing pauses. One that has run
// for long enough since begins the row anew.

struct supervisor {
    int64_t max, from_ms, to_ms, reset_ms;
    uint32_t attempts; // in a row
    uint64_t random;   // jitter
    int64_t due_ms;    // when the next start is due
};

void supervisor_init(struct supervisor *supervisor, const struct topology *topology);
// What it says in the log names the reason and the attempt. True: start it at due_ms. The engine
// ran from `started_ms` to `now_ms`.
bool supervisor_takes(struct supervisor *supervisor, const struct engine *engine,
                      int64_t started_ms, int64_t now_ms);
// The same of a start that did not come to an engine.
bool supervisor_takes_error(struct supervisor *supervisor, const struct error *why, int64_t now_ms);
