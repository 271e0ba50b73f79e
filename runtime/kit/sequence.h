// SPDX-License-Identifier: MIT
#pragma once
#include "kit/reading.h"

// What a source handed over in one run, split by split, to compare other runs with.

struct sequence {
    struct tide_ctx *ctx; // of that run, kept
    bool stream, ended;
};

// Reads `most` messages (of streams: bytes) in a run of its own. Without any the check is skipped.
void sequence_read(struct sequence *sequence, const struct subject *subject, size_t most);
// How much of the split of that name a run has handed over: messages or bytes.
size_t sequence_len(const struct tide_ctx *ctx, bool stream, const char *name, size_t name_len);
// Compares what `reading` handed over with the sequence, of which it is to skip for each split as
// much as `skipped` of that split's index says (NULL: nothing). `run`: "reading on after 3
// records". Reads on until there is all that the sequence has.
void sequence_compare(const struct sequence *sequence, struct reading *reading,
                      const size_t *skipped, const char *rule, const char *run);
