// SPDX-License-Identifier: MIT
#pragma once
#include "lua/script_parts.h"

// Accumulators and windows as arguments of a script's functions. Between calls an accumulator is
// JSON bytes, held by the runtime; in a call it is a handle over those bytes (or a number, a
// string), and is written again only when it has changed. May raise.

// Pushes the accumulator; its bytes stay borrowed until the call is over. Returns its node; NULL:
// a scalar. Call vm_begin before. [-0, +1]
struct node *acc_push(lua_State *L, struct script *script, const struct buf *acc);
// What the function returned, at the top of the stack, into `acc`; `node` is what acc_push gave
// for the accumulator in that buffer. [-0, +0]
void acc_store(lua_State *L, struct script *script, enum script_function function,
               const struct node *node, struct buf *acc);
// Pushes the window as a table: key, start, end, duration, pane. [-0, +1]
void acc_push_window(lua_State *L, struct script *script, const struct script_window *window);
// Forgets the values of the call before.
void acc_reset(struct script *script);
