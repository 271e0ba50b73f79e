// SPDX-License-Identifier: MIT
#pragma once
#include "base/arena.h"
#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

// What a Lua function consists of, read from its own bytecode as lua_dump writes it (Lua 5.4.0 and
// later; another layout is refused). Only what this process dumped itself is read, never a
// script's bytes. Everything lives in the arena given.

struct dump_constant {
    const char *text; // NULL: no string
    size_t len;
};

struct dump_upvalue {
    bool of_parent; // a local of the function around, else one of its upvalues
    uint8_t index;
    const char *name; // "?" when unknown
};

struct dump_function {
    const char *source; // of the outermost: "=scripts/x.lua"
    uint32_t code_count, constant_count, upvalue_count, function_count;
    uint32_t *code;
    uint32_t *lines; // of each instruction
    struct dump_constant *constants;
    struct dump_upvalue *upvalues;
    struct dump_function *functions; // inside of it
};

// The Lua function on the top of the stack. 0, ERR_NOMEM, or ERR_BUG: not to be read. [-0, +0]
int dump_read(lua_State *L, struct arena *arena, struct dump_function *out);
