// SPDX-License-Identifier: MIT
#pragma once
#include "config/tree.h"

// Lays `defaults.sources` under each source, and so on, as weak items: a node whose type does not
// know one ignores it. `defaults` itself stays, for a check of its names. ERR_NOMEM, ERR_LIMIT.
int defaults_apply(struct tree_pool *pool, struct tree *top, struct problems *problems);
// The sections that hold nodes, NULL-terminated: connections, sources, operators, sinks.
extern const char *const section_names[];
