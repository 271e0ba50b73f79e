// SPDX-License-Identifier: MIT
#pragma once
#include "base/ring.h"
#include "engine/waker.h"
#include "record/batch.h"

// A link carries batches from one lane to another, in order: a bounded ring with one producer and
// one consumer. Whoever pushes wakes the consumer's lane; whoever pops wakes the producer's.
//
// Batches with records leave one slot free, which is kept for batches that carry marks alone: a
// barrier or a watermark finds room behind a full load.

enum { LINK_SLOTS = 8 };

struct link {
    struct ring ring;
    size_t slots;
    struct waker *from, *to;    // of the lanes
    struct shape_table *shapes; // of the consumer's lane
    _Atomic uint64_t records;   // on their way
};

// `slots`: 2 or more.
int link_init(struct link *link, size_t slots, struct waker *from, struct waker *to,
              struct shape_table *shapes);
void link_deinit(struct link *link);                    // drops what is on its way
bool link_full(const struct link *link);                // for batches with records
bool link_marks_full(const struct link *link);          // for marks alone
void link_push(struct link *link, struct batch *batch); // takes the reference; there is room
struct batch *link_pop(struct link *link);              // NULL: empty
