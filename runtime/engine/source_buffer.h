// SPDX-License-Identifier: MIT
#pragma once
#include "engine/source_driver.h"
#include "state/image.h"
#include "state/journal.h"

// A durable buffer between a source that cannot be read again and its lanes: `buffer: { disk }`.
//
//   plugin -> parcels -> journal on disk -> parcels -> lanes
//
// What the plugin hands over is written to a journal (state/journal.h), each stretch of bytes,
// message, and news of a split as an entry that names its split; what goes to the lanes is read
// from there. So the source can be read again: a checkpoint has the number of the next record in
// the journal, a restart goes on at that number, and segments that hold only what a decided
// checkpoint has passed are dropped.
//
// What always holds:
//   - Lanes see only what is sealed in the journal: what they saw survives the end of the process.
//   - A checkpoint's number is of what was synced: what it goes on from survives a power cut.
//   - A buffer that is full, or a disk that is, ends the reading from the plugin until there is
//     room. What was handed over by then waits in memory, ahead of the journal.
//   - Splits have numbers of their own towards the lanes (an split each), by their names: the
//     entries may be of an earlier run, which numbered them otherwise.
//
//   source_buffer.c   the journal: opened, gone on with, acknowledged, closed
//   buffer_intake.c   parcels -> journal
//   buffer_entry.c    a parcel <-> an entry
//   buffer_out.c      journal -> parcels -> lanes
//
// All of it belongs to the thread that steps the driver; before that, to the chief.

struct buffer_split {
    struct split of; // name, lost, ended
    bool stale;      // of a plugin that is no more; the one that came has not told of it yet
};

struct source_buffer {
    uint64_t disk_size; // of all segments; more is taken only when all of it is acknowledged
    int64_t sync_ns;    // 0: with each write
    struct journal *journal;
    struct journal_reader *reader;
    uint64_t at;      // number of the next record for the lanes
    uint64_t settled; // all before it was acknowledged
    bool is_placed;   // `at` is a checkpoint's
    bool ended;       // the plugin will hand over nothing more
    int64_t full_ns;  // when it was said last that it is full

    bool unsealed, unsynced; // the journal has something that is not yet
    int64_t unsynced_ns;     // since when
    int64_t retry_ns;        // when the disk is tried again; 0: it did not fail
    bool any_room;           // the size does not count: it is the end

    struct parcel *out, **out_tail; // read, not yet in the rings
    uint32_t out_count;
    struct buffer_split *splits; // index = number of the split for the lanes
    size_t split_count, split_cap, likely;
    bool any_stale, told_none;
    int32_t metric_bytes, metric_records;
};

// Whether the node asks for a buffer, and what does not go with it.
bool source_is_buffered(const struct plan_node *node);
void source_buffers_check(const struct plan *plan, struct problems *problems);

int source_buffer_new(struct source_driver *source, struct error *err);
void source_buffer_free(struct source_driver *source); // seals, syncs, closes
// Opens or makes the journal below `checkpoints`, behind source_keep_restore and before the first
// step. `fresh`: what it holds is forgotten. ERR_REFUSED: it does not have what the checkpoint goes
// on from.
int source_buffer_open(struct source_driver *source, const char *checkpoints, bool fresh,
                       struct error *err);

// What the plugin has handed over goes into the journal, and what is there to the lanes, as far as
// there is room. False: the plugin is not to be read now.
bool source_buffer_pass(struct source_driver *source);
// Makes durable what is not, before its number is told; the driver has failed when that did.
uint64_t source_buffer_place(struct source_driver *source);
void source_buffer_settle(struct source_driver *source, uint64_t place); // acknowledged
// At the end: what was handed over goes into the journal whatever size that has.
void source_buffer_finish(struct source_driver *source);
bool source_buffer_is_over(const struct source_driver *source); // ended, and all of it read
// When it is to be stepped again without being woken.
void source_buffer_wait(const struct source_driver *source, struct wait *wait);

static inline void source_buffer_add(struct source_buffer *buffer, struct parcel *parcel)
{
    *buffer->out_tail = parcel;
    buffer->out_tail = &parcel->next;
    buffer->out_count++;
}

// -- between its files --

// True: all that was handed over is in the journal and sealed.
bool buffer_take_in(struct source_driver *source);
// Records that are sealed and have not been read.
static inline uint64_t buffer_unread(const struct source_buffer *buffer)
{
    return journal_end(buffer->journal).sequence - buffer->at;
}
// A journal or memory has failed: the driver does as well.
void buffer_fail(struct source_driver *source, const struct error *err);
// The splits that the last run has left to this one.
int buffer_renew_splits(struct source_driver *source);
void buffer_hand_out(struct source_driver *source);

enum buffer_kind { // in the journal
    BUFFER_STREAM = 1,
    BUFFER_MESSAGE = 2,
    BUFFER_SPLIT = 3,
    BUFFER_LOST = 4,
    BUFFER_END = 5,
    BUFFER_BAD = 6,
    BUFFER_START = 7, // a plugin begins: streams of the one before go no further
};

// A parcel as an image: an entry for each message, else one. *count = how many.
int buffer_encode(const struct source_driver *source, const struct parcel *parcel,
                  struct image *image, uint32_t *count);
// How many headers the messages of such an image have; ERR_CORRUPT: it is none.
int buffer_count_headers(const char *bytes, size_t len, uint32_t *count, struct error *err);
// What is in an entry behind its split's name. The message borrows from the entry, and puts its
// headers at *headers, which moves on; the parcel copies.
void buffer_decode_message(struct image_entry *entry, tide_header **headers, tide_message *out);
int buffer_decode_stream(struct image_entry *entry, struct parcel *parcel);
int buffer_decode_bad(struct image_entry *entry, struct parcel *parcel);
