// SPDX-License-Identifier: MIT
#pragma once
#include "lua/vm.h"

// The one door into Lua. Whatever runs in a script's machine runs in here: protected, watched, and
// with its error turned into a value.

enum { CALL_PAUSED = 1, CALL_HALTED = 2 };

// Runs body(L) with `arg` as a light userdata at stack index 1. 0; CALL_PAUSED or CALL_HALTED when
// it was left by vm_stop with VM_PAUSE or VM_HALT; ERR_DATA: an error of the script, with
// script:line; ERR_LIMIT: the time or memory limit; ERR_NOMEM.
int call_protected(struct vm *vm, lua_CFunction body, void *arg, struct error *err);
// In parts, for who calls again and again: call_inside any number of times between the two.
void call_enter(struct vm *vm);
int call_inside(struct vm *vm, lua_CFunction body, void *arg, struct error *err);
void call_leave(struct vm *vm);
// Inside of a body: the function with its arguments on top of the main state's stack, protected by
// itself. 0, and its results are there; otherwise what call_inside would say, and the body goes on
// without. `handler` is where the body keeps call_on_error on its stack.
int call_guarded(struct vm *vm, int args, int results, int handler, struct error *err);
int call_on_error(lua_State *L);
