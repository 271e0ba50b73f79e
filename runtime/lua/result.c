// SPDX-License-Identifier: MIT
#include "lua/convert.h"
#include "lua/handle.h"
#include "lua/script_parts.h"

#include <stdio.h>

static void push_where(lua_State *L, struct script *script, enum script_function function)
{
    lua_Debug ar;
    lua_rawgeti(L, LUA_REGISTRYINDEX, script->refs[function]); // f
    lua_getinfo(L, ">S", &ar);                                 //
    lua_pushfstring(L, "%s:%d", ar.short_src, ar.linedefined); // where
}

static void nothing_returned(lua_State *L, struct script *script, enum script_function function)
{
    push_where(L, script, function); // where
    luaL_error(L,
               "%s: the function returned nothing (forgot 'return r'?); to discard a record, "
               "return drop",
               lua_tostring(L, -1));
}

static void wrong_type(lua_State *L, struct script *script, enum script_function function)
{
    const char *type = lua_touserdata(L, -1) == VM_NULL ? "null" : luaL_typename(L, -1);
    push_where(L, script, function); // where
    luaL_error(L,
               "%s: the function returned a %s; it has to return the record, a table of fields, or "
               "drop",
               lua_tostring(L, -1), type);
}

bool script_result(lua_State *L, struct script *script, enum script_function function,
                   struct batch *batch, struct record *record)
{
    struct vm *vm = &script->vm;
    const void *result = lua_touserdata(L, -1);
    if (__builtin_expect(result && result == vm->current, 1))
        return true;
    if (result == VM_DROP)
        return false;
    if (lua_isnil(L, -1))
        nothing_returned(L, script, function);
    if (lua_islightuserdata(L, -1) && result != VM_NULL && !vm_slot(vm, result))
        handle_stale(L, result);
    if (!convert_is_object(L, -1))
        wrong_type(L, script, function);
    convert_record(L, batch, -1, record);
    return true;
}
