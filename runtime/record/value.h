// SPDX-License-Identifier: MIT
#pragma once
#include <stdbool.h>
#include <stdint.h>

// One datum inside a record: what a field reads as, and what is written into it. 16 bytes, passed
// by value. Bytes and nodes are borrowed: they live in the record's batch (arena or chunk).

struct node;

enum value_type {
    VALUE_UNSET = 0, // in a cell: not touched, look at the wire bytes; never returned by a read
    VALUE_ABSENT,    // no such member, or deleted
    VALUE_NULL,
    VALUE_BOOL,
    VALUE_INT,    // exact int64
    VALUE_FLOAT,  // a finite double
    VALUE_STRING, // UTF-8, decoded; `bytes`, `len`
    VALUE_ARRAY,  // `text` (JSON, untouched) or `node` (entered), see flags
    VALUE_OBJECT,
};

// Of arrays and objects.
enum value_flags {
    VALUE_IS_NODE = 1, // `node` is set; else `bytes`/`len` are JSON text
    VALUE_BIG_TEXT = 2 // integers beyond int64 in that text read as text
};

struct value {
    uint8_t type;
    uint8_t flags;
    uint32_t len; // of bytes
    union {
        bool b;
        int64_t i;
        double f;
        const char *bytes;
        struct node *node;
    };
};

static inline struct value value_absent(void)
{
    return (struct value){.type = VALUE_ABSENT};
}
static inline struct value value_null(void)
{
    return (struct value){.type = VALUE_NULL};
}
static inline struct value value_bool(bool b)
{
    return (struct value){.type = VALUE_BOOL, .b = b};
}
static inline struct value value_int(int64_t i)
{
    return (struct value){.type = VALUE_INT, .i = i};
}
static inline struct value value_float(double f)
{
    return (struct value){.type = VALUE_FLOAT, .f = f};
}
static inline struct value value_string(const char *bytes, uint32_t len)
{
    return (struct value){.type = VALUE_STRING, .len = len, .bytes = bytes};
}

const char *value_type_name(enum value_type type); // "integer", "number", "string", …
