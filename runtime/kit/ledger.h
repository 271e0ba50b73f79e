// SPDX-License-Identifier: MIT
#pragma once
#include "tidemill/plugin.h"

#include <stddef.h>
#include <stdint.h>

// The plugin's own allocations, counted: after ledger_open its calls of malloc, calloc, realloc,
// free, strdup and their like go through here (the slots of its relocations are changed; nobody
// else's). Memory that a library allocates for it is not seen; a block that is freed elsewhere
// counts as left. Any thread may allocate.

struct ledger_sum {
    size_t blocks, bytes;
};

// `plugin` is of the shared object that is watched. False: its tables are not understood.
int ledger_open(const tide_plugin *plugin);
struct ledger_sum ledger_sum(void); // what is allocated now
uint64_t ledger_calls(void);        // allocations so far
// The n-th allocation from now on fails, once; 0: none. `failed` tells whether it came to that.
void ledger_fail_at(uint64_t n);
int ledger_failed(void);
