// SPDX-License-Identifier: MIT
#pragma once
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Cuts a stream of bytes into messages without copying them. One framer a split. The caller keeps
// the bytes in one piece: it appends new bytes behind the unfinished rest and moves the rest to the
// front of the next chunk when a chunk is full.
//
//   newline   lines; a CR in front of the line break goes too
//   whole     all there is, up to the end
//   csv       lines, whose quoted fields may hold line breaks
//   length    each message behind its length in binary
//   octet     each behind its length in decimal digits and a space (RFC 6587, "octet counting"); a
//             message that starts with '<' is a line, as senders of syslog mix the two
//   msgpack   values of MessagePack, each of which says where it ends
//
// The byte order mark in front of a text (newline, whole, csv) is no part of it. After a length
// that cannot be one nothing is known of the rest: one error, and the rest is dropped.

enum framing {
    FRAMING_NEWLINE,
    FRAMING_WHOLE,
    FRAMING_CSV,
    FRAMING_LENGTH,
    FRAMING_OCTET,
    FRAMING_MSGPACK
};

struct framing_options {
    enum framing kind;
    char delimiter, quote; // csv; quote 0: there are none
    uint32_t prefix;       // length: bytes of the length, 1 to 8; 0: a varint as in protobuf
    bool little_endian;    // length
};
#define FRAMING_OPTIONS_DEFAULT                                                                    \
    {                                                                                              \
        .delimiter = ',', .quote = '"', .prefix = 4                                                \
    }

struct framer {
    struct framing_options options;
    size_t max;       // longest message
    size_t scanned;   // of the rest: bytes that hold no end, so that none is looked at twice
    uint64_t skip;    // bytes that are still to come: of a refused message (length, octet), of the
                      // value under way (msgpack)
    uint64_t pending; // msgpack: values that are still to come, of the message under way
    uint32_t csv;     // where in a line `scanned` is
    bool skipping;    // inside a line that was refused
    bool lost;        // nothing is known of the rest
    bool started;     // beyond the byte order mark
};

struct frame {
    const char *bytes; // without the delimiter (newline: a trailing CR is cut too)
    size_t len;
    size_t used;    // bytes taken from the front of the input, delimiter included
    size_t skipped; // of those: the rest of a message before this one, which was refused
};

void framer_init(struct framer *framer, enum framing kind, size_t max_bytes);
void framer_open(struct framer *framer, const struct framing_options *options, size_t max_bytes);
int framing_from_name(const char *name, enum framing *out, struct error *err);
// 1: a frame; 0: more bytes are needed; ERR_LIMIT: longer than max (the rest of that message is
// skipped by later calls, in silence); ERR_DATA: no length, or cut off at the end. The caller takes
// frame->used bytes off the front whatever the result: with 0 they are the part of a refused
// message. `at_end`: nothing follows, a last message without delimiter counts. A message may be
// empty (two newlines in a row).
int framer_next(struct framer *framer, const char *bytes, size_t len, int at_end,
                struct frame *frame, struct error *err);

// The other way: what stands in front of a message of `len` bytes. ERR_LIMIT: its length has more
// bytes than the prefix.
enum { FRAMING_PREFIX_MAX = 24 };
int framing_put_prefix(const struct framing_options *options, size_t len,
                       char out[FRAMING_PREFIX_MAX], size_t *used, struct error *err);
