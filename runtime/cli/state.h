// SPDX-License-Identifier: MIT
#pragma once
#include "cli/args.h"
#include "state/store.h"

// tidemill state: its words, and what they share.

struct state_place {
    char dir[4096];     // of the store
    char pipeline[256]; // whose it is
    bool of_pipeline;   // a pipeline was named, not a directory: the rest is known
    uint32_t keep;
    bool decided_elsewhere; // by a connection, which knows nothing of what is put in here
};

int state_import(const struct state_place *place, struct error *err); // lines from standard input
