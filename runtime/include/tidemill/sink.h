/* SPDX-License-Identifier: MIT */
#pragma once
#include "tidemill/host.h"

/* A sink writes batches.
 *
 *   open -> write, write, ... -> flush -> close             at least once
 *   ... -> prepare(id) -> commit(data) ...                  in a two-phase checkpoint
 *
 * One instance a node behind a gather edge, unless it is PARALLEL: then one a lane. Calls of one
 * instance never overlap. */

enum {
    TIDE_SINK_IDEMPOTENT = 1, /* writing a record again changes nothing */
    TIDE_SINK_TWO_PHASE = 2,  /* prepare, commit and abort are there and hold over a crash */
    TIDE_SINK_BLOCKING = 4,   /* calls may block (disk, a library): it gets its own thread */
    TIDE_SINK_PARALLEL = 8,
    TIDE_SINK_STREAM = 16,  /* the value's bytes are all it writes (no key, headers, time) */
    TIDE_SINK_PREAMBLE = 32 /* begins each stream with host->preamble; else the host puts that in
                               front of the very first record */
};

typedef struct tide_sink {
    uint32_t struct_size;
    uint32_t capabilities;
    const tide_option *options;

    /* As in tide_source. */
    tide_result (*open)(const tide_host *host, tide_ctx *ctx, void **self);
    void (*close)(void *self);
    /* Takes the first *accepted records; fewer than batch->count is backpressure: with OK the host
     * offers the rest at once again, with AGAIN after poll_fd, deadline or wake. RETRY: the host
     * closes, waits, opens anew and offers again what was not accepted; what was accepted is the
     * sink's: it makes it durable in close, or answers FATAL instead of losing it. */
    tide_result (*write)(void *self, const tide_batch *batch, uint32_t *accepted);
    /* Everything accepted is durable when this says OK. AGAIN: not yet. Called at checkpoints, when
     * the input has been idle for a moment, and before close. */
    tide_result (*flush)(void *self);
    /* Optional, TWO_PHASE. All accepted since the last prepare is durable and can be kept or cut
     * back by what is put into `data`. commit and abort may be repeated, also by another instance
     * after a crash, before any write. */
    tide_result (*prepare)(void *self, uint64_t id, tide_buf *data);
    tide_result (*commit)(void *self, tide_bytes data);
    tide_result (*abort)(void *self, tide_bytes data);
    /* Optional. Polls readable when write or flush can go on; -1: none. */
    int (*poll_fd)(void *self);
} tide_sink;
