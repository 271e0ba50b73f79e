// SPDX-License-Identifier: MIT
#pragma once
#include "record/shape.h"
#include <lua.h>
#include <stddef.h>

// From a Lua string to a field of the record layer, without hashing its bytes. Lua keeps one copy
// of each string of up to 40 bytes, so its address says which it is; the strings found here are
// anchored in the registry, so that no other string ever gets the address. Longer strings, and
// names beyond FIELDS_MAX (r["k" .. i]), are looked up by their bytes.

enum { FIELDS_MAX = 512, FIELDS_SLOTS = 1024, FIELDS_SHORT = 40 };

struct fields {
    struct {
        const char *key; // Lua's own bytes, or NULL
        struct field *field;
    } slots[FIELDS_SLOTS];
    uint32_t count;
    int anchor; // registry reference of the table that keeps the strings
};

int fields_init(struct fields *fields, lua_State *L); // may raise
void fields_deinit(struct fields *fields);
// A new entry; NULL: use the bytes. `index` is the string's place on the stack. May raise.
struct field *fields_add(struct fields *fields, lua_State *L, int index, const char *key,
                         size_t len);

static inline uint32_t fields_hash(const char *key)
{
    uintptr_t at = (uintptr_t)key;
    return (uint32_t)(at >> 4 ^ at >> 14) % FIELDS_SLOTS;
}

static inline struct field *fields_find(struct fields *fields, lua_State *L, int index,
                                        const char *key, size_t len)
{
    uint32_t at = fields_hash(key);
    if (__builtin_expect(fields->slots[at].key == key, 1))
        return fields->slots[at].field;
    return fields_add(fields, L, index, key, len);
}
