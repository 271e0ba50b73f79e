// SPDX-License-Identifier: MIT
#pragma once
#include "base/arena.h"
#include <stdint.h>

struct graph_edge {
    uint32_t from, to;
};

// Orders `nodes` so that each stands behind all that lead to it, otherwise as numbered. `order` has
// room for nodes + 1. When there is a circle, *circle is its length and `order` holds its nodes in
// the direction of the edges, the first one again at the end (not counted). 0 or ERR_NOMEM.
int graph_order(struct arena *arena, uint32_t nodes, const struct graph_edge *edges,
                uint32_t edge_count, uint32_t *order, uint32_t *circle);
