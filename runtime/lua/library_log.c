// SPDX-License-Identifier: MIT
#include "lua/sandbox.h"
#include "lua/vm.h"

#include <string.h>

// log.debug, info, warn, error (fmt, ...): string.format's rules; at most one line a second and
// level, the next one tells how many were held back. print(...) is log.info.

// The text of (fmt, ...) at the bottom of the stack. A record or other value for %s is fine.
static const char *format(lua_State *L) // (fmt, ...) -> text
{
    if (lua_gettop(L) == 1)
        return luaL_tolstring(L, 1, NULL); // fmt text
    luaL_checkstring(L, 1);
    lua_pushvalue(L, lua_upvalueindex(2)); // fmt ... string.format
    lua_insert(L, 1);                      // string.format fmt ...
    lua_call(L, lua_gettop(L) - 1, 1);     // text
    return lua_tostring(L, -1);
}

static int log_at(lua_State *L) // (fmt, ...); upvalues: level, string.format
{
    struct vm *vm = vm_of(L);
    enum log_level level = (enum log_level)lua_tointeger(L, lua_upvalueindex(1));
    luaL_checkany(L, 1);
    if (!log_enabled(level))
        return 0;
    const char *text = format(L); // text
    log_limited(&vm->log_limits[level], level, vm->node ? vm->node : "script", "%s", text);
    return 0;
}

static int print(lua_State *L) // (...)
{
    struct vm *vm = vm_of(L);
    int count = lua_gettop(L);
    luaL_Buffer line;
    luaL_buffinit(L, &line);
    for (int i = 1; i <= count; i++) {
        if (i > 1)
            luaL_addchar(&line, '\t');
        luaL_tolstring(L, i, NULL); // ... text
        luaL_addvalue(&line);       // ...
    }
    luaL_pushresult(&line); // ... line
    log_limited(&vm->log_limits[LOG_INFO], LOG_INFO, vm->node ? vm->node : "script", "%s",
                lua_tostring(L, -1));
    return 0;
}

void library_log(lua_State *L)
{
    static const char *const names[] = {
        [LOG_ERROR] = "error", [LOG_WARN] = "warn", [LOG_INFO] = "info", [LOG_DEBUG] = "debug"};
    lua_pushcfunction(L, print);   // globals print
    lua_setfield(L, -2, "print");  // globals
    lua_getfield(L, -1, "string"); // globals string
    lua_getfield(L, -1, "format"); // globals string format
    lua_remove(L, -2);             // globals format
    lua_createtable(L, 0, 4);      // globals format log
    for (int level = LOG_ERROR; level <= LOG_DEBUG; level++) {
        lua_pushinteger(L, level);         // globals format log level
        lua_pushvalue(L, -3);              // globals format log level format
        lua_pushcclosure(L, log_at, 2);    // globals format log function
        lua_setfield(L, -2, names[level]); // globals format log
    }
    lua_setfield(L, -3, "log"); // globals format
    lua_pop(L, 1);              // globals
}
