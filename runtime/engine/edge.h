// SPDX-License-Identifier: MIT
#pragma once
#include "engine/link.h"

// An edge carries batches from a node's port to a node's input, in order. Inside a lane it is a
// short queue; when it is full the node before it does not run: that is the backpressure. One
// producer, one consumer, the same thread. Between two lanes each has an edge of its own at its end
// of a link, the producer to push, the consumer to pop.

enum { EDGE_SLOTS = 2 };

struct edge {
    struct batch *slots[EDGE_SLOTS];
    uint32_t head, count;
    bool held; // its barrier has come: nothing more is taken until the other inputs have theirs
    uint32_t input;    // of the plan's node that it leads to
    struct link *link; // NULL: both ends are in the same lane
};

static inline bool edge_full(const struct edge *edge)
{
    return edge->link ? link_full(edge->link) : edge->count == EDGE_SLOTS;
}

// Whether a batch of marks alone has no room.
static inline bool edge_marks_full(const struct edge *edge)
{
    return edge->link ? link_marks_full(edge->link) : edge->count == EDGE_SLOTS;
}

static inline void edge_push(struct edge *edge, struct batch *batch) // takes the reference
{
    if (edge->link)
        link_push(edge->link, batch);
    else
        edge->slots[(edge->head + edge->count++) % EDGE_SLOTS] = batch;
}

static inline struct batch *edge_pop(struct edge *edge) // NULL: empty
{
    if (edge->link)
        return link_pop(edge->link);
    if (!edge->count)
        return NULL;
    struct batch *batch = edge->slots[edge->head];
    edge->head = (edge->head + 1) % EDGE_SLOTS;
    edge->count--;
    return batch;
}

// Records that wait in it.
static inline uint64_t edge_records(const struct edge *edge)
{
    if (edge->link)
        return atomic_load_explicit(&edge->link->records, memory_order_relaxed);
    uint64_t n = 0;
    for (uint32_t i = 0; i < edge->count; i++)
        n += edge->slots[(edge->head + i) % EDGE_SLOTS]->count;
    return n;
}
