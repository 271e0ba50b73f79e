// SPDX-License-Identifier: MIT
#pragma once
#include "base/ring.h"
#include "engine/alignment.h"
#include "engine/brake.h"
#include "engine/driver.h"
#include "engine/parcel.h"

// Runs a source's instance: gives it its splits, reads, and leaves what it hands over as parcels
// for the lanes: split s is of lane s % n, which has a ring of its own here. A source that is
// PARALLEL has an instance, and a driver, for each lane: each is given the splits of its lane. At a
// barrier it notes the positions between two reads; when the sinks have made durable what came
// before, it tells the source so.
//
// A split keeps its number for good. An instance that says RETRY is closed and opened anew; it
// announces its splits again and reads on where the old one has stopped: after the last message
// (`position`), or in a stream behind the last bytes: at the last `before`, less the bytes that
// were handed over since. A split that was lost or has ended and is announced again by the same
// instance is a new beginning.

struct split {
    char *name;
    size_t name_len;
    uint32_t life; // of the instance that announced it last
    bool assigned; // the instance reads it
    bool paused;   // but not now: it is held (alignment)
    bool lost, ended;
    bool revoked;          // taken back by the group: its position may still be acknowledged
    uint64_t revoke_epoch; // of the barrier that holds that position; 0: not cut yet
    bool placed;           // `position` says where the next instance is to read on
    struct buf position;   // streams: in front of the last bytes that came
    size_t past;           // streams: bytes handed over since `position`
    size_t skip;           // streams: bytes that the old instance has handed over already
};

// How far each split is behind, for who shows it; written once a second. Of many splits the first
// are shown.
enum { LAGS_MAX = 64, LAG_NAME_MAX = 96 };

struct split_lag {
    char name[LAG_NAME_MAX];
    int64_t records, bytes; // -1: unknown
};

struct lag_board {
    pthread_mutex_t lock;
    uint32_t count;
    struct split_lag of[LAGS_MAX];
};

// For whom a driver reads.
struct source_lanes {
    struct waker *wakers; // of the lanes; the first steps the driver, if it has no thread
    uint32_t count;
    uint32_t share, shares;      // only splits with id % shares == share
    struct alignment *alignment; // NULL: none
};

struct source_ring {
    struct ring parcels;   // to the lane
    struct waker *waker;   // of the lane
    struct parcel *newest; // of those that are ready; NULL: none is
};

struct source_driver {
    struct driver driver; // first
    const tide_source *source;
    // Of `source`, when its table is long enough to have them.
    tide_result (*position)(void *self, uint32_t split, tide_buf *out);
    tide_result (*ack)(void *self, uint64_t id, const tide_position *positions, uint32_t count,
                       uint32_t stride);
    tide_result (*revoke)(void *self, const uint32_t *ids, uint32_t count);
    int64_t (*lag_of)(void *self, uint32_t split);
    int64_t (*lag_bytes_of)(void *self, uint32_t split);
    tide_result (*pause)(void *self, const uint32_t *ids, uint32_t count, int on);
    struct alignment *alignment; // NULL: none, or the plugin cannot pause
    uint64_t aligned;            // its changes as far as the instance was told
    struct source_ring *rings;   // one for each lane
    uint32_t lane_count, share, shares;
    struct ring acks;                   // from the first lane: parcels of kind BARRIER
    struct parcel *ready, **ready_tail; // made, not yet in the ring
    uint32_t ready_count;
    bool sent_eof;
    bool told_none; // the lanes without a split know
    struct brake brake;
    uint32_t read_max; // records a read

    struct split *splits; // index = id
    size_t split_count, split_cap;
    bool unassigned;              // there may be splits that the instance waits for
    uint32_t life;                // instances so far
    bool keeps;                   // barriers carry where each split has come to (source_keep.h)
    struct kept_splits *kept;     // of the run before; NULL: none
    struct source_buffer *buffer; // between the plugin and the lanes; NULL: none

    // The read under way (tide_out).
    struct chunk *stream; // chunk being filled by reserve/commit
    uint32_t stream_split;
    size_t reserved;
    struct chunk *copies; // chunk being filled by emit

    _Atomic uint64_t barrier_wanted; // epoch, from the lane
    uint64_t barrier_done;
    _Atomic bool barrier_asked; // by the driver: splits were revoked, do not wait with the barrier
    int64_t revoke_by_ns;       // until then their last positions may be acknowledged; 0: none are

    int64_t lag_at_ns;                      // when lag is asked for again
    _Atomic int64_t lag_records, lag_bytes; // behind, over all splits; -1: unknown
    struct lag_board lags;
};

struct tide_out {
    struct source_driver *driver;
};

int source_driver_new(struct source_driver **out, const struct plan_node *node,
                      const char *pipeline, struct clock *clock, const struct source_lanes *lanes,
                      struct error *err);
void source_driver_free(struct source_driver *source);
// For a lane: its next parcel, or NULL.
struct parcel *source_driver_take(struct source_driver *source, uint32_t lane);

// -- between its files --

// A parcel at the end of what is ready, for the lane of the split; NULL: memory is out, and the
// driver has failed.
struct parcel *source_add_parcel(struct source_driver *source, enum parcel_kind kind,
                                 uint32_t split);
// One for that lane.
struct parcel *source_add_parcel_for(struct source_driver *source, enum parcel_kind kind,
                                     uint32_t lane);
// Whether the split is one of those that this driver reads.
static inline bool source_reads(const struct source_driver *source, size_t split)
{
    return source->shares == 1 || split % source->shares == source->share;
}
void source_out_of_memory(struct source_driver *source);
// Hands the splits that the instance has announced to it.
void source_assign(struct source_driver *source);
// The instance goes away for a while: keeps where the next one is to read on.
void source_keep_positions(struct source_driver *source);
// The positions after all that was handed over become a parcel.
void source_barrier(struct source_driver *source, uint64_t epoch, bool final);
// Splits were revoked: a barrier is asked for at once.
void source_ask_barrier(struct source_driver *source);
// Tells the instance that the splits whose last position is settled are not to be read any more.
// `epoch`: acknowledged; UINT64_MAX: their time is over.
void source_revoke(struct source_driver *source, uint64_t epoch);
// Asks the instance how far behind its splits are.
void source_ask_lag(struct source_driver *source);
// Tells the instance which splits are to be read now.
void source_align(struct source_driver *source);
// Whether there is something to tell it.
bool source_align_waits(const struct source_driver *source);
// Tells the instance what is durable.
void source_acknowledge(struct source_driver *source);
