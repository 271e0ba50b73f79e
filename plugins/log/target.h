// SPDX-License-Identifier: MIT
#pragma once
#include "committed.h"
#include "entry.h"

// A log sink and the topics that it writes to.

struct target {
    struct log_writer *writer;
    struct packer *packers; // one a partition
    uint32_t sticky;        // partition of the next batch without keys
    bool touched;           // since the last flush
    bool settled;           // how far readers may read is as this sink needs it
    struct committed *base; // one a partition: where it was opened, or the last prepare left it
    bool owned;             // exactly once: nobody else writes to it
};

struct sink {
    const tide_host *host;
    tide_ctx *ctx;
    struct log_connection *connection;
    struct writer_options options;
    int64_t sync_ns;
    int64_t last_sync; // mono_ns; 0: nothing since
    int32_t template;  // -1: one topic
    struct target *targets;
    uint32_t target_count;
    uint32_t last_target;
    bool pending; // a packer holds what could not be written

    // Exactly once (phases.c).
    bool two_phase; // prepare or commit was called
    bool recovered; // ... to go on from a checkpoint
    bool undecided; // prepared by this instance
    bool wrote;
};

// A topic by name, opened when it is not. NULL: *result says why.
struct target *target_of(struct sink *sink, const char *topic, tide_result *result);
tide_result sink_write_all(struct sink *sink); // all that is packed. RETRY: some of it stays
tide_result sink_sync_all(struct sink *sink);
tide_result sink_later(struct sink *sink);

// Where the partition ends now.
void target_place(const struct sink *sink, const struct target *target, uint32_t partition,
                  struct committed *out);
// Before the first record for it.
tide_result target_settle(struct sink *sink, struct target *target);
tide_result sink_prepare(void *self, uint64_t id, tide_buf *data);
tide_result sink_commit(void *self, tide_bytes data);
tide_result sink_abort(void *self, tide_bytes data);
