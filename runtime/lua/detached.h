// SPDX-License-Identifier: MIT
#pragma once
#include "lua/vm.h"
#include "record/node.h"

// What copy(r) gives: a record, or a nested value, of its own, that Lua collects. Same rules as a
// record's. Its bytes count towards the memory limit.

// Pushes a copy of the value at `index`. [-0, +1]; may raise
void detached_copy(lua_State *L, int index);
// Pushes an array or object, given as JSON text that is copied. [-0, +1]; may raise
void detached_push_text(lua_State *L, struct value value);
// Pushes a nested value of the detached value at `owner`. [-0, +1]; may raise
void detached_push(lua_State *L, int owner, struct node *node);
// The node of the detached value at `index`; raises when it is none.
struct node *detached_node(lua_State *L, int index);
bool detached_is(lua_State *L, int index);
struct batch *detached_batch(lua_State *L, int index);
// Counts what a write to it has added; raises at the limit.
void detached_account(lua_State *L, int index);
