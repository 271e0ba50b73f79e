// SPDX-License-Identifier: MIT
#include "lua/sandbox.h"
#include "config/problems.h"
#include "lua/kept.h"
#include "lua/vm.h"

#include <lualib.h>
#include <string.h>

// Addresses of these are keys in the registry.
static const char env_key, globals_key;

static int frozen_write(lua_State *L) // (view, key, value); upvalue 1: what it is
{
    const char *what = lua_tostring(L, lua_upvalueindex(1));
    const char *key = lua_isstring(L, 2) ? lua_tostring(L, 2) : "?";
    return luaL_error(L, "%s.%s cannot be assigned: %s is read-only", what, key, what);
}

static int frozen_len(lua_State *L) // upvalue 1: the table
{
    lua_pushinteger(L, (lua_Integer)lua_rawlen(L, lua_upvalueindex(1))); // n
    return 1;
}

static int frozen_next(lua_State *L) // (view, key); upvalue 1: the table
{
    lua_settop(L, 2);                        // view key
    if (!lua_next(L, lua_upvalueindex(1))) { // view [key value]
        lua_pushnil(L);                      // view nil
        return 1;
    }
    return 2;
}

static int frozen_pairs(lua_State *L) // (view); upvalue 1: the table
{
    lua_pushvalue(L, lua_upvalueindex(1)); // table
    lua_pushcclosure(L, frozen_next, 1);   // next
    lua_pushvalue(L, 1);                   // next view
    lua_pushnil(L);                        // next view nil
    return 3;
}

void sandbox_freeze(lua_State *L, const char *what)
{
    lua_newtable(L);                      // table view
    lua_createtable(L, 0, 6);             // table view meta
    lua_pushvalue(L, -3);                 // table view meta table
    lua_setfield(L, -2, "__index");       // table view meta
    lua_pushstring(L, what);              // table view meta what
    lua_pushcclosure(L, frozen_write, 1); // table view meta write
    lua_setfield(L, -2, "__newindex");    // table view meta
    lua_pushvalue(L, -3);                 // table view meta table
    lua_pushcclosure(L, frozen_len, 1);   // table view meta len
    lua_setfield(L, -2, "__len");         // table view meta
    lua_pushvalue(L, -3);                 // table view meta table
    lua_pushcclosure(L, frozen_pairs, 1); // table view meta pairs
    lua_setfield(L, -2, "__pairs");       // table view meta
    lua_pushboolean(L, 0);                // table view meta false
    lua_setfield(L, -2, "__metatable");   // table view meta
    lua_setmetatable(L, -2);              // table view
    lua_remove(L, -2);                    // view
}

// -- globals --

// Near names for an error: what there is, as far as it fits.
static const char *near_global(lua_State *L, const char *name) // [-0, +0]
{
    enum { MAX = 96 };
    const char *names[MAX + 1];
    int count = 0;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &globals_key); // globals
    lua_pushnil(L);                                  // globals key
    while (lua_next(L, -2)) {                        // globals key value
        if (count < MAX && lua_type(L, -2) == LUA_TSTRING)
            names[count++] = lua_tostring(L, -2);
        lua_pop(L, 1); // globals key
    }
    names[count] = NULL;
    lua_pop(L, 1); //
    return nearest_name(name, names);
}

static int undefined_global(lua_State *L) // (globals, name)
{
    if (lua_type(L, 2) != LUA_TSTRING)
        return 0;
    const char *name = lua_tostring(L, 2);
    const char *near = near_global(L, name);
    if (near)
        return luaL_error(L, "global '%s' is not defined; did you mean '%s'?", name, near);
    return luaL_error(L, "global '%s' is not defined", name);
}

static int assign_global(lua_State *L) // (env, name, value)
{
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?";
    if (!vm_of(L)->loading)
        return luaL_error(L,
                          "assignment to global '%s': globals are read-only once the script is "
                          "loaded; write 'local %s'",
                          name, name);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &globals_key); // env name value globals
    lua_insert(L, 2);                                // env globals name value
    lua_rawset(L, 2);                                // env globals
    return 0;
}

// Copies the named members of the table at `from` into the one on the top.
static void choose(lua_State *L, int from, const char *const *names) // [-0, +0]
{
    for (; *names; names++) {
        lua_getfield(L, from, *names); // to value
        lua_setfield(L, -2, *names);   // to
    }
}

static void add_base(lua_State *L) // globals [-0, +0]
{
    static const char *const names[] = {"assert", "ipairs",   "next",     "pairs",
                                        "select", "tonumber", "rawequal", "rawlen",
                                        "rawget", "tostring", "_VERSION", NULL};
    luaL_requiref(L, "_G", luaopen_base, 0); // globals base
    lua_insert(L, -2);                       // base globals
    choose(L, lua_absindex(L, -2), names);   // base globals
    lua_remove(L, -2);                       // globals
}

static void add_library(lua_State *L, const char *name, lua_CFunction open) // globals [-0, +0]
{
    luaL_requiref(L, name, open, 0); // globals library
    lua_setfield(L, -2, name);       // globals
}

static void freeze_member(lua_State *L, const char *name) // globals [-0, +0]
{
    lua_getfield(L, -1, name); // globals library
    sandbox_freeze(L, name);   // globals view
    lua_setfield(L, -2, name); // globals
}

// Methods of strings keep working, and nobody can replace them.
static void protect_strings(lua_State *L) // [-0, +0]
{
    lua_pushliteral(L, "");             // ""
    lua_getmetatable(L, -1);            // "" meta
    lua_pushboolean(L, 0);              // "" meta false
    lua_setfield(L, -2, "__metatable"); // "" meta
    lua_pop(L, 2);                      //
}

// What Lua's own openers left in the registry and its globals is of no use to a script.
static void forget_loaded(lua_State *L) // [-0, +0]
{
    lua_pushnil(L);                                       // nil
    lua_setfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE); //
    lua_newtable(L);                                      // {}
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);  //
}

static void make_env(lua_State *L) // globals -> [-1, +0]
{
    lua_newtable(L);                                 // globals meta
    lua_pushcfunction(L, undefined_global);          // globals meta function
    lua_setfield(L, -2, "__index");                  // globals meta
    lua_setmetatable(L, -2);                         // globals
    lua_newtable(L);                                 // globals env
    lua_newtable(L);                                 // globals env meta
    lua_pushvalue(L, -3);                            // globals env meta globals
    lua_setfield(L, -2, "__index");                  // globals env meta
    lua_pushcfunction(L, assign_global);             // globals env meta function
    lua_setfield(L, -2, "__newindex");               // globals env meta
    lua_pushboolean(L, 0);                           // globals env meta false
    lua_setfield(L, -2, "__metatable");              // globals env meta
    lua_setmetatable(L, -2);                         // globals env
    lua_rawsetp(L, LUA_REGISTRYINDEX, &env_key);     // globals
    lua_rawsetp(L, LUA_REGISTRYINDEX, &globals_key); //
}

void sandbox_open(lua_State *L)
{
    lua_newtable(L);                          // globals
    add_base(L);                              // globals
    add_library(L, "string", luaopen_string); // globals
    add_library(L, "table", luaopen_table);   // globals
    add_library(L, "math", luaopen_math);     // globals
    add_library(L, "utf8", luaopen_utf8);     // globals
    sandbox_protect(L);                       // globals
    sandbox_raise(L);                         // globals
    sandbox_metatables(L);                    // globals
    sandbox_bound(L);                         // globals
    library_pattern(L);                       // globals
    library_table(L);                         // globals
    library_coroutine(L);                     // globals
    protect_strings(L);                       // globals
    handle_open(L);                           // globals
    library_log(L);                           // globals
    library_time(L);                          // globals
    library_json(L);                          // globals
    library_agg(L);                           // globals
    library_state(L);                         // globals
    library_require(L);                       // globals
    library_scratch(L);                       // globals
    static const char *const frozen[] = {"string", "table", "math", "utf8",  "coroutine",
                                         "log",    "time",  "json", "state", NULL};
    for (const char *const *name = frozen; *name; name++)
        freeze_member(L, *name); // globals
    make_env(L);                 //
    forget_loaded(L);            //
}

void sandbox_push_env(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &env_key); // env
}

void sandbox_push_globals(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &globals_key); // globals
}

void sandbox_push_global(lua_State *L, const char *name)
{
    sandbox_push_globals(L); // globals
    lua_pushstring(L, name); // globals name
    lua_rawget(L, -2);       // globals value
    lua_remove(L, -2);       // value
}

void sandbox_define(lua_State *L, const char *name) // value
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &globals_key); // value globals
    lua_insert(L, -2);                               // globals value
    lua_pushstring(L, name);                         // globals value name
    lua_insert(L, -2);                               // globals name value
    lua_rawset(L, -3);                               // globals
    lua_pop(L, 1);                                   //
}
