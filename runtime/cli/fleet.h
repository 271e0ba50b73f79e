// SPDX-License-Identifier: MIT
#pragma once
#include "cli/pipeline.h"
#include "cli/status.h"
#include "cli/supervisor.h"

// The pipelines that one `tidemill run` runs: each with its own plan, lanes, plugins and end, all
// stepped by one crew. One that fails does not stop the others.

struct member {
    struct pipeline pipeline;
    int64_t started_ms;
    struct supervisor supervisor;
    bool runs;  // started, and its end has not been seen
    bool waits; // for its restart; it has no engine
};

struct fleet {
    struct crew *crew;
    struct member *members;
    uint32_t count;
};

int64_t fleet_now_ms(void);
// Loads all files that `args` names; what is wrong with any is printed. EXIT_DONE, or the exit
// status; fleet_free in any case.
enum exit_status fleet_load(struct fleet *fleet, const struct args *args);
void fleet_free(struct fleet *fleet);
const char *member_name(const struct member *member);
bool fleet_runs(const struct fleet *fleet); // some member does, or will again
// Of all together. 0, or ERR_NOMEM.
int fleet_totals(const struct fleet *fleet, struct totals *out);
