// SPDX-License-Identifier: MIT
#pragma once
#include "record/json.h"

// The layout of a JSON text: what stands between its values. A text is cut into leaves, its plain
// values, and the bytes before each of them:
//
//   {"device":  "r1"  ,"at":{"x":  1  ,"y":  2  },"tags":  ["a"]  }
//   prefix      leaf  prefix       leaf prefix leaf prefix leaf    suffix
//
// A text whose prefixes are the same byte by byte, and whose leaves are valid values, is valid JSON
// of the same structure, so nothing but the leaves needs to be checked. An array of plain values is
// one leaf; other arrays and all objects are part of the prefixes (their number of members is fixed
// then).

enum { PREFIX_MAX = 64, LEAVES_MAX = 192, NESTED_MAX = 64 };

struct json_leaf {
    _Alignas(64) char prefix[PREFIX_MAX];
    uint64_t mask;    // one bit per byte of the prefix
    uint32_t len;     // of the prefix
    uint32_t name_at; // of the top-level member's quote, in the prefix
    uint32_t slot;    // of the top-level member, or `slots` when the leaf is inside one
    bool array_fits;  // an array here is not too deep
};

// A top-level member that is an object or an array made of prefixes.
struct json_nested {
    uint32_t slot;
    uint32_t kind;                    // SPAN_ARRAY, SPAN_OBJECT
    uint32_t first_leaf, name_at, at; // where it starts: offsets in that leaf's prefix
    uint32_t last_leaf, end;          // where it ends
};

struct json_layout {
    void *block; // what was allocated
    const struct shape *shape;
    uint32_t slots; // top-level members
    uint32_t leaf_count, nested_count;
    uint16_t flags; // of the record
    enum json_big_ints big_ints;
    uint32_t next; // index of the layout that came after this one last time
    uint64_t used; // when it matched last, in records
    struct json_nested nested[NESTED_MAX];
    struct json_leaf leaves[]; // and one more: the suffix
};

// What `text`, read as `record` (an object), looks like; NULL when it is too large for a layout or
// memory is out.
struct json_layout *json_layout_new(const char *text, uint32_t len, const struct record *record,
                                    const struct json_limits *limits);
void json_layout_free(struct json_layout *layout);
