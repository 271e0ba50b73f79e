// SPDX-License-Identifier: MIT
#pragma once
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Cuts a stream of bytes into messages without copying them. One framer a split. The caller keeps
// the bytes in one piece: it appends new bytes behind the unfinished rest and moves the rest to the
// front of the next chunk when a chunk is full.

enum framing { FRAMING_NEWLINE, FRAMING_WHOLE };

struct framer {
    enum framing kind;
    size_t max;     // longest message
    size_t scanned; // of the rest: bytes that hold no end, so that none is looked at twice
    bool skipping;  // inside a line that was refused
};

struct frame {
    const char *bytes; // without the delimiter (newline: a trailing CR is cut too)
    size_t len;
    size_t used; // bytes taken from the front of the input, delimiter included
};

void framer_init(struct framer *framer, enum framing kind, size_t max_bytes);
int framing_from_name(const char *name, enum framing *out, struct error *err);
// 1: a frame; 0: more bytes are needed; ERR_LIMIT: longer than max (the rest of that line is
// skipped by later calls, in silence). The caller takes frame->used bytes off the front whatever
// the result: with 0 they are the part of a refused line. `at_end`: nothing follows, a last message
// without delimiter counts. A message may be empty (two newlines in a row).
int framer_next(struct framer *framer, const char *bytes, size_t len, int at_end,
                struct frame *frame, struct error *err);
