// SPDX-License-Identifier: MIT
#pragma once
#include "record/name_hash.h"
#include "record/shape.h"

// How a shape is laid out: the struct, its names, its index and the bytes of the names in one
// piece, with 32 readable bytes behind each name. For shape.c and shape_table.c, and for readers
// that hash names as they go.

size_t shape_bytes(const struct shape_name *names, uint32_t count);
void shape_build(struct shape *shape, uint64_t id, const struct shape_name *names, uint32_t count);
bool shape_has_names(const struct shape *shape, const struct shape_name *names, uint32_t count);
uint64_t shape_names_hash(const struct shape_name *names, uint32_t count);
// shape_intern for who has the hash of the names already.
const struct shape *shape_intern_hashed(struct shape_table *table, struct arena *arena,
                                        const struct shape_name *names, uint32_t count,
                                        uint64_t hash);

// The hash of a list of names starts with their count.
static inline uint64_t shape_hash_add(uint64_t hash, uint64_t name)
{
    return hash_mix(hash ^ name, 0x8ebc6af09c88c6e3ull);
}
