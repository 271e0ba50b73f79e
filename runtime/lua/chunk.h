// SPDX-License-Identifier: MIT
#pragma once
#include "base/error.h"
#include <lua.h>
#include <stddef.h>

// Source files of Lua: read with a limit, text only, compiled with the sandbox's globals.

enum { CHUNK_FILE_MAX = 1 << 20 };

// The whole file in `*out` (mem_free). ERR_INPUT: not there, no file, too large.
int chunk_read(char **out, size_t *len, const char *path, const char *name, struct error *err);
// Compiles text; pushes the function. `name` is shown in errors; `first_line` is the number of the
// text's first line. Raises with the place of what is wrong. [-0, +1]
void chunk_compile(lua_State *L, const char *text, size_t len, const char *name, int first_line);
