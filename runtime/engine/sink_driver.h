// SPDX-License-Identifier: MIT
#pragma once
#include "base/ring.h"
#include "engine/driver.h"
#include "record/batch.h"
#include "record/codec.h"
#include "record/framing.h"

// Runs a sink's instance: encodes the batches that its lane hands over, offers them to `write`
// until all is accepted, flushes at barriers, at the end and when nothing has come for a moment.
// Each batch goes back to the lane afterwards, with the records that were refused.

enum { PREPARED_MAX = 64 * 1024 * 1024, INHERITED_MAX = 256 * 1024 * 1024 };
#define HELD_AT_END UINT64_MAX

struct refusal {
    uint32_t index; // in the batch
    int code;
    size_t at, len; // of its text, in `words`
};

// A batch on its way through a sink. Belongs to whoever holds it: lane, ring, driver.
struct outgoing {
    tide_batch head; // what the plugin sees: a part of `records`
    tide_record records[BATCH_RECORDS];
    uint32_t index[BATCH_RECORDS]; // record number in `batch` of each of them
    struct batch *batch;
    struct buf bytes; // encoded values, keys
    uint32_t marks;   // of the batch
    uint64_t epoch;
    bool prepared;
    uint64_t seen;        // records that its node had taken with it
    struct buf two_phase; // at a barrier or the end: what prepare gave
    uint32_t accepted;
    uint64_t written_bytes;
    struct refusal *refusals;
    size_t refusal_count, refusal_cap;
    struct buf words;
    uint64_t is_refused[BATCH_RECORDS / 64]; // a bit a record
    bool lost_refusal;                       // memory was out
    uint32_t wordless;                       // troubles of which nobody reads the text
};

// Exactly once: what was written up to a barrier is prepared there, and nothing more is written
// until the checkpoint is decided and the sink has committed. See sink_phases.c.
struct sink_phases {
    bool on;
    bool own;      // the sink prepares and commits itself; else its connection does
    bool wrote;    // something was offered since the last prepare
    uint64_t held; // the barrier that waits for its decision; 0: none. At the end HELD_AT_END
    _Atomic uint64_t *decided; // of the flow: the newest checkpoint that holds
    _Atomic uint64_t ended_in; // the checkpoint that has the end; 0: not yet
    struct buf data;           // of the last prepare, or of the checkpoint that was restored
    struct buf inherited;      // the same of lanes that are no more: each with its length
    bool restored;             // ... which the instance has yet to hear of
    bool asked;                // to commit, and has said AGAIN
};

struct sink_driver {
    struct driver driver; // first
    const tide_sink *sink;
    struct ring to_write; // from the lane: struct outgoing
    struct ring written;  // to the lane
    struct outgoing *current;
    struct encoder *encoder;
    struct framing_options framing;
    struct buf preamble; // framed; of sinks that ask for it
    struct template *key;
    uint32_t header_count;
    const char **header_names;
    struct template **header_values;
    bool dirty; // something accepted since the last flush
    struct sink_phases phases;
    int64_t quiet_at_ns;      // when to flush if nothing more comes
    int64_t flush_by_ns;      // and if something does; 0: nothing waits for it
    _Atomic int64_t first_ns; // first record accepted; 0: none yet
};

int sink_driver_new(struct sink_driver **out, const struct plan_node *node, const char *pipeline,
                    struct clock *clock, struct waker *lane_waker, struct error *err);
void sink_driver_free(struct sink_driver *sink);

// -- phases (sink_phases.c) --

bool sink_is_two_phase(const tide_sink *table); // it prepares, commits and aborts
// There are checkpoints; `exact`: its output is to be in them exactly once, if it can;
// `by_connection`: its connection decides about it. Before the driver runs.
void sink_phases_attach(struct sink_driver *sink, _Atomic uint64_t *decided, bool exact,
                        bool by_connection);
// From the checkpoint to go on from: to be committed before anything is written. Before the driver
// runs.
int sink_phases_restore(struct sink_driver *sink, const char *data, size_t len);
int sink_phases_inherit(struct sink_driver *sink, const char *data, size_t len);
// Prepares (or flushes) at a barrier or the end. True when it is done.
bool sink_phases_prepare(struct sink_driver *sink, struct outgoing *outgoing, struct wait *wait);
// True when writing may go on: what was prepared is committed.
bool sink_phases_open(struct sink_driver *sink, struct wait *wait);
bool sink_phases_waiting(const struct sink_driver *sink); // for a decision that has not come
bool sink_phases_owes(const struct sink_driver *sink);    // what is decided is not committed
// A fresh instance. ERR_NOMEM never; what cannot be settled fails the driver.
void sink_phases_opened(struct sink_driver *sink);
void sink_phases_last(struct sink_driver *sink); // before closing
// A barrier, or the end, without an instance: what was prepared last holds for it as well. False
// when something was written since, or is to be committed.
bool sink_phases_skips(const struct sink_driver *sink);
bool sink_phases_skip(struct sink_driver *sink);

bool sink_flush(struct sink_driver *sink, struct wait *wait); // true: all is durable
struct outgoing *outgoing_new(void);
void outgoing_free(struct outgoing *outgoing);
// Makes it ready for its next batch.
void outgoing_begin(struct outgoing *outgoing);
// Once a record; when memory is out, `lost_refusal` is set.
void outgoing_refuse(struct outgoing *outgoing, uint32_t record, const struct error *err);
