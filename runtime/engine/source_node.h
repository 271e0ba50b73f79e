// SPDX-License-Identifier: MIT
#pragma once
#include "engine/alignment.h"
#include "engine/outputs.h"
#include "engine/source_driver.h"
#include "record/codec.h"
#include "record/framing.h"
#include "time/timestamp.h"
#include "time/watermark.h"

// A source in a lane: parcels become batches. Framing, decoding, event time, one watermark
// generator a split and the valve over them, the brake (`rate`), and on_error for what cannot be
// read.

struct source_split {
    char *name;
    struct record_meta *meta; // of its records that have no more than that name
    struct framer framer;
    struct watermark_generator generator;
    struct chunk *rest_chunk; // the unfinished frame in front of the next parcel
    const char *rest;
    size_t rest_len;
    int64_t offset;  // bytes (streams) taken so far
    uint32_t input;  // of the valve, while it has not ended
    int64_t seen_ns; // when the last record came, in time that the node was listening
    int64_t came_ns; // the same by the clock; 0: none has come
    bool ended, idle;
    bool touched; // has records in this batch
};

enum source_phase { SOURCE_READING, SOURCE_ENDING, SOURCE_ENDED };

struct source_node {
    struct outputs outputs; // first
    const struct plan_node *plan;
    struct source_driver *driver; // NULL in tests without plugins
    bool borrows;                 // the driver is the first lane's
    uint32_t ring;                // of the driver's, that leads here
    struct decoder *decoder;
    struct json_limits limits;
    struct framing_options framing;
    bool has_time;
    bool time_of_record; // event_time: record
    struct path time_path;
    enum time_unit time_unit;
    int64_t max_ahead_ms; // of the clock; -1: as far as it likes
    int64_t latest_ms;    // and so, for this batch
    bool doubted;         // the unit: it was said
    int64_t out_of_order_ms, idle_after_ms;
    enum generator_kind watermark_kind;
    struct marker *marker;       // by which kind MARKED goes; NULL: another kind
    struct alignment *alignment; // NULL: splits go as far as they like
    bool owns_alignment;         // the first lane's
    bool waits_for_silent;       // a split that has brought nothing yet counts as the slowest

    struct source_split *splits;
    size_t split_count, split_cap;
    uint32_t *touched;
    size_t touched_count, touched_cap;
    struct valve valve;

    uint32_t wordless;     // of the outputs, as of the last look
    struct batch *batch;   // being filled
    struct parcel *parcel; // being cut
    uint32_t parcel_at;    // messages done
    _Atomic int phase;     // enum source_phase; other lanes look whether it is still reading
    bool end_is_final;     // EOF, not a stop: the final watermark goes out
    int64_t sent_watermark;
    bool sent_idle;
    uint64_t epoch;                               // of the last barrier
    struct parcel *barrier_parcel, *last_barrier; // positions, until it is acknowledged
    double rate;                                  // records a second; 0: no brake
    uint32_t room;                                // records that may be in the batch now
    bool braking;                                 // the parcel in hand has to wait for it
    int64_t idle_check_ns;
    int64_t deaf_ns, deaf_since_ns; // time in which nothing could be taken
};

// `first`: the node in the first lane, whose driver is that of all lanes; NULL: it is the first.
int source_node_init(struct source_node *node, const struct node_place *place,
                     const struct source_node *first, struct error *err);
void source_node_deinit(struct source_node *node);
void source_node_step(struct source_node *node, struct wait *wait);

// -- splits (source_split.c) --

void source_split_deinit(struct source_split *split);
int source_split_add(struct source_node *node, const struct parcel *parcel);
void source_split_end(struct source_node *node, uint32_t id);
// What this batch has brought becomes watermarks.
void source_splits_advance(struct source_node *node);
// After a restart each split that was read is read on: active, its silence counted anew. What it
// has come to stays.
void source_splits_renew(struct source_node *node);
// `listening`: the node can take records now.
void source_splits_look_for_idle(struct source_node *node, bool listening, struct wait *wait);

static inline bool source_node_ended(const struct source_node *node)
{
    return node->phase == SOURCE_ENDED;
}
