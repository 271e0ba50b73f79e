// SPDX-License-Identifier: MIT
#include "lua/sandbox.h"
#include "lua/vm.h"

// pcall, xpcall and setmetatable for scripts. A limit that was reached, or the end of a call, goes
// through every pcall; a handler of xpcall runs after the error, as ordinary code that the time
// limit reaches (inside the error it would not); objects have no finalizers, weak or closing
// modes: the time limit does not reach the first, and Debian's 5.4.4 has open faults in the rest.

// After a failed lua_pcall with the error on the top: throws on what scripts may not catch.
static void throw_on(lua_State *L, int status)
{
    struct vm *vm = vm_of(L);
    if (status == LUA_ERRMEM && vm->stop == VM_GO) {
        if (vm->stop_text[0])
            vm->stop = VM_MEMORY;
        else
            vm_stop(L, VM_NOMEM, "out of memory");
    }
    if (vm->stop != VM_GO)
        lua_error(L);
}

static int protected_call(lua_State *L) // (f, ...)
{
    luaL_checkany(L, 1);
    vm_of(L)->stop_text[0] = 0;
    int status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0); // results, or error
    if (status != LUA_OK) {
        throw_on(L, status);
        lua_pushboolean(L, 0); // error false
        lua_insert(L, 1);      // false error
        return 2;
    }
    lua_pushboolean(L, 1); // results true
    lua_insert(L, 1);      // true results
    return lua_gettop(L);
}

static int protected_call_with_handler(lua_State *L) // (f, handler, ...)
{
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_pushvalue(L, 2); // f handler ... handler
    lua_replace(L, 2);   // f handler ...
    lua_pushvalue(L, 1); // f handler ... f
    lua_insert(L, 3);    // f handler f ...
    vm_of(L)->stop_text[0] = 0;
    int status = lua_pcall(L, lua_gettop(L) - 3, LUA_MULTRET, 0); // f handler results, or error
    if (status != LUA_OK) {
        throw_on(L, status);
        lua_pushvalue(L, 2);   // f handler error handler
        lua_insert(L, -2);     // f handler handler error
        lua_call(L, 1, 1);     // f handler result
        lua_pushboolean(L, 0); // f handler result false
        lua_insert(L, -2);     // f handler false result
        return 2;
    }
    lua_pushboolean(L, 1); // f handler results true
    lua_insert(L, 3);      // f handler true results
    return lua_gettop(L) - 2;
}

static void refuse_member(lua_State *L, const char *name) // meta at 2
{
    lua_getfield(L, 2, name); // value
    if (!lua_isnil(L, -1))
        luaL_error(L, "a metatable with '%s' is not allowed", name);
    lua_pop(L, 1); //
}

static int set_metatable(lua_State *L) // (table, meta)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, lua_isnoneornil(L, 2) || lua_istable(L, 2), 2, "nil or table");
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
        return luaL_error(L, "cannot change a protected metatable");
    if (lua_istable(L, 2)) {
        static const char *const refused[] = {"__gc", "__mode", "__close", "__concat"};
        for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
            refuse_member(L, refused[i]);
    }
    lua_settop(L, 2);       // table meta
    lua_setmetatable(L, 1); // table
    return 1;
}

void sandbox_protect(lua_State *L)
{
    static const luaL_Reg functions[] = {{"pcall", protected_call},
                                         {"xpcall", protected_call_with_handler},
                                         {"setmetatable", set_metatable},
                                         {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
