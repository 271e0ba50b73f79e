// SPDX-License-Identifier: MIT
#pragma once
#include "base/arena.h"
#include "record/record.h"
#include <stdatomic.h>

// Records that move together, with all that they point to. A batch goes through a lane by hand-over
// of its pointer: whoever holds it owns the records and may change, reorder and drop them
// (compacting the array). What the records point to lives in
//
//   chunks   input bytes, reference-counted, shared by the batches that were cut from them;
//   arena    this batch's own: index, cells, decoded strings, encoded output;
//   base     another batch whose bytes these records also use (a port's or lane's share of it).
//
// A batch of a route's port or a fan-out's branch is a new batch with copies of the record structs
// and the old one as its base; cells are then shared until one side writes (RECORD_SHARED_CELLS).
//
// Behind its records a batch carries marks that hold for all that comes after: a watermark, a
// barrier, the end. References are atomic; the rest belongs to one thread at a time.

enum { BATCH_RECORDS = 1024, BATCH_CHUNKS = 8, CHUNK_PAD = 64 };

// Input bytes. `data` has CHUNK_PAD readable bytes after `cap`.
struct chunk {
    _Atomic uint32_t refs;
    uint32_t flags;
    char *data;
    size_t len, cap;
    void (*release)(void *arg); // called instead of freeing data, when set
    void *release_arg;
};

struct chunk *chunk_new(size_t cap);
struct chunk *chunk_ref(struct chunk *chunk);
void chunk_unref(struct chunk *chunk);

enum batch_marks {
    BATCH_WATERMARK = 1, // `watermark` holds behind these records
    BATCH_END = 2,       // nothing comes after
    BATCH_BARRIER = 4,   // epoch `epoch` ends here
    BATCH_IDLE = 8,      // this input is idle until its next record: leave it out of the minimum
    BATCH_ACTIVE = 16,
};

struct batch_pool;

struct batch {
    struct record *records;
    uint32_t count, cap;
    uint32_t cursor; // how far a node that could not finish has come
    uint32_t marks;
    int64_t watermark; // ms
    uint64_t epoch;
    struct shape_table *shapes; // of the lane that holds it: who hands a batch over sets it
    struct arena arena;
    struct chunk *chunks[BATCH_CHUNKS];
    uint32_t chunk_count;
    _Atomic uint32_t refs;
    struct batch *base;
    struct batch_pool *pool;
    struct batch *next; // free list
};

// Recycles batches; any thread may return one.
struct batch_pool *batch_pool_new(struct shape_table *shapes);
void batch_pool_free(struct batch_pool *pool); // when all batches are back

struct batch *batch_new(struct batch_pool *pool); // one reference; NULL when memory is out
struct batch *batch_ref(struct batch *batch);
void batch_unref(struct batch *batch); // NULL is fine
// Makes the batch keep the chunk (same chunk again: nothing). 0 or ERR_LIMIT when it has
// BATCH_CHUNKS already.
int batch_hold(struct batch *batch, struct chunk *chunk);
// Makes `batch` keep `base`, whose records it took copies of. One base a batch.
void batch_set_base(struct batch *batch, struct batch *base);
// An empty record at the end; NULL when full or memory is out.
struct record *batch_add(struct batch *batch);
// A copy of the struct of a record of `batch->base`; cells become shared. NULL when full.
struct record *batch_share(struct batch *batch, struct record *record);
// Bytes copied into the arena; NULL when memory is out.
const char *batch_copy(struct batch *batch, const void *bytes, size_t len);
// A whole record copied in, so that nothing points out of the batch. NULL when full or no memory.
struct record *batch_clone(struct batch *batch, struct batch *from, struct record *record);
