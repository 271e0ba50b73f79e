// SPDX-License-Identifier: MIT
#pragma once
#include <lauxlib.h>
#include <lua.h>

// What a script can name. The globals are a chosen few of Lua's own (no io, os, debug, load,
// package, collectgarbage), many of them bounded, and the runtime's library. Scripts see them
// through read-only tables; a script can define globals of its own while it loads and none after.
//
// This limits accidents and the use of memory and time. It is no wall against a hostile author.

// Builds all of it in a new state. May raise (memory).
void sandbox_open(lua_State *L);
// Pushes the table that is the _ENV of scripts. [-0, +1]
void sandbox_push_env(lua_State *L);
// Pushes the table of all globals, which scripts never see, or one of them, or nil. [-0, +1]
void sandbox_push_globals(lua_State *L);
void sandbox_push_global(lua_State *L, const char *name);
// Defines a global, as only the runtime may. [-1, +0]
void sandbox_define(lua_State *L, const char *name);
// Replaces the table on the top of the stack by a read-only view of it. `what` names it in errors:
// "string", "conf". [-1, +1]
void sandbox_freeze(lua_State *L, const char *what);

// Parts, each of which adds to the globals table on the top of the stack. [-0, +0]
void sandbox_protect(lua_State *L);    // pcall xpcall
void sandbox_raise(lua_State *L);      // error
void sandbox_metatables(lua_State *L); // setmetatable getmetatable
void sandbox_bound(lua_State *L);      // string, utf8: what would run long inside C
void library_pattern(lua_State *L);    // string.find match gmatch gsub
void library_table(lua_State *L);      // table.concat insert move remove sort unpack
void library_coroutine(lua_State *L);  // coroutine
void handle_open(lua_State *L);        // the metatable of records, null, drop
void library_record(lua_State *L);     // has copy meta array type next
void library_log(lua_State *L);        // log, print
void library_time(lua_State *L);       // time
void library_json(lua_State *L);       // json
void library_agg(lua_State *L);        // agg
void library_state(lua_State *L);      // state
void library_require(lua_State *L);    // require
