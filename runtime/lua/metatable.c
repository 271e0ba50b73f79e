// SPDX-License-Identifier: MIT
#include "lua/sandbox.h"
#include "lua/vm.h"

#include <string.h>

// setmetatable and getmetatable for scripts. Objects have no finalizers, weak or closing modes: the
// time limit does not reach the first, and Debian's 5.4.4 has open faults in the rest, in __concat
// too. What a metatable may not have cannot be put into it later either: a table that is used as a
// metatable ("meta") gets a hidden metatable of its own, which looks at every new name. It stands
// in for the one that the script gave to the meta, of which it has a copy, so that a change of a
// metatable's metatable counts from the next setmetatable on.
//
//   object -> meta            as the script says
//   meta -> hidden guard      __newindex looks at names; the events of what the script gave to the
//                             meta; at the key `given`, that itself

static const char given, plain_guard; // keys: in guards, in the registry

static const char *const refused[] = {"__gc", "__mode", "__close", "__concat"};
enum { REFUSED = sizeof refused / sizeof *refused };

static _Noreturn void refuse(lua_State *L, const char *name)
{
    luaL_error(L, "a metatable with '%s' is not allowed", name);
    __builtin_unreachable();
}

// New names of a table that is used as a metatable. There is no other way in: scripts have no
// rawset, and none of these names is there to be assigned.
static int guarded_write(lua_State *L) // (meta, key, value)
{
    if (lua_type(L, 2) == LUA_TSTRING && !lua_isnil(L, 3)) {
        const char *name = lua_tostring(L, 2);
        for (int i = 0; i < REFUSED; i++) {
            if (strcmp(name, refused[i]) == 0)
                refuse(L, name);
        }
    }
    if (lua_isnil(L, 2))
        return luaL_error(L, "table index is nil");
    if (lua_type(L, 2) == LUA_TNUMBER && lua_tonumber(L, 2) != lua_tonumber(L, 2))
        return luaL_error(L, "table index is NaN");
    lua_settop(L, 3);
    lua_rawset(L, 1); // meta
    return 0;
}

static void check_members(lua_State *L, int meta) // [-0, +0]
{
    for (int i = 0; i < REFUSED; i++) {
        lua_pushstring(L, refused[i]);       // name
        if (lua_rawget(L, meta) != LUA_TNIL) // value
            refuse(L, refused[i]);
        lua_pop(L, 1); //
    }
}

// Whether the table on the top is a guard. [-0, +0]
static bool is_guard(lua_State *L)
{
    bool is = lua_rawgetp(L, -1, &given) != LUA_TNIL; // table value
    lua_pop(L, 1);                                    // table
    return is;
}

// The guard of metas without a metatable, one for all. [-0, +1]
static void push_plain_guard(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &plain_guard) == LUA_TTABLE) // guard
        return;
    lua_pop(L, 1);                                   //
    lua_createtable(L, 0, 2);                        // guard
    lua_pushcfunction(L, guarded_write);             // guard write
    lua_setfield(L, -2, "__newindex");               // guard
    lua_pushboolean(L, 0);                           // guard false
    lua_rawsetp(L, -2, &given);                      // guard
    lua_pushvalue(L, -1);                            // guard guard
    lua_rawsetp(L, LUA_REGISTRYINDEX, &plain_guard); // guard
}

// A guard that behaves like the table at `index`. One that has a __newindex of its own keeps it: a
// script's function cannot write past it. [-0, +1]
static void push_guard_of(lua_State *L, int index)
{
    lua_createtable(L, 0, 4);    // guard
    lua_pushnil(L);              // guard nil
    while (lua_next(L, index)) { // guard name value
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
        if (strncmp(name, "__", 2) == 0) {
            lua_pushvalue(L, -2); // guard name value name
            lua_insert(L, -2);    // guard name name value
            lua_rawset(L, -4);    // guard name
        } else {
            lua_pop(L, 1); // guard name
        }
    }
    lua_pushliteral(L, "__newindex");        // guard "__newindex"
    if (lua_rawget(L, -2) == LUA_TNIL) {     // guard write
        lua_pushcfunction(L, guarded_write); // guard nil write
        lua_setfield(L, -3, "__newindex");   // guard nil
    }
    lua_pop(L, 1);              // guard
    lua_pushvalue(L, index);    // guard given
    lua_rawsetp(L, -2, &given); // guard
}

// From now on new names of the table at `meta` are looked at. [-0, +0]
static void guard(lua_State *L, int meta)
{
    if (!lua_getmetatable(L, meta)) { // [of meta]
        push_plain_guard(L);          // guard
        lua_setmetatable(L, meta);    //
        return;
    }
    if (!is_guard(L)) {                  // of meta
        push_guard_of(L, lua_gettop(L)); // of-meta guard
        lua_setmetatable(L, meta);       // of-meta
    }
    lua_pop(L, 1); //
}

// As lua_setmetatable, for a table that may be guarded. meta at index 2 may be nil.
static void set(lua_State *L) // (table, meta)
{
    bool guarded = lua_getmetatable(L, 1) && is_guard(L); // table meta [old]
    lua_settop(L, 2);                                     // table meta
    if (!guarded)
        lua_pushvalue(L, 2); // table meta meta
    else if (lua_isnil(L, 2))
        push_plain_guard(L); // table meta guard
    else
        push_guard_of(L, 2); // table meta guard
    lua_setmetatable(L, 1);  // table meta
}

static int set_metatable(lua_State *L) // (table, meta)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, lua_isnil(L, 2) || lua_istable(L, 2), 2, "nil or table");
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL) // … [protected]
        return luaL_error(L, "cannot change a protected metatable");
    lua_settop(L, 2); // table meta
    if (lua_istable(L, 2)) {
        check_members(L, 2);
        guard(L, 2);
    }
    set(L);
    lua_settop(L, 1); // table
    return 1;
}

static int get_metatable(lua_State *L) // (value)
{
    luaL_checkany(L, 1);
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL) // … protected
        return 1;
    if (!lua_getmetatable(L, 1)) { // … [meta]
        lua_pushnil(L);            // … nil
        return 1;
    }
    int type = lua_rawgetp(L, -1, &given); // … meta given
    if (type == LUA_TNIL)
        lua_pop(L, 1); // … meta
    else if (type != LUA_TTABLE)
        lua_pushnil(L); // … nil
    return 1;
}

void sandbox_metatables(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"setmetatable", set_metatable}, {"getmetatable", get_metatable}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
