// SPDX-License-Identifier: MIT
#pragma once
#include "record/codec.h"
#include "record/codec_record.h"
#include "record/typed.h"

// Collects the members of a record whose names come with it: spans for what stands in its bytes,
// cells for what had escapes. The shape of the last record is tried first, name by name, so that a
// stream of like records looks no name up.

enum { COLLECT_MAX = 4096 }; // members of one record

struct collector {
    struct shape_table *shapes;
    const struct shape *guess; // of the last record, if it is interned
    uint32_t count;
    bool guessed; // all names so far are those of `guess`
    bool cells;   // some value is set
    struct shape_name names[COLLECT_MAX];
    struct span spans[COLLECT_MAX];
    struct value values[COLLECT_MAX]; // UNSET: the span says it
};

static inline void collect_start(struct collector *collector)
{
    collector->count = 0;
    collector->guessed = collector->guess != NULL;
    collector->cells = false;
}

// False: too many members. The name lives as long as the batch.
static inline bool collect(struct collector *collector, const char *name, uint32_t len,
                           struct span span, struct value value)
{
    uint32_t n = collector->count;
    if (n == COLLECT_MAX)
        return false;
    if (collector->guessed) {
        const struct shape *guess = collector->guess;
        collector->guessed = n < guess->count && guess->names[n].len == len &&
                             memcmp(guess->names[n].bytes, name, len) == 0;
    }
    collector->names[n] = (struct shape_name){.bytes = name, .len = len};
    collector->spans[n] = span;
    collector->values[n] = value;
    collector->cells |= value.type != VALUE_UNSET;
    collector->count++;
    return true;
}

// Makes the record of what was collected. 0 or ERR_NOMEM.
int collect_end(struct collector *collector, struct batch *batch, struct record *record);

// A line format: reads one line into the collector. ERR_DATA says what was expected, with the byte.

struct text_reader {
    struct collector *collector;
    struct batch *batch;
    const char *line; // without its end
    uint32_t len, at;
    struct error *err;
};

typedef int (*text_read_line)(struct text_reader *reader);

// A decoder of such lines. NULL when memory is out.
struct decoder *text_decoder_new(text_read_line read_line, struct shape_table *shapes,
                                 const struct json_limits *limits);
