// SPDX-License-Identifier: MIT
#pragma once
#include "config/topology.h"
#include "config/tree.h"

// The files, what they include, overlays and sets as one tree: merged, interpolated, without
// `include`, `x-...` and with `defaults` laid under each node. ERR_INPUT when there is no tree to
// go on with (said); other problems are only added. ERR_NOMEM.
int load_tree(struct tree **out, struct tree_pool *pool, const struct topology_input *input,
              struct problems *problems);
