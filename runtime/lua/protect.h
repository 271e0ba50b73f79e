// SPDX-License-Identifier: MIT
#pragma once
#include <lua.h>

// After a protected call or a resume that ended with `status`: throws on what no script may catch,
// a limit or the end of the call. Otherwise nothing.
void protect_throw_on(lua_State *L, int status);
