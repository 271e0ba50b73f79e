// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "lua/chunk.h"
#include "lua/sandbox.h"
#include "lua/vm.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

// require "geo.tables": the file lib/geo/tables.lua beside the script and nothing else, once a
// machine. Its source is held by a userdata while it is compiled.

static const char modules_key; // registry key: name -> value; false while it is being loaded

static void check_name(lua_State *L, const char *name)
{
    bool fresh = true; // at the start of a component
    for (const char *at = name; *at; at++) {
        bool letter = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || *at == '_';
        bool inner = (*at >= '0' && *at <= '9') || *at == '-';
        if (*at == '.' ? fresh : !(letter || (inner && !fresh)))
            luaL_error(L, "require: '%s' is no module name such as geo.tables", name);
        fresh = *at == '.';
    }
    if (fresh)
        luaL_error(L, "require: '%s' is no module name such as geo.tables", name);
}

static void make_path(lua_State *L, const char *name, char *path, size_t cap)
{
    const char *dir = vm_of(L)->lib_dir;
    if (!dir)
        luaL_error(L, "require: there is no lib directory for this script");
    int n = snprintf(path, cap, "%s/", dir);
    size_t len = n < 0 ? cap : (size_t)n;
    for (const char *at = name; *at && len < cap; at++)
        path[len++] = *at == '.' ? '/' : *at;
    if (len + 5 > cap)
        luaL_error(L, "require: the path of '%s' is too long", name);
    memcpy(path + len, ".lua", 5);
}

static int text_gc(lua_State *L) // (holder)
{
    char **text = lua_touserdata(L, 1);
    mem_free(*text);
    *text = NULL;
    return 0;
}

static char **push_holder(lua_State *L) // [-0, +1]
{
    char **text = lua_newuserdatauv(L, sizeof *text, 0); // holder
    *text = NULL;
    lua_createtable(L, 0, 1);      // holder meta
    lua_pushcfunction(L, text_gc); // holder meta gc
    lua_setfield(L, -2, "__gc");   // holder meta
    lua_setmetatable(L, -2);       // holder
    return text;
}

static void run_module(lua_State *L, const char *name) // [-0, +1]
{
    char path[PATH_MAX], shown[PATH_MAX];
    make_path(L, name, path, sizeof path);
    const char *file = path + strlen(vm_of(L)->lib_dir) + 1;
    (void)snprintf(shown, sizeof shown, "lib/%s", file);
    char **text = push_holder(L); // holder
    size_t len;
    struct error *err = &vm_of(L)->last;
    if (chunk_read(text, &len, path, shown, err) != 0)
        luaL_error(L, "require: %s", err->text);
    chunk_compile(L, *text, len, shown, 1); // holder chunk
    mem_free(*text);
    *text = NULL;
    lua_remove(L, -2); // chunk
    lua_call(L, 0, 1); // value
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);         //
        lua_pushboolean(L, 1); // true
    }
}

static int require(lua_State *L) // (name)
{
    const char *name = luaL_checkstring(L, 1);
    check_name(L, name);
    lua_settop(L, 1);                                // name
    lua_rawgetp(L, LUA_REGISTRYINDEX, &modules_key); // name modules
    lua_pushvalue(L, 1);                             // name modules name
    int type = lua_rawget(L, 2);                     // name modules value
    if (type == LUA_TBOOLEAN && !lua_toboolean(L, -1))
        return luaL_error(L, "require: '%s' requires itself", name);
    if (type != LUA_TNIL)
        return 1;
    if (!vm_of(L)->loading)
        return luaL_error(L, "require: only while the script loads, not in its functions");
    lua_settop(L, 2);      // name modules
    lua_pushvalue(L, 1);   // name modules name
    lua_pushboolean(L, 0); // name modules name false
    lua_rawset(L, 2);      // name modules
    run_module(L, name);   // name modules value
    lua_pushvalue(L, 1);   // name modules value name
    lua_pushvalue(L, -2);  // name modules value name value
    lua_rawset(L, 2);      // name modules value
    return 1;
}

void library_require(lua_State *L)
{
    lua_newtable(L);                                 // globals modules
    lua_rawsetp(L, LUA_REGISTRYINDEX, &modules_key); // globals
    lua_pushcfunction(L, require);                   // globals require
    lua_setfield(L, -2, "require");                  // globals
}
