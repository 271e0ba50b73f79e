// SPDX-License-Identifier: MIT
#pragma once
#include <lua.h>
#include <stdint.h>

enum { SORT_MAX = 500000 }; // elements: they are all on Lua's stack for a while

// Sorts elements 1 .. count of the table at stack index 1 by the function at index 2 (nil: <), of a
// stack of just these two. Merging, so that no function, however wrong, makes it read elsewhere or
// take long; equal elements keep their order. The time limit ends it; may raise.
void sort_items(lua_State *L, uint32_t count);
