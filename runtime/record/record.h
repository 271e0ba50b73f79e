// SPDX-License-Identifier: MIT
#pragma once
#include "record/shape.h"
#include "record/value.h"
#include <stddef.h>

// A record keeps the bytes it came in and a flat index over them; nothing is decoded before it is
// read, nothing is formatted before it is changed.
//
//   raw      {"device":"r1","bytes":120}       as it came, borrowed from the batch's chunk
//   shape    device, bytes                     names, shared by all records of that layout
//   spans    [where "r1" is] [where 120 is]    one per slot that came on the wire
//   cells    [unset] [INT 7]                   NULL until something is written; one per slot
//
// A read looks at the cell, then at the span. A write sets the cell, moving to an extended shape
// when the name is new. A record made from nothing has cells only (raw and spans NULL). The JSON
// writer copies the runs of untouched members from raw and formats set cells.
//
// A value on the wire that is no object ([1,2], "x") is a record with the single member `value`;
// decode `text` gives the single member `message`.
//
// Owned by its batch; one thread at a time.

enum span_kind {
    SPAN_NULL,
    SPAN_TRUE,
    SPAN_FALSE,
    SPAN_INT,     // digits with optional minus, no fraction or exponent: an int64
    SPAN_NUMBER,  // has a fraction or an exponent, or is -0; an integer beyond int64
    SPAN_DIGITS,  // an integer beyond int64 that reads as text
    SPAN_STRING,  // between the quotes; no escapes
    SPAN_ESCAPED, // between the quotes; has escapes
    SPAN_ARRAY,   // from [ to ]
    SPAN_OBJECT,  // from { to }
};

struct span {
    uint32_t name_at; // offset in raw of the member's opening quote
    uint32_t at;      // offset in raw of the value (strings: after the quote)
    uint32_t len : 28;
    uint32_t kind : 4;
};

enum record_flags {
    RECORD_TOMBSTONE = 1,    // no value at all (Kafka's null)
    RECORD_SHARED_CELLS = 2, // cells belong to several records: copied before a write
    RECORD_WHOLE = 4,        // raw is no object: its one member is the whole of raw
    RECORD_RETRACT = 8,      // takes back an earlier result (header op: retract)
    RECORD_RAW = 16,         // raw is no JSON text; spans are text, or numbers as in JSON
    RECORD_LINES = 32,       // raw has line breaks between its tokens: not to be copied as it is
    RECORD_BIG_TEXT = 64,    // integers beyond int64 in nested values read as text
    RECORD_TRUNCATED = 128,  // raw is the beginning of what is no record: of a dead letter only
};

struct header {
    const char *name; // NUL-terminated
    const char *bytes;
    uint32_t len;
};

// What few operators look at. Records without a key and headers share one of their split.
struct record_meta {
    const char *split; // name of the split; lives as long as the source. NULL: none
    const char *key;   // NULL: no key
    uint32_t key_len;
    uint32_t topic_len; // so much of `split` is the name of a topic; 0: it is of none
    uint32_t header_count;
    const struct header *headers;
};

#define TIME_NONE INT64_MIN

struct record {
    const char *raw;           // bytes as they came, or NULL
    const struct shape *shape; // never NULL
    const struct span *spans;  // of the first `wire` slots
    struct value *cells;       // shape->count of them (capacity may be larger), or NULL
    const struct record_meta *meta;
    int64_t time;   // event time, ms since 1970, or TIME_NONE
    int64_t offset; // in its split; -1 if the source has none
    uint32_t raw_len;
    uint32_t split; // index in its source
    uint16_t wire;  // slots that have spans
    uint16_t node;  // index of the source node in the plan
    uint16_t cell_cap;
    uint16_t flags;
};

struct batch;

// A record with no members, no time, no origin.
void record_init(struct record *record, const struct shape *empty);

// The value in a slot, decoded: numbers parsed, strings unescaped (into the batch's arena when
// they have escapes). Integers beyond int64 read as FLOAT or STRING, as the reader was told.
// VALUE_ABSENT for slot -1 and deleted
// members; type VALUE_UNSET is never returned. Arrays and objects come as JSON text or node.
struct value record_get(struct batch *batch, struct record *record, int32_t slot);
struct value record_field(struct batch *batch, struct record *record, struct field *field);
struct value record_name(struct batch *batch, struct record *record, const char *name,
                         uint32_t len);
// Writing. `value` is copied by value; its bytes must live as long as the batch (use batch_copy).
// VALUE_ABSENT deletes. 0, ERR_NOMEM, or ERR_LIMIT: more than SHAPE_MEMBERS_MAX members. A node
// that is written must be detached or a copy; it belongs to the record then.
int record_set(struct batch *batch, struct record *record, int32_t slot, struct value value);
int record_set_field(struct batch *batch, struct record *record, struct field *field,
                     struct value value);
int record_set_name(struct batch *batch, struct record *record, const char *name, uint32_t len,
                    struct value value);
// The exact number of members that are there (deleted ones not counted).
uint32_t record_members(const struct record *record);

// To try something and take it back: the state of the record before; rollback undoes every write
// since (also inside nested nodes). Costs nothing itself: the cells are copied by the first write
// behind the mark. Nodes entered before the mark are to be entered again after it.
struct record_mark {
    const struct shape *shape;
    struct value *cells;
    uint16_t cell_cap;
    uint16_t flags;
};
int record_mark(struct batch *batch, struct record *record, struct record_mark *mark);
void record_rollback(struct record *record, const struct record_mark *mark);
