// SPDX-License-Identifier: MIT
#pragma once
#include "record/batch.h"

// Walking JSON text that has been checked: nothing here looks for errors, everything stays inside
// the text.

struct json_member {
    const char *name; // raw, between the quotes; NULL in arrays
    uint32_t name_len;
    bool name_escaped;
    struct span value; // offsets from the walk's text; name_at unused
};

struct json_walk {
    const char *text;
    uint32_t at, end;
    bool is_array;
    bool big_text; // integers beyond int64 are SPAN_DIGITS, else SPAN_NUMBER
};

// Over the members of the array or object at text[0..len).
void json_walk_start(struct json_walk *walk, const char *text, uint32_t len, bool big_text);
bool json_walk_next(struct json_walk *walk, struct json_member *member);

// The bytes of a string, unescaped in the arena; ABSENT when memory is out.
struct value json_text_unescape(struct batch *batch, const char *bytes, uint32_t len);
// Unescapes into `out` (at least `len` bytes); the length.
uint32_t json_unescape(const char *bytes, uint32_t len, char *out);
