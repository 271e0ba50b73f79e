// SPDX-License-Identifier: MIT
#include "lua/fields.h"
#include "base/alloc.h"
#include "base/error.h"
#include "record/utf8.h"

#include <lauxlib.h>
#include <string.h>

int fields_init(struct fields *fields, lua_State *L)
{
    memset(fields, 0, sizeof *fields);
    lua_newtable(L);                                 // anchors
    fields->anchor = luaL_ref(L, LUA_REGISTRYINDEX); //
    return 0;
}

void fields_deinit(struct fields *fields)
{
    for (uint32_t i = 0; i < FIELDS_SLOTS; i++)
        mem_free(fields->slots[i].field);
    memset(fields, 0, sizeof *fields);
}

struct field *fields_add(struct fields *fields, lua_State *L, int index, const char *key,
                         size_t len)
{
    if (len > FIELDS_SHORT || utf8_valid(key, len) != len)
        return NULL;
    uint32_t at = fields_hash(key);
    while (fields->slots[at].key && fields->slots[at].key != key)
        at = (at + 1) % FIELDS_SLOTS;
    if (fields->slots[at].key == key)
        return fields->slots[at].field;
    if (fields->count >= FIELDS_MAX)
        return NULL;
    index = lua_absindex(L, index);
    lua_rawgeti(L, LUA_REGISTRYINDEX, fields->anchor);  // anchors
    lua_pushvalue(L, index);                            // anchors key
    lua_rawseti(L, -2, (lua_Integer)fields->count + 1); // anchors; may raise, nothing held
    lua_pop(L, 1);                                      //
    struct field *field = mem_alloc(sizeof *field);
    if (!field)
        return NULL; // works without
    field_init(field, key, (uint32_t)len);
    fields->slots[at].key = key;
    fields->slots[at].field = field;
    fields->count++;
    return field;
}
