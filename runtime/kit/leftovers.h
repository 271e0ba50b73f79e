// SPDX-License-Identifier: MIT
#pragma once
#include "kit/ledger.h"

// What a plugin leaves behind: memory, descriptors, threads.

struct leftovers {
    struct ledger_sum memory;
    size_t threads, descriptors;
    unsigned char open[128]; // bit by descriptor, the first 1,024
};

size_t leftovers_threads(void);
void leftovers_note(struct leftovers *out);
// Ends the check with a finding when there is more than `before`; waits a moment for threads that
// are just ending. `after`: "10 times open and close".
void leftovers_compare(const struct leftovers *before, const char *rule, const char *after);
