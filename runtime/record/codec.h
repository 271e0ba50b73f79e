// SPDX-License-Identifier: MIT
#pragma once
#include "record/csv.h"
#include "record/json.h"
#include "record/msgpack.h"
#include "record/regex.h"

// What turns a message's bytes into a record (decoder) and a record into bytes (encoder), by the
// name in the pipeline's YAML. One instance a node and lane.

enum { DECODE_NOTHING = 1 }; // the bytes were taken, but are no record: a header

struct decoder {
    // Fills raw, raw_len, shape, spans/cells, wire, flags. As json_read; or DECODE_NOTHING.
    // record->split says which split the bytes are of.
    int (*decode)(struct decoder *decoder, struct batch *batch, const char *bytes, size_t len,
                  size_t pad, struct record *record, struct error *err);
    // Both NULL when nothing is kept about a split. begin: it is read from its start (`saved` NULL)
    // or on from a position, of which these bytes are a part. save: appends such bytes; none: as
    // from the start.
    int (*split_begin)(struct decoder *decoder, uint32_t split, const char *saved, size_t len,
                       struct error *err);
    int (*split_save)(struct decoder *decoder, uint32_t split, struct buf *out);
    void (*free)(struct decoder *decoder);
};

struct encoder {
    // The record as bytes: either borrowed from the record (*out set) or appended to `buf` (*out
    // NULL; the new bytes are buf->data + old len …).
    int (*encode)(struct encoder *encoder, struct batch *batch, struct record *record,
                  struct buf *buf, const char **out, size_t *out_len, struct error *err);
    // Optional: what a stream begins with, known once a record was encoded. When `apart` is set
    // encode leaves it out; else it stands in front of the first record, on a line of its own.
    int (*preamble)(struct encoder *encoder, struct buf *out, struct error *err);
    bool apart;
    void (*free)(struct encoder *encoder);
};

// By name, with standard options; with others: decoder_open, encoder_open.
int decoder_new(struct decoder **out, const char *name, struct shape_table *shapes,
                const struct json_limits *limits, struct error *err);
int encoder_new(struct encoder **out, const char *name, struct error *err);
extern const char *const decoder_names[]; // NULL-terminated
extern const char *const encoder_names[];

// A format and its options. Names of columns, members and groups are borrowed and outlive the
// codec; the arrays of them are not used after the call.
struct codec_options {
    const char *name;
    enum json_big_ints big_ints; // json, msgpack
    struct csv_options csv;
    struct msgpack_options msgpack;
    struct regex_options regex;
};
#define CODEC_OPTIONS_DEFAULT                                                                      \
    {                                                                                              \
        .name = "json", .csv = CSV_OPTIONS_DEFAULT, .msgpack = MSGPACK_OPTIONS_DEFAULT,            \
        .regex = REGEX_OPTIONS_DEFAULT                                                             \
    }
int decoder_open(struct decoder **out, const struct codec_options *options,
                 struct shape_table *shapes, const struct json_limits *limits, struct error *err);
int encoder_open(struct encoder **out, const struct codec_options *options, struct error *err);
