// SPDX-License-Identifier: MIT
#pragma once
#include "engine/stats.h"
#include "engine/waker.h"
#include "state/image.h"

// What one node in one lane leaves for a checkpoint. Written by the lane's thread right behind the
// barrier, when the node has sent it on, and published by `epoch`; then the coordinator's, until
// the next epoch begins, which is not before it has taken all of it. What a node leaves at its end
// holds for every checkpoint after that.

enum { SAVED_IN = 0, SAVED_COUNTERS = 10 + TROUBLES };

struct saved {
    _Atomic uint64_t epoch; // release: the rest is of this barrier; 0: nothing yet
    struct image image;     // operators: their state; sources: splits; sinks: what prepare gave
    bool changes;           // operators: only what has changed since the last barrier
    int64_t watermark;
    uint64_t counters[SAVED_COUNTERS];
};

struct saves {
    struct saved barrier, end;
    struct waker *waker; // of the coordinator
    uint32_t lane;
};

enum { SAVED_AT_END = 1 }; // `end.epoch`, once it is there

void saves_init(struct saves *saves, uint32_t lane, struct waker *waker);
void saves_deinit(struct saves *saves);
// Where the node is to save at these marks; emptied. Counters and watermark are taken over from
// `stats`; a sink has some that are ahead of its barrier, and corrects them.
struct saved *saves_begin(struct saves *saves, uint32_t marks, const struct node_stats *stats);
void saves_publish(struct saves *saves, struct saved *saved, uint64_t epoch);
// What the node has for this epoch; NULL: it has not come so far.
struct saved *saves_of(struct saves *saves, uint64_t epoch);
// Counters that go on where others stopped: adds them.
void counters_add(struct node_stats *stats, const uint64_t *counters, uint32_t count);
