// SPDX-License-Identifier: MIT
#pragma once
#include "base/arena.h"
#include "lua/script.h"
#include <lua.h>

// `agg { total = agg.sum "bytes", finish = function … }`: what the script said, read out of Lua, so
// that it runs natively.

// True when the value at `index` is what `agg {...}` returned.
bool agg_is(lua_State *L, int index);
// The columns in the order of their names; texts live in `arena`. Raises what is wrong with them.
uint32_t agg_read(lua_State *L, int index, struct arena *arena, struct agg_column **out);
