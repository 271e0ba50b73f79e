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
    uint32_t accepted;
    uint64_t written_bytes;
    struct refusal *refusals;
    size_t refusal_count, refusal_cap;
    struct buf words;
    uint64_t is_refused[BATCH_RECORDS / 64]; // a bit a record
    bool lost_refusal;                       // memory was out
    uint32_t wordless;                       // troubles of which nobody reads the text
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
    bool dirty;               // something accepted since the last flush
    int64_t quiet_at_ns;      // when to flush if nothing more comes
    _Atomic int64_t first_ns; // first record accepted; 0: none yet
};

int sink_driver_new(struct sink_driver **out, const struct plan_node *node, const char *pipeline,
                    struct clock *clock, struct waker *lane_waker, struct error *err);
void sink_driver_free(struct sink_driver *sink);
struct outgoing *outgoing_new(void);
void outgoing_free(struct outgoing *outgoing);
// Makes it ready for its next batch.
void outgoing_begin(struct outgoing *outgoing);
// Once a record; when memory is out, `lost_refusal` is set.
void outgoing_refuse(struct outgoing *outgoing, uint32_t record, const struct error *err);
