// SPDX-License-Identifier: MIT
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

// MessagePack, as its specification has it. A map with strings as keys is a record; another value
// is a record with the one member `value`. What JSON has no word for:
//
//   bin            text, which has to be UTF-8; or base64 of whatever it is (`bin: base64`)
//   timestamp      its text in RFC 3339, UTC, with as many digits behind the point as it needs
//   other ext      {"ext": type, "data": base64}
//   NaN, infinity  an error of the record
//   other keys     an error of the record
//
// Integers are exact up to int64; up to uint64 as `big_ints` says, as in JSON. Floats are written
// with 64 bits.

struct msgpack_options {
    bool bin_base64;
};
#define MSGPACK_OPTIONS_DEFAULT                                                                    \
    {                                                                                              \
        .bin_base64 = false                                                                        \
    }

enum msgpack_kind {
    MSGPACK_NEVER, // 0xc1
    MSGPACK_NIL,
    MSGPACK_FALSE,
    MSGPACK_TRUE,
    MSGPACK_INT,  // i
    MSGPACK_UINT, // u: beyond int64
    MSGPACK_FLOAT,
    MSGPACK_STR, // `size` bytes behind the head; likewise bin, ext
    MSGPACK_BIN,
    MSGPACK_EXT,
    MSGPACK_ARRAY, // `size` items behind the head
    MSGPACK_MAP,   // `size` pairs
};

struct msgpack_item {
    enum msgpack_kind kind;
    int8_t ext;
    uint32_t size;
    union {
        int64_t i;
        uint64_t u;
        double f;
    };
};

// The head of the item at the front: its bytes (1 to 9), or 0: more are needed.
uint32_t msgpack_head(const char *bytes, size_t len, struct msgpack_item *item);

struct buf;
struct error;

// An ext value as JSON text; `at` is where its head stands. ERR_DATA: a timestamp that is none.
int msgpack_put_ext(struct buf *json, int8_t type, const char *bytes, uint32_t len, size_t at,
                    struct error *err);
// Base64 of the bytes, without quotes.
int msgpack_put_base64(struct buf *out, const char *bytes, uint32_t len);
