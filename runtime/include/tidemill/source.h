/* SPDX-License-Identifier: MIT */
#pragma once
#include "tidemill/host.h"

/* A source reads splits: independently readable, ordered parts (a partition, a file, a device).
 *
 *   open -> host->splits_added(names) -> assign(ids, positions) -> read, read, ... -> close
 *
 * The host decides which splits an instance reads and from where; it alone remembers positions.
 * One instance a node, unless the source is PARALLEL: then one a lane, each of which announces all
 * splits, in the same order, and is given its share of them, which may be none. Calls of one
 * instance never overlap; they may come on different threads in turn. */

enum {
    TIDE_SOURCE_REPLAYABLE = 1, /* assign with an old position reads the same records again */
    TIDE_SOURCE_SPLITS = 2,     /* more than one split */
    TIDE_SOURCE_BOUNDED = 4,    /* may end (TIDE_EOF) */
    TIDE_SOURCE_BLOCKING = 8,   /* read may block (disk, a library): it gets its own thread */
    TIDE_SOURCE_PARALLEL = 16,  /* may run as one instance a lane */
    TIDE_SOURCE_STREAM = 32     /* hands over raw bytes (reserve/commit), to be framed */
};

typedef struct tide_split {
    uint32_t struct_size;
    uint32_t id;         /* the number by which the split is known from now on */
    tide_bytes name;     /* as given to splits_added */
    tide_bytes position; /* where to read on; data NULL: as the options say (start) */
} tide_split;

typedef struct tide_position {
    uint32_t struct_size;
    uint32_t split;
    tide_bytes position;
    /* For a connection's prepare, which has positions of several sources: the split's name, as
     * given to splits_added, and the node that reads it. Elsewhere: none. */
    tide_bytes name;
    const char *node;
} tide_position;

typedef struct tide_source {
    uint32_t struct_size;
    uint32_t capabilities;
    const tide_option *options; /* besides those that every source has; NULL: none */

    /* Makes an instance in *self. May say AGAIN: called again with the same *self. Does not read
     * yet. RETRY: the host calls close (when *self is set), waits, opens anew. Must not block for
     * long unless BLOCKING. */
    tide_result (*open)(const tide_host *host, tide_ctx *ctx, void **self);
    /* Once, last, also after a failed open that set *self. No call follows. */
    void (*close)(void *self);
    /* Splits to read from now on. `stride` between them. */
    tide_result (*assign)(void *self, const tide_split *splits, uint32_t count, uint32_t stride);
    /* Optional. Splits not to read any longer. */
    tide_result (*revoke)(void *self, const uint32_t *ids, uint32_t count);
    /* Hands over what is there, at most `max` messages; never waits (BLOCKING: shortly).
     * OK: call again. AGAIN: nothing now. EOF: nothing ever again. A full `out` is OK. */
    tide_result (*read)(void *self, tide_out *out, uint32_t max);
    /* Where to read on in this split after all that was handed over. Called between reads. Not
     * called for splits that use commit (their `before` counts). Sources that are not REPLAYABLE
     * leave it NULL. */
    tide_result (*position)(void *self, uint32_t split, tide_buf *out);
    /* Optional. All records before these positions are durable downstream, as checkpoint `id`:
     * commit offsets, delete files. */
    tide_result (*ack)(void *self, uint64_t id, const tide_position *positions, uint32_t count,
                       uint32_t stride);
    /* Optional. A descriptor that polls readable when read has something; -1: none. Asked after
     * each AGAIN. */
    int (*poll_fd)(void *self);
    /* Optional. How many records behind the end of the split; -1: unknown. */
    int64_t (*lag)(void *self, uint32_t split);

    /* -- since 1.1 -- */
    /* Optional. `on`: read nothing new of these splits, which stay assigned, until `on` is 0 for
     * them; what was fetched before may still be handed over. Called between reads; a source whose
     * splits are all paused says AGAIN, and is called again when one is not. */
    tide_result (*pause)(void *self, const uint32_t *ids, uint32_t count, int on);
    /* Optional. How many bytes behind the end of the split, as they are stored; -1: unknown. For
     * splits whose records cannot be counted ahead of reading them. Asked like lag: once a second
     * at most, between reads. */
    int64_t (*lag_bytes)(void *self, uint32_t split);
} tide_source;
