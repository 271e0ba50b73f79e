// SPDX-License-Identifier: MIT
#pragma once
#include "record/value.h"
#include <stddef.h>

// A nested object or array that was entered: its members are indexed one level deep, on demand, in
// the batch's arena. As long as nothing in it is changed, `text` stays and is copied out as it was.
// A change clears `text` here and in every parent. Owned by the batch; one thread at a time.

struct batch;
struct record;
struct error;

struct node_member {
    const char *name; // objects: decoded; arrays: NULL
    uint32_t name_len;
    bool name_plain; // can stand between quotes as it is
    struct value value;
    const char *wire; // the value as it came, while it is untouched; else NULL
    uint32_t wire_len;
};

struct node {
    const char *text; // JSON text while untouched, else NULL
    uint32_t text_len;
    bool is_array;
    bool big_text; // integers beyond int64 in `text` read as text
    uint32_t count, cap;
    struct node_member *members;
    struct node *parent; // NULL at the top of a record's slot
    struct value *cell;  // top only: the record's cell that holds it, or NULL when detached
};

// Enters the array or object in a record's slot (turning its cell into a node; the record still
// counts as untouched), or the one inside another node. NULL when memory is out, or when the value
// there is neither.
struct node *node_enter(struct batch *batch, struct record *record, int32_t slot);
struct node *node_enter_member(struct batch *batch, struct node *node, uint32_t index);
struct node *node_new(struct batch *batch, bool is_array);
int node_make_room(struct batch *batch, struct node *node); // for one more member; or ERR_NOMEM

// Reads never change. VALUE_ABSENT when it is not there. Index from 0.
struct value node_get(struct batch *batch, struct node *node, const char *name, uint32_t len);
struct value node_at(struct batch *batch, struct node *node, uint32_t index);
// VALUE_ABSENT deletes (arrays: only the last element may be deleted). A write at index == count
// appends; beyond is ERR_INPUT. The value's bytes must live as long as the batch; a node in it must
// be detached or a copy (node_copy).
int node_set(struct batch *batch, struct node *node, const char *name, uint32_t len,
             struct value value);
int node_set_at(struct batch *batch, struct node *node, uint32_t index, struct value value);
// A deep copy in `batch`, detached. Also for values that are text.
int value_copy(struct batch *batch, struct value value, struct value *out);
