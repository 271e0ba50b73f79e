// SPDX-License-Identifier: MIT
#pragma once
#include "lua/vm.h"
#include "record/node.h"

// Reading and writing nested objects and arrays, for both that belong to a record at work (handles)
// and those that were copied out of one (detached). May raise.

struct nested {
    struct batch *batch; // what the node's bytes live in
    struct node *node;
    int owner; // stack index of a detached value; 0: handles of the call at work
};

int nested_index(lua_State *L, struct nested *nested, int key);              // pushes the value
void nested_assign(lua_State *L, struct nested *nested, int key, int value); // [-0, +0]
uint32_t nested_len(const struct nested *nested);
// The first member at or behind *position: pushes key and value, moves *position behind it.
bool nested_next(lua_State *L, struct nested *nested, uint32_t *position);
bool nested_has(lua_State *L, struct nested *nested, int key);
// Position behind the member `key`, for `next`. Raises when there is none.
uint32_t nested_after(lua_State *L, struct nested *nested, int key);
// Pushes the JSON text of a value.
void nested_tostring(lua_State *L, struct node *node);
