// SPDX-License-Identifier: MIT
#pragma once
#include "lua/script_parts.h"

// What a script keeps between records in its own variables: lost when it stops or is replaced, and
// not replayed. State belongs to the runtime (aggregates, keyed state), a cache that may be lost
// into `scratch{…}`. After the file has run, the functions that records will reach are gone
// through, by their bytecode and the values that they hold: who assigns a variable of the file, or
// a field of a table that the file holds, or keeps a coroutine. A table that goes through a
// parameter, or through a function's result, is not followed.

// The places as texts: "scripts/x.lua:7: 'count' is kept between records". May raise (memory).
void kept_find(lua_State *L, struct script *script);
void library_scratch(lua_State *L); // scratch: adds to the globals on the top [-0, +0]
