// SPDX-License-Identifier: MIT
#pragma once
#include <stdbool.h>
#include <stddef.h>

// Memory as it is lent to a plugin for one call: it ends against a page that cannot be touched, and
// is read-only from lent_seal until lent_take_back, after which it cannot be touched at all. Its
// addresses are never used again. One thread.

// `len` bytes that end at the guard page. `what` ("a record's value") lives as long as the program.
void *lent_room(size_t len, const char *what);
void *lent_copy(const void *bytes, size_t len, const char *what);
void lent_seal(void);
void lent_take_back(void);
// What a touch of that address was: "reads 1 byte past the end of a record's value". False: it is
// not of lent memory. For a signal handler.
bool lent_explain(const void *address, char *out, size_t cap);
