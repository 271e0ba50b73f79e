// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "record/path.h"

// Keys as bytes. State, timers, key groups and checkpoints hang on this encoding, so it is fixed:
// the fields one after the other, each
//
//   1                      absent
//   2                      null
//   3, 4                   false, true
//   5 + 8 bytes            integer: two's complement with the sign bit flipped, big endian
//   6 + 8 bytes            other number: IEEE 754, big endian; negative: all bits flipped, else the
//                          sign bit; -0.0 is 0.0
//   7 + length + bytes     string; the length as LEB128 (7 bits a byte, lowest first)
//
// No encoding is a prefix of another's field, so that compounds are unambiguous, and 1, 1.0, "1",
// null and a compound of them are different keys. Arrays and objects are no keys (ERR_DATA).

enum { KEY_FIELDS_MAX = 16 };

// Appends the key of the record's fields to `out`. ERR_DATA names the field that is no key.
int key_encode(struct batch *batch, struct record *record, struct path *paths, uint32_t count,
               struct buf *out, struct error *err);
int key_encode_value(struct value value, struct buf *out);
// The fields of a key, at most `max`; strings point into it. Their number, or ERR_CORRUPT.
int key_decode(const char *key, size_t len, struct value *out, uint32_t max);
