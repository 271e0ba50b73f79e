// SPDX-License-Identifier: MIT
#include "lua/sandbox.h"
#include "lua/vm.h"

#include <string.h>

// error() for scripts: that of Lua, but the place is put in front of the message without a format
// and without strings in between, and not at all where nobody can see it. Errors come in storms.

static char *put(char *at, const char *bytes, size_t len)
{
    memcpy(at, bytes, len);
    return at + len;
}

// "x.lua:12: " and the message, as luaL_where says it; 0: no place, or too long.
static size_t write_placed(lua_State *L, int level, char out[VM_TEXT]) // message
{
    lua_Debug ar;
    size_t len;
    const char *message = lua_tolstring(L, 1, &len);
    if (!lua_getstack(L, level, &ar) || !lua_getinfo(L, "Sl", &ar) || ar.currentline <= 0)
        return 0;
    char digits[12], *digit = digits + sizeof digits;
    if (len > VM_TEXT - sizeof ar.short_src - sizeof digits - sizeof ":: ")
        return 0;
    for (int line = ar.currentline; line; line /= 10)
        *--digit = (char)('0' + line % 10);
    char *at = put(out, ar.short_src, strlen(ar.short_src));
    *at++ = ':';
    at = put(at, digit, (size_t)(digits + sizeof digits - digit));
    at = put(put(at, ": ", 2), message, len);
    return (size_t)(at - out);
}

static int raise_error(lua_State *L) // (message, level)
{
    struct vm *vm = vm_of(L);
    int level = (int)luaL_optinteger(L, 2, 1);
    bool out = vm_raises_out(vm, L);
    lua_settop(L, 1); // message
    if ((out && vm->no_text) || lua_type(L, 1) != LUA_TSTRING || level <= 0)
        return lua_error(L);
    vm->raised_len = write_placed(L, level, vm->raised);
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

void sandbox_raise(lua_State *L) // globals [-0, +0]
{
    lua_pushcfunction(L, raise_error); // globals error
    lua_setfield(L, -2, "error");      // globals
}
