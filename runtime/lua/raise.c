// SPDX-License-Identifier: MIT
#include "lua/sandbox.h"
#include "lua/vm.h"

#include <string.h>

// error() and assert() for scripts: those of Lua, but the place is put in front of the message
// without a format and without strings in between, and not at all where nobody can see it. Errors
// come in storms.

static const char raised_by; // the registry's key of vm->raised_by

// "x.lua:" of the function on top of the stack, in front of `raised`. It is made once for as long
// as the same function raises, which is kept for that: another one at its address would look alike.
static void write_source(lua_State *L, struct vm *vm, const void *function) // f [-1, +0]
{
    lua_Debug ar;
    lua_pushvalue(L, -1);                          // f f
    lua_rawsetp(L, LUA_REGISTRYINDEX, &raised_by); // f
    lua_getinfo(L, ">S", &ar);                     //
    size_t len = strlen(ar.short_src);
    memcpy(vm->raised, ar.short_src, len);
    vm->raised[len] = ':';
    vm->raised_source = len + 1;
    vm->raised_by = function;
    vm->raised_line = 0;
}

static void write_line(struct vm *vm, int line)
{
    char digits[12], *digit = digits + sizeof digits;
    for (int rest = line; rest; rest /= 10)
        *--digit = (char)('0' + rest % 10);
    size_t len = (size_t)(digits + sizeof digits - digit);
    memcpy(vm->raised + vm->raised_source, digit, len);
    memcpy(vm->raised + vm->raised_source + len, ": ", 2);
    vm->raised_place = vm->raised_source + len + 2;
    vm->raised_line = line;
}

// "x.lua:12: " and the message, as luaL_where says it, in `raised`; 0: no place, or too long.
static size_t write_placed(lua_State *L, struct vm *vm, int level) // message
{
    lua_Debug ar;
    if (!lua_getstack(L, level, &ar) || !lua_getinfo(L, "lf", &ar)) // message f
        return 0;
    const void *function = lua_topointer(L, -1);
    if (ar.currentline <= 0) {
        lua_pop(L, 1); // message
        return 0;
    }
    if (function == vm->raised_by)
        lua_pop(L, 1); // message
    else
        write_source(L, vm, function); // message
    if (ar.currentline != vm->raised_line)
        write_line(vm, ar.currentline);
    size_t len;
    const char *message = lua_tolstring(L, 1, &len);
    if (len > sizeof vm->raised - vm->raised_place)
        return 0;
    memcpy(vm->raised + vm->raised_place, message, len);
    return vm->raised_place + len;
}

static int raise(lua_State *L, int level) // (message)
{
    struct vm *vm = vm_of(L);
    bool out = vm_raises_out(vm, L);
    if ((out && vm->no_text) || lua_type(L, 1) != LUA_TSTRING || level <= 0)
        return lua_error(L);
    vm->raised_len = write_placed(L, vm, level);
    if (out && vm->raised_len)
        return lua_error(L); // with the message; what it says is in `raised`
    if (vm->raised_len) {
        lua_pushlstring(L, vm->raised, vm->raised_len); // message placed
    } else {
        luaL_where(L, level); // message place
        lua_insert(L, 1);     // place message
        lua_concat(L, 2);     // placed
    }
    vm->raised_len = 0;
    return lua_error(L);
}

static int raise_error(lua_State *L) // (message, level)
{
    int level = 1;
    if (lua_gettop(L) != 1) {
        level = (int)luaL_optinteger(L, 2, 1);
        lua_settop(L, 1); // message
    }
    return raise(L, level);
}

static int raise_unless(lua_State *L) // (condition, message, ...)
{
    if (lua_toboolean(L, 1))
        return lua_gettop(L);
    luaL_checkany(L, 1);
    lua_remove(L, 1); // message ...
    if (!lua_gettop(L))
        lua_pushliteral(L, "assertion failed!");
    lua_settop(L, 1); // message
    return raise(L, 1);
}

void sandbox_raise(lua_State *L) // globals [-0, +0]
{
    lua_pushcfunction(L, raise_error);  // globals error
    lua_setfield(L, -2, "error");       // globals
    lua_pushcfunction(L, raise_unless); // globals assert
    lua_setfield(L, -2, "assert");      // globals
}
