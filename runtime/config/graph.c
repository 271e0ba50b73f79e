// SPDX-License-Identifier: MIT
#include "config/graph.h"
#include "base/error.h"

enum { DONE = UINT32_MAX };

struct state {
    const struct graph_edge *edges;
    uint32_t edge_count;
    uint32_t nodes;
    uint32_t *waits; // by node: edges from nodes that are not ordered yet; DONE: ordered
};

static void take(struct state *state, uint32_t node)
{
    state->waits[node] = DONE;
    for (uint32_t i = 0; i < state->edge_count; i++)
        if (state->edges[i].from == node && state->waits[state->edges[i].to] != DONE)
            state->waits[state->edges[i].to]--;
}

static uint32_t next_free(const struct state *state)
{
    for (uint32_t i = 0; i < state->nodes; i++)
        if (state->waits[i] == 0)
            return i;
    return DONE;
}

// A node that leads to `node` and is not ordered: there is one for each that is left.
static uint32_t predecessor(const struct state *state, uint32_t node)
{
    for (uint32_t i = 0; i < state->edge_count; i++)
        if (state->edges[i].to == node && state->waits[state->edges[i].from] != DONE)
            return state->edges[i].from;
    return DONE;
}

// Walks backwards from any node left until one comes again.
static uint32_t find_circle(const struct state *state, uint32_t *order, uint32_t *seen)
{
    uint32_t node = 0, steps = 0;
    while (state->waits[node] == DONE)
        node++;
    for (uint32_t i = 0; i < state->nodes; i++)
        seen[i] = DONE;
    for (; seen[node] == DONE; node = predecessor(state, node)) {
        seen[node] = steps;
        order[steps++] = node;
    }
    uint32_t first = seen[node], count = steps - first;
    for (uint32_t i = 0; i < count; i++)
        seen[i] = order[first + i];
    for (uint32_t i = 0; i < count; i++)
        order[i] = seen[count - 1 - i];
    order[count] = order[0];
    return count;
}

int graph_order(struct arena *arena, uint32_t nodes, const struct graph_edge *edges,
                uint32_t edge_count, uint32_t *order, uint32_t *circle)
{
    struct state state = {.edges = edges,
                          .edge_count = edge_count,
                          .nodes = nodes,
                          .waits = ARENA_ARRAY(arena, uint32_t, nodes + 1)};
    uint32_t *seen = ARENA_ARRAY(arena, uint32_t, nodes + 1);
    *circle = 0;
    if (!state.waits || !seen)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < nodes; i++)
        state.waits[i] = 0;
    for (uint32_t i = 0; i < edge_count; i++)
        state.waits[edges[i].to]++;
    for (uint32_t i = 0; i < nodes; i++) {
        uint32_t node = next_free(&state);
        if (node == DONE) {
            *circle = find_circle(&state, order, seen);
            return 0;
        }
        order[i] = node;
        take(&state, node);
    }
    return 0;
}
