// SPDX-License-Identifier: MIT
#pragma once
#include "base/ring.h"
#include "engine/driver.h"
#include "engine/parcel.h"

// Runs a source's instance: gives it its splits, reads, and leaves what it hands over as parcels
// for the lane. At a barrier it notes the positions between two reads; after a checkpoint it tells
// the source which positions are durable.

struct split {
    char *name;
    size_t name_len;
    bool lost;
};

struct source_driver {
    struct driver driver; // first
    const tide_source *source;
    struct ring parcels;                // to the lane
    struct ring acks;                   // from the lane: parcels of kind BARRIER
    struct parcel *ready, **ready_tail; // made, not yet in the ring
    uint32_t ready_count;
    bool sent_eof;

    struct split *splits; // index = id
    size_t split_count, split_cap;
    size_t assigned; // splits below this were assigned to this opening of the instance

    // The read under way (tide_out).
    struct chunk *stream; // chunk being filled by reserve/commit
    uint32_t stream_split;
    size_t reserved;
    struct chunk *copies; // chunk being filled by emit

    _Atomic bool stop_wanted;        // no more reads
    _Atomic uint64_t barrier_wanted; // epoch, from the lane
    uint64_t barrier_done;

    int64_t lag_at_ns;   // when lag is asked for again
    _Atomic int64_t lag; // records behind, over all splits; -1: unknown
};

struct tide_out {
    struct source_driver *driver;
};

int source_driver_new(struct source_driver **out, const struct plan_node *node,
                      const char *pipeline, struct clock *clock, struct waker *lane_waker,
                      struct error *err);
void source_driver_free(struct source_driver *source);
// For the lane: the next parcel, or NULL.
struct parcel *source_driver_take(struct source_driver *source);
