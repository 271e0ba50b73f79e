// SPDX-License-Identifier: MIT
#include "lua/protect.h"
#include "lua/sandbox.h"
#include "lua/vm.h"

// pcall and xpcall for scripts. A limit that was reached, or the end of a call, goes through every
// pcall; a handler of xpcall runs after the error, as ordinary code that the time limit reaches
// (inside the error it would not). Coroutines may yield through both, as in Lua.

void protect_throw_on(lua_State *L, int status)
{
    struct vm *vm = vm_of(L);
    if (status == LUA_ERRMEM && vm->stop == VM_GO) {
        if (vm->stop_text[0])
            vm->stop = VM_MEMORY;
        else
            vm_stop(L, VM_NOMEM, "out of memory");
    }
    if (vm->stop != VM_GO) {
        lua_pushlightuserdata(L, VM_NULL); // … error
        lua_error(L);
    }
}

// A coroutine that waits inside of a pcall is not counted: see vm_raises_unseen.
static void catch_begin(lua_State *L)
{
    struct vm *vm = vm_of(L);
    vm->stop_text[0] = 0;
    vm->catching += L == vm->L;
}

static void catch_end(lua_State *L)
{
    struct vm *vm = vm_of(L);
    vm->catching -= L == vm->L;
}

static bool failed(int status)
{
    return status != LUA_OK && status != LUA_YIELD;
}

// pcall's stack: true results, or true … error.
static int after_call(lua_State *L, int status, lua_KContext context)
{
    (void)context;
    catch_end(L);
    if (!failed(status))
        return lua_gettop(L);
    protect_throw_on(L, status);
    lua_pushboolean(L, 0); // … error false
    lua_insert(L, -2);     // … false error
    return 2;
}

static int protected_call(lua_State *L) // (f, ...)
{
    luaL_checkany(L, 1);
    catch_begin(L);
    lua_pushboolean(L, 1); // f ... true
    lua_insert(L, 1);      // true f ...
    int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, after_call);
    return after_call(L, status, 0);
}

// The handler has run, itself protected: in Lua its errors are handled again until the stack is
// full; here its own error is the result.
static int after_handler(lua_State *L, int status, lua_KContext context) // … false result
{
    (void)context;
    catch_end(L);
    if (failed(status))
        protect_throw_on(L, status);
    return 2;
}

// xpcall's stack: f handler true results, or f handler … error.
static int after_call_with_handler(lua_State *L, int status, lua_KContext context)
{
    (void)context;
    if (!failed(status)) {
        catch_end(L);
        return lua_gettop(L) - 2;
    }
    protect_throw_on(L, status);
    lua_pushboolean(L, 0);                             // f handler … error false
    lua_insert(L, -2);                                 // f handler … false error
    lua_pushvalue(L, 2);                               // f handler … false error handler
    lua_insert(L, -2);                                 // f handler … false handler error
    status = lua_pcallk(L, 1, 1, 0, 0, after_handler); // f handler … false result
    return after_handler(L, status, 0);
}

static int protected_call_with_handler(lua_State *L) // (f, handler, ...)
{
    int count = lua_gettop(L);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    catch_begin(L);
    lua_pushboolean(L, 1); // f handler ... true
    lua_pushvalue(L, 1);   // f handler ... true f
    lua_rotate(L, 3, 2);   // f handler true f ...
    int status = lua_pcallk(L, count - 2, LUA_MULTRET, 0, 0, after_call_with_handler);
    return after_call_with_handler(L, status, 0);
}

void sandbox_protect(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"pcall", protected_call}, {"xpcall", protected_call_with_handler}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
