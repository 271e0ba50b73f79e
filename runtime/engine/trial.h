// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "config/topology.h"
#include "plugin/registry.h"

// A pipeline under test: no plugin is opened, time is virtual, records and watermarks are put in by
// hand at any node, and what comes out of any port is kept until it is taken. What `tests:` in a
// pipeline file run on. One thread, which steps all lanes in turn.

struct trial;

// `lanes` 0: one.
int trial_new(struct trial **out, const struct topology *topology, struct registry *registry,
              uint32_t lanes, struct problems *problems);
void trial_free(struct trial *trial);

struct trial_record {
    const char *json; // the value; NULL: a tombstone
    size_t json_len;
    int64_t time;    // ms, or INT64_MIN: none (a source reads its event_time field then)
    const char *key; // NULL: none
    uint32_t split;
};

// `to` a source (as if its plugin had read it), an operator or a sink; `input` names the node that
// an operator would have had it from (NULL: its first input).
int trial_send(struct trial *trial, const char *to, const char *input,
               const struct trial_record *record, struct error *err);
// Event time has come to `time` (INT64_MAX: the end) at node `to`, or at every source when NULL.
// `split` >= 0: of that split of the source only.
int trial_watermark(struct trial *trial, const char *to, const char *input, int64_t split,
                    int64_t time, struct error *err);
int trial_idle(struct trial *trial, const char *to, const char *input, int64_t split, bool idle,
               struct error *err);
int trial_advance(struct trial *trial, int64_t ms, struct error *err); // processing time
int trial_clock(struct trial *trial, int64_t wall_ms, struct error *err);
// All state is saved, thrown away and restored, as after a crash behind a checkpoint.
int trial_restart(struct trial *trial, struct error *err);
// What came out of "node" or "node.port" since the last time, one JSON text a line.
int trial_take(struct trial *trial, const char *from, struct buf *out, struct error *err);
int trial_watermark_of(struct trial *trial, const char *node, int64_t *out, struct error *err);
// The accounting invariant over all nodes.
int trial_account(struct trial *trial, struct error *err);
