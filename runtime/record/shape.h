// SPDX-License-Identifier: MIT
#pragma once
#include "record/value.h"
#include <stddef.h>

// A shape is an ordered list of member names: what records of one layout have in common, so that a
// record itself keeps no names. A member's place in it is its slot. Adding a member to a record
// moves it to the shape that has one name more (slots never move), as hidden classes do.
//
// Shapes are immutable. They are interned in a table (one per lane: not for two threads at once;
// the shapes themselves may be read by any). A table holds at most SHAPES_MAX, and SHAPE_BYTES_MAX
// of them, so that a stream of ever new names cannot eat the memory; what comes after
// that is made in the arena of the record's batch and dies with it. Every shape, interned or not,
// has an id that no other shape ever had: caches compare ids, never pointers.

enum { SHAPES_MAX = 4096, SHAPE_BYTES_MAX = 16 << 20, SHAPE_MEMBERS_MAX = 65000 };

struct arena;
struct error;

struct shape_name {
    const char *bytes; // UTF-8, decoded
    uint32_t len;
    bool plain; // can stand between quotes in JSON as it is
    uint64_t hash;
};

enum shape_flags {
    SHAPE_INTERNED = 1,   // lives as long as its table
    SHAPE_DUPLICATES = 2, // a name is there twice
    SHAPE_PLAIN = 4,      // all names are plain
};

struct shape {
    uint64_t id;
    uint32_t count;
    uint32_t flags;
    uint64_t hash;         // of all names in their order
    const uint16_t *index; // slot + 1 by hash of the name, when there are many; else NULL
    uint32_t index_mask;
    struct shape_name names[];
};

struct shape_table;

struct shape_table *shape_table_new(void);
void shape_table_free(struct shape_table *table);
const struct shape *shape_empty(struct shape_table *table); // no members
// The shape with exactly these names, in this order (duplicates allowed: the last one is found).
// `names` need only bytes and len; all is copied. NULL when memory is out (or the table is full and
// `arena` NULL).
const struct shape *shape_intern(struct shape_table *table, struct arena *arena,
                                 const struct shape_name *names, uint32_t count);
// `shape` with one more name at the end. NULL when memory is out.
const struct shape *shape_extend(struct shape_table *table, struct arena *arena,
                                 const struct shape *shape, const char *name, uint32_t len);
// Slot of the name (the last, if it is there twice), or -1.
int32_t shape_find(const struct shape *shape, const char *name, uint32_t len);

// A field that is looked up again and again: remembers the slot for the last few shapes.
enum { FIELD_MEMO = 4 };
struct field {
    const char *name; // borrowed; outlives the field
    uint32_t len;
    struct {
        uint64_t id; // 0: unused (no shape has id 0)
        int32_t slot;
    } memo[FIELD_MEMO];
};

void field_init(struct field *field, const char *name, uint32_t len);
int32_t field_resolve(struct field *field, const struct shape *shape);
static inline int32_t field_slot(struct field *field, const struct shape *shape)
{
    uint32_t at = (uint32_t)shape->id % FIELD_MEMO;
    if (__builtin_expect(field->memo[at].id == shape->id, 1))
        return field->memo[at].slot;
    return field_resolve(field, shape);
}
