// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "record/batch.h"
#include "tidemill/source.h"

// What a source's read leaves for its lane: a stretch of raw bytes, whole messages, or news of a
// split. Parcels go through a ring from the driver's thread to the lane's; whoever holds one owns
// it.

enum parcel_kind {
    PARCEL_STREAM,   // chunk[0], at, len, before
    PARCEL_MESSAGES, // messages
    PARCEL_SPLIT,    // a new split, or one that went away or ended is back: its name in `text`; of
                     // one that the last run knew, what its lane kept in `part`
    PARCEL_LOST,     // a split that went away
    PARCEL_END,      // a split's end
    PARCEL_BAD,      // something of a split could not be read: why in `text`, its bytes in `part`
    PARCEL_NONE,     // the source has splits, and none of them is this lane's
    PARCEL_BARRIER,  // epoch; positions of the splits in `part`, see source_positions.c; for a
                     // checkpoint in `text`, see source_keep.h
    PARCEL_EOF       // nothing ever comes again (stopped: because it was asked to stop)
};

enum {
    PARCEL_MESSAGES_MAX = BATCH_RECORDS,
    PARCEL_HEAD = 4096 // bytes left free at the front of a stream's chunk, for an unfinished frame
};

struct parcel {
    struct parcel *next;
    enum parcel_kind kind;
    uint32_t split;
    uint32_t lane;                      // whose it is
    struct chunk *chunks[BATCH_CHUNKS]; // what the bytes live in
    uint32_t chunk_count;
    size_t at, len;
    struct buf text;   // name, reason
    struct buf before; // STREAM: position before these bytes
    struct buf part;   // BAD
    tide_message *messages;
    uint32_t count;
    uint64_t epoch;
    uint64_t place; // BARRIER of a source with a buffer: see source_buffer.h
    bool final;     // BARRIER: behind the last record; holds when all sinks are done
    bool stopped;
};

struct parcel *parcel_new(enum parcel_kind kind, uint32_t split);
void parcel_free(struct parcel *parcel); // drops its chunks
