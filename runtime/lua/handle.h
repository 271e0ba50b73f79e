// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "lua/vm.h"

// Records and their nested values as scripts hold them: light userdata of the call's number and a
// slot (vm.h), all with one metatable, so that handing over a record allocates nothing. `null` and
// `drop` are light userdata as well; using them as a record is an error that says so.

// Raises what is wrong with a handle that is not of the call at work. Does not return.
_Noreturn void handle_stale(lua_State *L, const void *handle);
// Pushes the content of `text` and gives it back; `rc` not 0: raises vm->last instead. [-0, +1]
void handle_push_buf(lua_State *L, struct buf *text, int rc);
