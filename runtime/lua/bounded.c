// SPDX-License-Identifier: MIT
#include "lua/sandbox.h"
#include "lua/vm.h"

#include <string.h>

// Functions of Lua that can run long, or make much, inside C, where the time limit does not reach:
// each is called through a check of the size of its work. The original, a C function without
// upvalues, is the check's own upvalue 1 and is called directly.

enum {
    STRING_MAX = 1 << 20, // bytes of a pattern's subject, and of what string.rep makes
    ITEMS_MAX = 1000000,  // elements that table functions walk
    SORT_MAX = 100000
};

static int original(lua_State *L)
{
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

static int bounded_subject(lua_State *L) // find match gmatch gsub
{
    size_t len;
    if (lua_type(L, 1) == LUA_TSTRING && (lua_tolstring(L, 1, &len), len > STRING_MAX))
        return luaL_error(L, "string of %d bytes is too long for a pattern (limit %d)", (int)len,
                          STRING_MAX);
    return original(L);
}

static int bounded_rep(lua_State *L) // (s, n, sep)
{
    size_t len, sep = 0;
    luaL_checklstring(L, 1, &len);
    lua_Integer n = luaL_checkinteger(L, 2);
    if (!lua_isnoneornil(L, 3))
        luaL_checklstring(L, 3, &sep);
    if (n > 0 && (len + sep > STRING_MAX || n > STRING_MAX || (size_t)n * (len + sep) > STRING_MAX))
        return luaL_error(L, "string.rep would make more than %d bytes", STRING_MAX);
    return original(L);
}

static void check_range(lua_State *L, lua_Integer from, lua_Integer to)
{
    lua_Unsigned count = to < from ? 0 : (lua_Unsigned)to - (lua_Unsigned)from;
    if (count >= ITEMS_MAX)
        luaL_error(L, "more than %d elements", ITEMS_MAX);
}

static int bounded_concat(lua_State *L) // (t, sep, i, j)
{
    lua_Integer from = luaL_optinteger(L, 3, 1);
    lua_Integer to =
        lua_isnoneornil(L, 4) && !lua_isnoneornil(L, 1) ? luaL_len(L, 1) : luaL_optinteger(L, 4, 0);
    check_range(L, from, to);
    return original(L);
}

static int bounded_unpack(lua_State *L) // (t, i, j)
{
    lua_Integer from = luaL_optinteger(L, 2, 1);
    lua_Integer to =
        lua_isnoneornil(L, 3) && !lua_isnoneornil(L, 1) ? luaL_len(L, 1) : luaL_optinteger(L, 3, 0);
    check_range(L, from, to);
    return original(L);
}

static int bounded_move(lua_State *L) // (a, from, to, at, b)
{
    check_range(L, luaL_checkinteger(L, 2), luaL_checkinteger(L, 3));
    return original(L);
}

static int bounded_length(lua_State *L) // insert remove (t, ...)
{
    if (lua_type(L, 1) == LUA_TTABLE || lua_type(L, 1) == LUA_TLIGHTUSERDATA ||
        lua_type(L, 1) == LUA_TUSERDATA)
        check_range(L, 1, luaL_len(L, 1));
    return original(L);
}

static int bounded_sort(lua_State *L) // (t, less)
{
    if (!lua_isnoneornil(L, 1) && luaL_len(L, 1) > SORT_MAX)
        return luaL_error(L, "more than %d elements to sort", SORT_MAX);
    return original(L);
}

static void bound(lua_State *L, const char *name, lua_CFunction check) // library [-0, +0]
{
    lua_getfield(L, -1, name);     // library original
    lua_pushcclosure(L, check, 1); // library check
    lua_setfield(L, -2, name);     // library
}

void sandbox_bound(lua_State *L)
{
    lua_getfield(L, -1, "string"); // globals string
    bound(L, "find", bounded_subject);
    bound(L, "match", bounded_subject);
    bound(L, "gmatch", bounded_subject);
    bound(L, "gsub", bounded_subject);
    bound(L, "rep", bounded_rep);
    lua_pushnil(L);               // globals string nil
    lua_setfield(L, -2, "dump");  // globals string
    lua_pop(L, 1);                // globals
    lua_getfield(L, -1, "table"); // globals table
    bound(L, "concat", bounded_concat);
    bound(L, "unpack", bounded_unpack);
    bound(L, "move", bounded_move);
    bound(L, "insert", bounded_length);
    bound(L, "remove", bounded_length);
    bound(L, "sort", bounded_sort);
    lua_pop(L, 1); // globals
}
