// SPDX-License-Identifier: MIT
#pragma once
#include "state/journal_chunk.h"
#include "state/journal_segment.h"

// The inside of a reader, shared by journal_read.c (entries, one after the other), journal_fill.c
// (from the file to frames in memory), journal_take.c (from there to checked entries) and
// journal_seek.c (places and bounds).

struct open_segment {
    int fd; // -1: none
    uint64_t first;
    char path[PATH_MAX];
    struct skim skim; // runs ahead of what is read
};

struct journal_reader {
    char *dir;
    unsigned char id[JOURNAL_ID_BYTES];
    struct segment_list list; // as last read
    struct open_segment now;  // being read
    struct open_segment last; // the newest one, for the end
    uint64_t offset;          // of the next frame that is not in `chunk`
    uint64_t sequence;        // of the next entry
    uint64_t span;            // behind the last commit up to which all is checked or durable
    uint64_t span_sequence;   // ... the number that comes next there
    uint64_t checked;         // spans before this byte were found whole
    uint64_t summed;          // and frames before this one were summed in this very chunk
    uint64_t floor;           // first record that counts: of the snapshot, if there is one
    struct chunk_pool *pool;
    size_t chunk_size;
    struct journal_chunk *chunk; // frames [chunk_at, chunk_len) are still to be handed out
    size_t chunk_at, chunk_len;
    uint64_t chunk_base;           // where in the file chunk->data lies
    bool tail_checked;             // ... and that what lies there is no damage
    uint64_t stuck_at, stuck_size; // where and at which file size the walk stopped last
};

// Opens segment `first` and checks that it belongs here; `segment` keeps what it had on failure.
int reader_open_segment(const struct journal_reader *reader, struct open_segment *segment,
                        uint64_t first, bool check_id, struct segment_header *header,
                        struct error *err);
void reader_drop_chunk(struct journal_reader *reader);
int reader_go_to(struct journal_reader *reader, uint64_t first, struct error *err); // its start

// Reads what is sealed into a new chunk. 1: there is something; 0: there is not.
int reader_fill(struct journal_reader *reader, struct error *err);
// What reader_take found in the chunk; PASSED: a commit; STOP: nothing to hand out for now.
enum { NO_FRAME = 0, ENTRY = 1, PASSED = 2, STOP = 3 };
int reader_take(struct journal_reader *reader, struct journal_entry *entry, struct error *err);
