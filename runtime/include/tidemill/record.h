/* SPDX-License-Identifier: MIT */
#pragma once
#include "tidemill/abi.h"

/* Records as they cross the border: in from sources, out to sinks. */

typedef struct tide_header {
    const char *name; /* NUL-terminated */
    tide_bytes value;
} tide_header;

enum {
    TIDE_MESSAGE_TOMBSTONE = 1, /* same as value.data == NULL, said on purpose */
    TIDE_MESSAGE_PADDED = 2     /* lend: 64 bytes behind the value may be read, whatever they are */
};

/* A whole message that a source hands over. Set struct_size; zero what you do not use. */
typedef struct tide_message {
    uint32_t struct_size;
    uint32_t split;  /* id of the split it comes from, as given by assign */
    int64_t offset;  /* place in the split, or TIDE_NO_OFFSET */
    int64_t time_ms; /* the system's own time stamp, or TIDE_NO_TIME */
    tide_bytes key, value;
    const tide_header *headers;
    uint32_t header_count;
    uint32_t flags;
} tide_message;

enum {
    TIDE_RECORD_FRAMED = 1 /* of a stream: where the value ends is told by itself or by what is in
                              front of it, so that no line break goes behind it */
};

/* A record that a sink is to write. Borrowed until `write` returns. */
typedef struct tide_record {
    uint32_t struct_size;
    uint32_t split;   /* where the record came from (0 for computed ones) */
    int64_t offset;   /* likewise, or TIDE_NO_OFFSET */
    int64_t time_ms;  /* event time, or TIDE_NO_TIME */
    tide_bytes value; /* encoded as the node's `encode` says; data NULL: tombstone */
    tide_bytes key;   /* the node's `key` template expanded, or the record's own key */
    const tide_header *headers;
    uint32_t header_count;
    uint32_t flags;
} tide_record;

typedef struct tide_batch {
    uint32_t struct_size;
    uint32_t count;
    uint32_t stride; /* bytes from one record to the next */
    uint32_t flags;
    const void *records;
} tide_batch;

static inline const tide_record *tide_record_at(const tide_batch *batch, uint32_t index)
{
    return (const tide_record *)(const void *)((const char *)batch->records +
                                               (size_t)index * batch->stride);
}

/* A field as a sink reads it by host->field. Text and JSON are borrowed until `write` returns. */
typedef enum tide_value_type {
    TIDE_VALUE_ABSENT,
    TIDE_VALUE_NULL,
    TIDE_VALUE_BOOL,
    TIDE_VALUE_INT,
    TIDE_VALUE_FLOAT,
    TIDE_VALUE_TEXT,
    TIDE_VALUE_JSON /* an array or object, as JSON text */
} tide_value_type;

typedef struct tide_value {
    int32_t type;
    int32_t boolean;
    int64_t integer;
    double number;
    tide_bytes text;
} tide_value;
