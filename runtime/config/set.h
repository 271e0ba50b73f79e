// SPDX-License-Identifier: MIT
#pragma once
#include "config/tree.h"

// Lays "a.b.c=value" over the tree; the value is YAML (a scalar, [list] or {map}), `null` removes.
// A name with dots in it stands in double quotes: a."b.c"=value. Places of the value name the
// setting ("--set a.b.c"). ERR_INPUT: cannot be read (said). ERR_NOMEM, ERR_LIMIT.
int set_apply(struct tree_pool *pool, struct tree **tree, const char *set,
              struct problems *problems);
