// SPDX-License-Identifier: MIT
#pragma once
#include "config/tree.h"

enum { YAML_ALIASES_MAX = 100 }; // expanded in one file

// YAML text to a tree. Places name `file`, which must live as long as the tree, and the line unless
// `lines` is false (what is no file: --set, defaults of tables). Duplicate keys,
// tags and unknown aliases are added to `problems` and reading goes on; after a fault of the
// grammar or a limit it cannot, and the code is ERR_INPUT. *out is NULL for a file without content.
// ERR_NOMEM.
int yaml_read(struct tree **out, struct tree_pool *pool, const char *file, bool lines,
              const char *text, size_t len, struct problems *problems);
