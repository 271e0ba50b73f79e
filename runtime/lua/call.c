// SPDX-License-Identifier: MIT
#include "lua/call.h"
#include "base/alloc.h"

#include <stdio.h>
#include <string.h>

enum { TRACEBACK_MAX = 4096 };

// Whether a text begins with a place such as "x.lua:12: ", as those of Lua's compiler and of
// error() do. Those that C functions raise for other C functions have none.
static bool has_place(const char *text)
{
    const char *colon = strchr(text, ':');
    if (!colon || colon == text || colon[1] < '0' || colon[1] > '9')
        return false;
    return colon[1 + strspn(colon + 1, "0123456789")] == ':';
}

// What an error value says. Metamethods are not asked: they could loop where the time limit does
// not reach.
static void push_message(lua_State *L) // error -> [-0, +1]
{
    if (lua_type(L, 1) == LUA_TTABLE) {
        lua_pushliteral(L, "message"); // error "message"
        lua_rawget(L, 1);              // error message
        if (lua_type(L, -1) == LUA_TSTRING)
            return;
        lua_pop(L, 1); // error
    }
    bool text = lua_type(L, 1) == LUA_TSTRING;
    if (text && has_place(lua_tostring(L, 1))) {
        lua_pushvalue(L, 1); // … message
        return;
    }
    char where[VM_TEXT];
    vm_where(L, where, sizeof where);
    if (text || lua_type(L, 1) == LUA_TNUMBER) {
        lua_pushstring(L, where); // … where
        lua_pushvalue(L, 1);      // … where error
        lua_concat(L, 2);         // … message
        return;
    }
    lua_pushfstring(L, "%serror raised with a %s", where, luaL_typename(L, 1)); // … message
}

static void keep_traceback(lua_State *L)
{
    struct vm *vm = vm_of(L);
    if (vm->no_traceback)
        return;
    if (!vm->traceback)
        vm->traceback = mem_alloc(TRACEBACK_MAX);
    if (!vm->traceback)
        return;
    vm->traceback[0] = 0;
    luaL_traceback(L, L, NULL, 1); // text
    (void)snprintf(vm->traceback, TRACEBACK_MAX, "%s", lua_tostring(L, -1));
    lua_pop(L, 1); //
}

int call_on_error(lua_State *L) // (error)
{
    struct vm *vm = vm_of(L);
    if (vm->stop >= VM_PAUSE)
        return 1;
    if (!vm->raised_len)
        push_message(L); // error message
    keep_traceback(L);   // error [message]
    return 1;
}

// The message of an error that a script raised, as one line. By hand: errors come in storms.
static int set_message(struct error *err, const char *text, size_t len)
{
    if (!err)
        return ERR_DATA;
    error_begin(err, ERR_DATA);
    error_add(err, text, strnlen(text, len));
    return ERR_DATA;
}

static int take_message(struct vm *vm, struct error *err)
{
    size_t len = vm->raised_len;
    vm->raised_len = 0;
    if (len)
        return set_message(err, vm->raised, len);
    if (vm->no_text && err) {
        error_begin(err, ERR_DATA);
        return ERR_DATA;
    }
    const char *message = lua_tolstring(vm->L, -1, &len);
    return message ? set_message(err, message, len)
                   : error_set(err, ERR_DATA, "unknown error in the script");
}

static int outcome(struct vm *vm, int status, struct error *err)
{
    if (vm->stop == VM_GO && status == LUA_ERRMEM)
        vm->stop = vm->stop_text[0] ? VM_MEMORY : VM_NOMEM;
    switch (vm->stop) {
    case VM_PAUSE:
        return CALL_PAUSED;
    case VM_HALT:
        return CALL_HALTED;
    case VM_TIME:
        (void)error_set(err, ERR_LIMIT, "%s", vm->stop_text);
        (void)error_as(err, REASON_SCRIPT_TIME);
        return ERR_LIMIT;
    case VM_MEMORY:
        lua_gc(vm->L, LUA_GCCOLLECT);
        (void)error_set(err, ERR_LIMIT, "%s", vm->stop_text);
        (void)error_as(err, REASON_SCRIPT_MEMORY);
        return ERR_LIMIT;
    case VM_NOMEM:
        return error_nomem(err);
    case VM_GO:
        break;
    }
    int rc = take_message(vm, err);
    (void)error_as(err, vm->bad_syntax ? REASON_SCRIPT_SYNTAX : REASON_SCRIPT_ERROR);
    vm->bad_syntax = false;
    return rc;
}

void call_enter(struct vm *vm)
{
    watch_switch(&vm->watch, vm->L);
    watch_enter(&vm->watch);
}

void call_leave(struct vm *vm)
{
    watch_leave(&vm->watch);
}

static void begin(struct vm *vm)
{
    vm->stop = VM_GO;
    vm->catching = 0;
    vm->raised_len = 0;
    vm->stop_text[0] = 0;
    if (vm->traceback)
        vm->traceback[0] = 0;
}

static int end(struct vm *vm, int status, struct error *err)
{
    lua_sethook(vm->L, NULL, 0, 0);
    int rc = outcome(vm, status, err);
    vm->stop = VM_GO;
    return rc;
}

int call_inside(struct vm *vm, lua_CFunction body, void *arg, struct error *err)
{
    lua_State *L = vm->L;
    watch_switch(&vm->watch, L); // a coroutine may have run last
    begin(vm);
    int handler = vm->no_text ? 0 : 1;
    lua_pushcfunction(L, call_on_error);      // on_error
    lua_pushcfunction(L, body);               // on_error body
    lua_pushlightuserdata(L, arg);            // on_error body arg
    int status = lua_pcall(L, 1, 0, handler); // on_error [message]
    int rc = status == LUA_OK ? 0 : end(vm, status, err);
    lua_settop(L, 0); //
    vm->stop = VM_GO;
    vm_end(vm);
    return rc;
}

int call_guarded(struct vm *vm, int args, int results, int handler, struct error *err)
{
    lua_State *L = vm->L;
    begin(vm);
    int status = lua_pcall(L, args, results, vm->no_text ? 0 : handler); // results or message
    if (status == LUA_OK)
        return 0;
    watch_switch(&vm->watch, L);
    int rc = end(vm, status, err);
    lua_pop(L, 1); //
    return rc;
}

int call_protected(struct vm *vm, lua_CFunction body, void *arg, struct error *err)
{
    call_enter(vm);
    int rc = call_inside(vm, body, arg, err);
    call_leave(vm);
    return rc;
}
