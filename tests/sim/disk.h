// SPDX-License-Identifier: MIT
#pragma once
#include "random.h"
#include "base/error.h"

// The disk under the checkpoints: a directory in memory, and a record of what of it would be there
// after a crash. All calls of base/io.h, and the removal of files, come by here (the linker puts
// the __wrap_ functions in front of them). Written bytes are durable when their file was synced,
// names when their directory was.
//
// It may die at a call: that one is done by half or not at all, and no later one is done. So a
// crash can come between any two of them, though they are made in one step of the engine.

struct error;

// An empty one at `dir`, which must be short. The dice are its own.
void disk_begin(const char *dir, struct dice dice);
void disk_end(void); // and it is gone

// At the n-th changing call from now on (1: the next). 0: never.
void disk_die_at(uint32_t n);
void disk_die(void); // now
bool disk_is_dead(void);
// The n-th changing call from now on fails, as on a full disk. 0: none does.
void disk_fault_at(uint32_t n);
bool disk_had_fault(void); // since disk_begin, or since it was asked
// What was not synced is lost, torn or kept; then it works again.
void disk_crash(void);
