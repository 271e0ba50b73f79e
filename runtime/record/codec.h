// SPDX-License-Identifier: MIT
#pragma once
#include "record/json.h"

// What turns a message's bytes into a record (decoder) and a record into bytes (encoder), by the
// name in the pipeline's YAML: json, text, none. One instance a node and lane.

struct decoder {
    // Fills raw, raw_len, shape, spans/cells, wire, flags. As json_read.
    int (*decode)(struct decoder *decoder, struct batch *batch, const char *bytes, size_t len,
                  size_t pad, struct record *record, struct error *err);
    void (*free)(struct decoder *decoder);
};

struct encoder {
    // The record as bytes: either borrowed from the record (*out set) or appended to `buf` (*out
    // NULL; the new bytes are buf->data + old len …).
    int (*encode)(struct encoder *encoder, struct batch *batch, struct record *record,
                  struct buf *buf, const char **out, size_t *out_len, struct error *err);
    void (*free)(struct encoder *encoder);
};

int decoder_new(struct decoder **out, const char *name, struct shape_table *shapes,
                const struct json_limits *limits, struct error *err);
int encoder_new(struct encoder **out, const char *name, struct error *err);
extern const char *const decoder_names[]; // NULL-terminated
extern const char *const encoder_names[];
