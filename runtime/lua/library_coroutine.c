// SPDX-License-Identifier: MIT
#include "lua/protect.h"
#include "lua/sandbox.h"
#include "lua/vm.h"

// Coroutines, as in Lua. The watchdog is told which one runs, so that the time limit reaches it; a
// limit ends all of them up to the call at work; their memory counts as all else; how deep they
// can resume each other is bounded with the C stack, by Lua itself. A coroutine that is kept in a
// variable outlives the call, the records that it knows do not.

static lua_State *coroutine_at(lua_State *L, int index)
{
    lua_State *co = lua_tothread(L, index);
    luaL_argexpected(L, co, index, "thread");
    return co;
}

static const char *status_of(lua_State *L, lua_State *co)
{
    if (L == co)
        return "running";
    lua_Debug frame;
    switch (lua_status(co)) {
    case LUA_YIELD:
        return "suspended";
    case LUA_OK:
        if (lua_getstack(co, 0, &frame))
            return "normal"; // it resumed the one that runs
        return lua_gettop(co) == 0 ? "dead" : "suspended";
    default:
        return "dead";
    }
}

static bool can_resume(lua_State *L, lua_State *co)
{
    const char *status = status_of(L, co);
    if (status[0] == 's')
        return true;
    lua_pushfstring(L, "cannot resume %s coroutine", status[0] == 'd' ? "dead" : "non-suspended");
    return false;
}

// Runs `co` with the `count` values on the top of L. The number of results on the top of L, or -1
// with the error there. May raise: a limit.
static int resume(lua_State *L, lua_State *co, int count)
{
    struct vm *vm = vm_of(L);
    if (!can_resume(L, co)) // … [text]
        return -1;
    if (!lua_checkstack(co, count)) {
        lua_pushliteral(L, "too many arguments to resume"); // … text
        return -1;
    }
    lua_xmove(L, co, count);
    vm->stop_text[0] = 0;
    int results = 0;
    watch_switch(&vm->watch, co);
    int status = lua_resume(co, L, count, &results);
    watch_switch(&vm->watch, L);
    bool failed = status != LUA_OK && status != LUA_YIELD;
    if (failed)
        protect_throw_on(L, status);
    vm_check_time(L);
    if (failed) {
        lua_xmove(co, L, 1); // … error
        return -1;
    }
    if (!lua_checkstack(L, results + 1)) {
        lua_pop(co, results);
        lua_pushliteral(L, "too many results to resume"); // … text
        return -1;
    }
    lua_xmove(co, L, results); // … results
    return results;
}

static int co_resume(lua_State *L) // (co, ...)
{
    lua_State *co = coroutine_at(L, 1);
    int count = resume(L, co, lua_gettop(L) - 1); // co results, or error
    lua_pushboolean(L, count >= 0);               // … success
    int kept = count >= 0 ? count : 1;
    lua_insert(L, -(kept + 1)); // success results
    return kept + 1;
}

static int co_create(lua_State *L) // (f)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_State *co = lua_newthread(L); // f co
    lua_pushvalue(L, 1);              // f co f
    lua_xmove(L, co, 1);              // f co
    return 1;
}

static int wrapped(lua_State *L) // (...); upvalue 1: the coroutine
{
    lua_State *co = lua_tothread(L, lua_upvalueindex(1));
    int count = resume(L, co, lua_gettop(L)); // results, or error
    if (count >= 0)
        return count;
    if (lua_type(L, -1) == LUA_TSTRING) { // with the place of this call
        luaL_where(L, 1);                 // error where
        lua_insert(L, -2);                // where error
        lua_concat(L, 2);                 // error
    }
    return lua_error(L);
}

static int co_wrap(lua_State *L) // (f)
{
    co_create(L);                    // f co
    lua_pushcclosure(L, wrapped, 1); // f wrapped
    return 1;
}

static int co_yield (lua_State *L) // (...)
{
    return lua_yield(L, lua_gettop(L));
}

static int co_status(lua_State *L) // (co)
{
    lua_pushstring(L, status_of(L, coroutine_at(L, 1))); // co status
    return 1;
}

static int co_isyieldable(lua_State *L) // (co)
{
    lua_State *co = lua_isnone(L, 1) ? L : coroutine_at(L, 1);
    lua_pushboolean(L, lua_isyieldable(co)); // … yieldable
    return 1;
}

static int co_running(lua_State *L)
{
    int main = lua_pushthread(L); // co
    lua_pushboolean(L, main);     // co main
    return 2;
}

// Without __close there is nothing that could run while a coroutine is closed.
static int co_close(lua_State *L) // (co)
{
    lua_State *co = coroutine_at(L, 1);
    const char *status = status_of(L, co);
    if (status[0] != 's' && status[0] != 'd')
        return luaL_error(L, "cannot close a %s coroutine", status);
    if (lua_resetthread(co) == LUA_OK) {
        lua_pushboolean(L, 1); // co true
        return 1;
    }
    lua_pushboolean(L, 0); // co false
    lua_xmove(co, L, 1);   // co false error
    return 2;
}

void library_coroutine(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"create", co_create},   {"resume", co_resume}, {"wrap", co_wrap},
        {"yield", co_yield },    {"status", co_status}, {"isyieldable", co_isyieldable},
        {"running", co_running}, {"close", co_close},   {NULL, NULL}};
    luaL_newlib(L, functions);        // globals coroutine
    lua_setfield(L, -2, "coroutine"); // globals
}
