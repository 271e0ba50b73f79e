// SPDX-License-Identifier: MIT
#pragma once
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

// A text that one thread writes and any may read. Torn at the worst, never without end.
enum { SAID_WORDS = 32 };

struct said {
    _Atomic uint64_t words[SAID_WORDS];
};

void said_write(struct said *said, const char *text, size_t len);
void said_read(const struct said *said, char out[SAID_WORDS * 8]);
