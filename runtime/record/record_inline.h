// SPDX-License-Identifier: MIT
#pragma once
#include "record/name_hash.h"
#include "record/record.h"

// record_get for hot loops: plain strings and integers of up to 16 digits are read in place, the
// rest by a call. The same results as record_get.

struct value span_decode(struct batch *batch, const char *raw, struct span span);
// span_decode of a record's span.
struct value record_decode(struct batch *batch, const struct record *record, struct span span);

// Eight ASCII digits, the first in the lowest byte.
static inline uint64_t digits8(uint64_t v)
{
    v = (v & 0x0f0f0f0f0f0f0f0full) * 2561 >> 8;
    v = (v & 0x00ff00ff00ff00ffull) * 6553601 >> 16;
    return (v & 0x0000ffff0000ffffull) * 42949672960001ull >> 32;
}

// The integer that ends before `end`; the `before` bytes in front of it may be read. `len` counts
// digits and sign. False when it is not one of the simple ones.
static inline bool parse_int_fast(const char *end, uint32_t len, uint32_t before, int64_t *out)
{
    bool negative = end[-(int64_t)len] == '-';
    len -= negative;
    uint64_t value;
    if (len <= 8 && before >= 8) {
        uint32_t drop = 64 - 8 * len;
        value = digits8(load_u64(end - 8) >> drop << drop);
    } else if (len <= 16 && before >= 16) {
        uint32_t drop = 8 * (16 - len);
        value =
            digits8(load_u64(end - 16) >> drop << drop) * 100000000u + digits8(load_u64(end - 8));
    } else {
        return false;
    }
    *out = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

static inline struct value record_read(struct batch *batch, const struct record *record,
                                       int32_t slot)
{
    if (__builtin_expect(slot < 0, 0))
        return value_absent();
    if (record->cells && record->cells[slot].type != VALUE_UNSET)
        return record->cells[slot];
    if (slot >= record->wire)
        return value_absent();
    struct span span = record->spans[slot];
    if (span.kind == SPAN_STRING)
        return value_string(record->raw + span.at, span.len);
    int64_t i;
    uint32_t end = span.at + span.len;
    if (span.kind == SPAN_INT && parse_int_fast(record->raw + end, span.len, end, &i))
        return value_int(i);
    return record_decode(batch, record, span);
}

static inline struct value record_read_field(struct batch *batch, const struct record *record,
                                             struct field *field)
{
    return record_read(batch, record, field_slot(field, record->shape));
}
