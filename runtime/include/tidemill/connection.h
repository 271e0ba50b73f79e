/* SPDX-License-Identifier: MIT */
#pragma once
#include "tidemill/source.h"

/* A connection is what several nodes share: a cluster, a directory of logs, a database. Named under
 * `connections:`; its sources and sinks get it by host->connection. A connection that DECIDES can
 * be the commit point of a checkpoint: begin, prepare and commit happen once an epoch for all its
 * sinks together. Its functions may run on another thread than its nodes'.
 *
 *   open -> decided(look = 1) -> decided(look = 0) -> begin(N), sinks write and flush, prepare(N),
 *   commit(N, mark) -> begin(N + 1) ... -> close
 *
 * The host asks `decided` before it opens any node of the connection: nodes that open later belong
 * to its epochs (sinks that say `delivery: at_least_once` do not). A host that does not want the
 * connection to decide calls none of these.
 *
 * Where an epoch must not stay open for long, the options `transaction_timeout` and
 * `commit_timeout` (durations) say so: the host refuses a pipeline whose checkpoints are too far
 * apart for them.
 *
 * Each of them may say AGAIN: not yet, call it again as the deadline says. RETRY: the epoch is
 * lost; the host closes nodes and connection and goes on from what `decided` tells. FENCED:
 * another process has taken over; the host does not try again. */

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
    /* All that the sinks have accepted is delivered, and the positions of the sources on this
     * connection (with `name` and `node`) are part of the epoch. Called when all sinks have
     * flushed; nothing is written between that and the next begin. */
    tide_result (*prepare)(void *self, uint64_t epoch, const tide_position *positions,
                           uint32_t count, uint32_t stride);
    /* With OK, *decided: DECIDED, UNDECIDED (surely not) or UNKNOWN (timed out: reopen, then ask
     * `decided`). Never called a second time for the same epoch. */
    tide_result (*commit)(void *self, uint64_t epoch, tide_bytes mark, int32_t *decided);
    tide_result (*abort)(void *self, uint64_t epoch);
    /* Settles what was pending (another process of the same pipeline is fenced by it), then puts
     * the mark of the last decided epoch (nothing put: none). `look`: 1 reads without settling:
     * nobody is fenced, and an epoch that is still pending is not waited for. */
    tide_result (*decided)(void *self, int look, tide_buf *mark);
} tide_connection;
