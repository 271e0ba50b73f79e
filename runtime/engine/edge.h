// SPDX-License-Identifier: MIT
#pragma once
#include "record/batch.h"

// An edge carries batches from a node's port to a node's input, in order. Inside a lane it is a
// short queue; when it is full the node before it does not run: that is the backpressure. One
// producer, one consumer, the same thread.

enum { EDGE_SLOTS = 2 };

struct edge {
    struct batch *slots[EDGE_SLOTS];
    uint32_t head, count;
    bool held; // its barrier has come: nothing more is taken until the other inputs have theirs
};

static inline bool edge_full(const struct edge *edge)
{
    return edge->count == EDGE_SLOTS;
}

static inline void edge_push(struct edge *edge, struct batch *batch) // takes the reference
{
    edge->slots[(edge->head + edge->count++) % EDGE_SLOTS] = batch;
}

static inline struct batch *edge_pop(struct edge *edge) // NULL: empty
{
    if (!edge->count)
        return NULL;
    struct batch *batch = edge->slots[edge->head];
    edge->head = (edge->head + 1) % EDGE_SLOTS;
    edge->count--;
    return batch;
}
