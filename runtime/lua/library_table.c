// SPDX-License-Identifier: MIT
#include "lua/sandbox.h"
#include "lua/sort.h"
#include "lua/vm.h"

// table.concat, insert, remove, move, unpack and sort, with the time limit reaching their loops.
// Arguments, results, metamethods and errors are Lua's.

enum { ITEMS_MAX = 1000000 }; // of unpack: what Lua's stack holds

enum { READ = 1, WRITE = 2, LENGTH = 4 };

static bool has(lua_State *L, const char *name) // metatable at -1 [-0, +0]
{
    lua_pushstring(L, name);                    // name
    bool there = lua_rawget(L, -2) != LUA_TNIL; // value
    lua_pop(L, 1);                              //
    return there;
}

// A table, or what behaves like one as far as needed (records and their arrays do).
static void check_table(lua_State *L, int index, int wanted)
{
    if (lua_istable(L, index))
        return;
    if (lua_getmetatable(L, index)) { // [meta]
        bool fine = (!(wanted & READ) || has(L, "__index")) &&
                    (!(wanted & WRITE) || has(L, "__newindex")) &&
                    (!(wanted & LENGTH) || has(L, "__len"));
        lua_pop(L, 1); //
        if (fine)
            return;
    }
    luaL_checktype(L, index, LUA_TTABLE);
}

static lua_Integer length(lua_State *L, int wanted)
{
    check_table(L, 1, wanted | LENGTH);
    return luaL_len(L, 1);
}

static void add_item(lua_State *L, luaL_Buffer *out, lua_Integer i)
{
    lua_geti(L, 1, i); // … value
    if (!lua_isstring(L, -1))
        luaL_error(L, "invalid value (%s) at index %I in table for 'concat'", luaL_typename(L, -1),
                   (LUAI_UACINT)i);
    luaL_addvalue(out); // …
    vm_check_time(L);
}

static int concat(lua_State *L) // (t, sep, i, j)
{
    lua_Integer last = length(L, READ);
    size_t len;
    const char *separator = luaL_optlstring(L, 2, "", &len);
    lua_Integer i = luaL_optinteger(L, 3, 1);
    last = luaL_optinteger(L, 4, last);
    luaL_Buffer out;
    luaL_buffinit(L, &out); // … [buffer]
    for (; i < last; i++) {
        add_item(L, &out, i);
        luaL_addlstring(&out, separator, len);
    }
    if (i == last)
        add_item(L, &out, i);
    luaL_pushresult(&out); // … text
    return 1;
}

// t[to] = t[from]
static void shift(lua_State *L, int source, lua_Integer from, int target, lua_Integer to)
{
    lua_geti(L, source, from); // value
    lua_seti(L, target, to);   //
    vm_check_time(L);
}

static int insert(lua_State *L) // (t, [pos,] value)
{
    // Wraps around like Lua's own sum.
    lua_Integer end = (lua_Integer)((lua_Unsigned)length(L, READ | WRITE) + 1);
    lua_Integer at = end;
    switch (lua_gettop(L)) {
    case 2:
        break;
    case 3:
        at = luaL_checkinteger(L, 2);
        luaL_argcheck(L, (lua_Unsigned)at - 1 < (lua_Unsigned)end, 2, "position out of bounds");
        for (lua_Integer i = end; i > at; i--)
            shift(L, 1, i - 1, 1, i);
        break;
    default:
        return luaL_error(L, "wrong number of arguments to 'insert'");
    }
    lua_seti(L, 1, at); // …
    return 0;
}

static int take_out(lua_State *L) // (t, pos)
{
    lua_Integer size = length(L, READ | WRITE);
    lua_Integer at = luaL_optinteger(L, 2, size);
    if (at != size)
        luaL_argcheck(L, (lua_Unsigned)at - 1 <= (lua_Unsigned)size, 2, "position out of bounds");
    lua_geti(L, 1, at); // … value
    for (; at < size; at++)
        shift(L, 1, at + 1, 1, at);
    lua_pushnil(L);     // … value nil
    lua_seti(L, 1, at); // … value
    return 1;
}

static int move(lua_State *L) // (a, from, to, at, b)
{
    lua_Integer from = luaL_checkinteger(L, 2);
    lua_Integer to = luaL_checkinteger(L, 3);
    lua_Integer at = luaL_checkinteger(L, 4);
    int target = lua_isnoneornil(L, 5) ? 1 : 5;
    check_table(L, 1, READ);
    check_table(L, target, WRITE);
    if (to >= from) {
        luaL_argcheck(L, from > 0 || to < LUA_MAXINTEGER + from, 3, "too many elements to move");
        lua_Integer count = to - from + 1;
        luaL_argcheck(L, at <= LUA_MAXINTEGER - count + 1, 4, "destination wrap around");
        if (at > to || at <= from || (target != 1 && !lua_compare(L, 1, target, LUA_OPEQ))) {
            for (lua_Integer i = 0; i < count; i++)
                shift(L, 1, from + i, target, at + i);
        } else {
            for (lua_Integer i = count; i-- > 0;)
                shift(L, 1, from + i, target, at + i);
        }
    }
    lua_pushvalue(L, target); // … target
    return 1;
}

static int unpack(lua_State *L) // (t, i, j)
{
    lua_Integer from = luaL_optinteger(L, 2, 1);
    lua_Integer to = lua_isnoneornil(L, 3) ? luaL_len(L, 1) : luaL_checkinteger(L, 3);
    if (from > to)
        return 0;
    lua_Unsigned count = (lua_Unsigned)to - (lua_Unsigned)from;
    if (count >= ITEMS_MAX || !lua_checkstack(L, (int)++count))
        return luaL_error(L, "too many results to unpack");
    for (lua_Unsigned i = 0; i < count; i++) {
        lua_geti(L, 1, (lua_Integer)((lua_Unsigned)from + i)); // … value
        vm_check_time(L);
    }
    return (int)count;
}

static int sort(lua_State *L) // (t, less)
{
    lua_Integer count = length(L, READ | WRITE);
    if (count < 2)
        return 0;
    if (!lua_isnoneornil(L, 2))
        luaL_checktype(L, 2, LUA_TFUNCTION);
    if (count > SORT_MAX)
        return luaL_error(L, "more than %d elements to sort", SORT_MAX);
    lua_settop(L, 2); // t less
    sort_items(L, (uint32_t)count);
    return 0;
}

void library_table(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"concat", concat}, {"insert", insert}, {"move", move}, {"remove", take_out},
        {"sort", sort},     {"unpack", unpack}, {NULL, NULL}};
    lua_getfield(L, -1, "table");   // globals table
    luaL_setfuncs(L, functions, 0); // globals table
    lua_pop(L, 1);                  // globals
}
