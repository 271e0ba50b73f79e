// SPDX-License-Identifier: MIT
#pragma once
#include "base/error.h"
#include "record/record.h"

// A field's place in a record, as it is written in a pipeline: `device`, `site.rack.id`,
// `items.0.id` (in an array a number is an index, from 0). A dot that belongs to a name is written
// `\.`, a backslash `\\`. Compiled once per node and lane; reading through it neither changes the
// record nor enters its nested values. One thread at a time (it remembers slots).

struct path_step {
    const char *name; // decoded, NUL-terminated; owned by the path
    uint32_t len;
    int32_t index; // as an array index, or -1
};

struct path {
    struct field field; // the first step
    char *text;         // as written
    struct path_step *steps;
    uint32_t count; // at least 1
};

// ERR_INPUT with what is wrong in the text; ERR_NOMEM.
int path_compile(struct path *path, const char *text, struct error *err);
void path_deinit(struct path *path);

// VALUE_ABSENT when a step is missing or leads through something that is no object or array.
// Strings with escapes are decoded into the batch's arena.
struct value path_walk(struct batch *batch, struct record *record, struct path *path,
                       struct value top);
static inline struct value path_read(struct batch *batch, struct record *record, struct path *path)
{
    struct value top = record_field(batch, record, &path->field);
    return path->count == 1 ? top : path_walk(batch, record, path, top);
}
