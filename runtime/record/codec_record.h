// SPDX-License-Identifier: MIT
#pragma once
#include "record/batch.h"
#include "record/codec.h"

// What decoders of bytes that are no JSON share.

enum { CODEC_SIZE_MAX = (1 << 28) - 1 }; // a span's length

static inline uint32_t codec_size_max(const struct json_limits *limits)
{
    return limits->size < CODEC_SIZE_MAX ? limits->size : CODEC_SIZE_MAX;
}

// `record` as the bytes, without members.
static inline void codec_start(struct record *record, const struct shape *shape, const char *bytes,
                               size_t len)
{
    record->raw = bytes;
    record->raw_len = (uint32_t)len;
    record->shape = shape;
    record->spans = NULL;
    record->wire = 0;
    record->cells = NULL;
    record->cell_cap = 0;
    record->flags &=
        (uint16_t) ~(RECORD_WHOLE | RECORD_LINES | RECORD_SHARED_CELLS | RECORD_BIG_TEXT);
    record->flags |= RECORD_RAW;
}

// The cell of a slot, for what no span can say. NULL when memory is out.
static inline struct value *codec_cell(struct batch *batch, struct record *record, uint32_t slot)
{
    uint32_t count = record->shape->count;
    if (!record->cells) {
        record->cells = ARENA_ARRAY(&batch->arena, struct value, count);
        if (!record->cells)
            return NULL;
        memset(record->cells, 0, count * sizeof *record->cells);
        record->cell_cap = (uint16_t)count;
    }
    return &record->cells[slot];
}

// The line without its end.
static inline size_t codec_trim_line(const char *bytes, size_t len)
{
    len -= len && bytes[len - 1] == '\n';
    return len - (len && bytes[len - 1] == '\r');
}
