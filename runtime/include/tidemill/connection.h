/* SPDX-License-Identifier: MIT */
#pragma once
#include "tidemill/source.h"

/* A connection is what several nodes share: a cluster, a directory of logs, a database. Named under
 * `connections:`; its sources and sinks get it by host->connection. A connection that DECIDES can
 * be the commit point of a checkpoint: begin, prepare and commit happen once an epoch for all its
 * sinks together. Its functions may run on another thread than its nodes'. */

enum { TIDE_CONNECTION_DECIDES = 1 };

/* What became of an epoch. */
enum { TIDE_UNDECIDED = 0, TIDE_DECIDED = 1, TIDE_UNKNOWN = 2 };

typedef struct tide_connection {
    uint32_t struct_size;
    uint32_t capabilities;
    const tide_option *options;

    /* Called before the open of any node that names it; closed after all of them. */
    tide_result (*open)(const tide_host *host, tide_ctx *ctx, void **self);
    void (*close)(void *self);

    /* Optional, DECIDES. `mark`: opaque bytes of the host (incarnation, attempt, number) that are
     * stored in the same atomic act as the output. */
    tide_result (*begin)(void *self, uint64_t epoch);
    /* Positions of the sources on this connection that belong to the epoch. AGAIN: not yet. */
    tide_result (*prepare)(void *self, uint64_t epoch, const tide_position *positions,
                           uint32_t count, uint32_t stride);
    /* *decided: DECIDED, UNDECIDED or UNKNOWN (timed out: reopen, then ask `decided`). */
    tide_result (*commit)(void *self, uint64_t epoch, tide_bytes mark, int32_t *decided);
    tide_result (*abort)(void *self, uint64_t epoch);
    /* After open has settled what was pending: the mark of the last decided epoch (nothing put:
     * none). `look`: 1 reads without settling (does not fence another instance). */
    tide_result (*decided)(void *self, int look, tide_buf *mark);
} tide_connection;
