// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "base/error.h"
#include "record/batch.h"
#include "record/node.h"

// JSON to records and back. The reader makes a flat index of the top-level members in one pass and
// checks the whole text strictly (RFC 8259: grammar, UTF-8, escapes, surrogates) on every path:
//
//   hint     the layout of a record before, compared name by name: the common case
//   bitmap   64 bytes at a time (AVX-512 or AVX2 by run-time dispatch; SSE2), when the hint fails
//   scalar   byte by byte, for text without CHUNK_PAD readable bytes behind it
//
// Numbers: int64 exact; fractions and exponents read as the nearest double, beyond the smallest one
// as 0; a number that no finite double can hold (1e999) is refused, as is an integer of that size.
// Integers beyond int64 as `big_ints` says. -0 is the double -0.0. What is not changed is written
// with the very digits that it came with.
//
// Duplicate members: all are kept on the wire, the last is read (also in nested objects), and a
// write leaves only one. A byte order mark is not JSON; framing passes over the one in front of a
// stream. Depth at most `depth` (128), length at most `size` (1 MiB), members of one object at most
// `members`.

enum json_big_ints {
    BIG_INTS_FLOAT, // read as the nearest double
    BIG_INTS_ERROR, // the record is refused
    BIG_INTS_STRING // read as their digits
};

struct json_limits {
    uint32_t depth;
    uint32_t size;    // bytes of one record
    uint32_t members; // of one object
    enum json_big_ints big_ints;
};
#define JSON_LIMITS_DEFAULT                                                                        \
    {                                                                                              \
        .depth = 128, .size = 1u << 20, .members = 4096                                            \
    }

struct json_reader; // remembers layouts; one thread at a time

struct json_reader *json_reader_new(struct shape_table *shapes, const struct json_limits *limits);
void json_reader_free(struct json_reader *reader);

// Indexes text[0..len) as `record` (raw, raw_len, shape, spans, wire, flags set; the rest left).
// `pad` = bytes that may be read behind the text (>= CHUNK_PAD: the fast paths). The text must live
// as long as the batch. ERR_DATA says what was expected and at which byte ("byte 17: …"); ERR_LIMIT
// likewise; ERR_NOMEM. Bytes are counted from 0. On an error the record keeps its raw bytes only.
int json_read(struct json_reader *reader, struct batch *batch, const char *text, size_t len,
              size_t pad, struct record *record, struct error *err);

// Members of nested text, one level: used by node_enter. `text` was checked before.
int json_index_node(struct batch *batch, struct node *node);

// Appends the record as one JSON text: untouched runs copied, set cells formatted. ERR_DATA names
// the member that cannot be written (NaN, infinity).
int json_write(struct batch *batch, const struct record *record, struct buf *out,
               struct error *err);
// One value; text of arrays and objects as it was.
int json_write_value(struct value value, struct buf *out, struct error *err);
// A string with its quotes, escaped as needed (input is valid UTF-8).
int json_write_string(const char *bytes, size_t len, struct buf *out);
// True when the record is as it came: its raw bytes are its JSON text.
bool record_untouched(const struct record *record);
