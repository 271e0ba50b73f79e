// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "base/error.h"

// Conditions as they are written, `status >= 500 and string.lower(method) ~= "get"`, made into Lua
// in which the record is _ENV: a name is a field of it, unless it is called; then it belongs to the
// library, which stands in the upvalue CONDITION_LIBRARY. `r` is the record itself.

#define CONDITION_LIBRARY "library__"

// Appends the rewritten expression to `out`; the roots of what it calls, each followed by a NUL, to
// `calls`, and the fields it reads likewise to `fields`. ERR_INPUT: not an expression.
int condition_rewrite(const char *text, struct buf *out, struct buf *calls, struct buf *fields,
                      struct error *err);
