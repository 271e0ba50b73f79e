// SPDX-License-Identifier: MIT
#pragma once
#include "config/tree.h"

// Puts values into scalars, after parsing: what is put in never becomes structure.
//
//   ${X}  ${X:-default}  ${X:?message}  environment; unset (or empty, with the colon) as in a shell
//   ${file:/run/secrets/x}              a file's text without its last newline: a secret
//   $$                                  a dollar sign
//
// Defaults and messages may contain further ${...}. A `$` before anything else stands for itself.
// A scalar with something put in is plain text for typing, but never `null`. Relative paths start
// at the directory of the YAML file that names them.

enum { INTERPOLATE_TOTAL_MAX = 16 << 20, INTERPOLATE_SECRET_MAX = 64 << 10 };

struct interpolation {
    struct tree_pool *pool;
    struct problems *problems;
    size_t total; // bytes made so far
};

// All scalars of the tree (not its keys), in place. 0 (also with problems) or ERR_NOMEM.
int interpolate(struct interpolation *state, struct tree *tree);
