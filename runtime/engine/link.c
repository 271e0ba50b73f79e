// SPDX-License-Identifier: MIT
#include "engine/link.h"

int link_init(struct link *link, size_t slots, struct waker *from, struct waker *to,
              struct shape_table *shapes)
{
    link->slots = slots;
    link->from = from;
    link->to = to;
    link->shapes = shapes;
    atomic_init(&link->records, 0);
    return ring_init(&link->ring, slots);
}

void link_deinit(struct link *link)
{
    struct batch *batch;
    while (link->ring.slots && (batch = ring_pop(&link->ring)))
        batch_unref(batch);
    ring_deinit(&link->ring);
}

bool link_full(const struct link *link)
{
    return ring_count(&link->ring) + 1 >= link->slots;
}

bool link_marks_full(const struct link *link)
{
    return ring_count(&link->ring) >= link->slots;
}

void link_push(struct link *link, struct batch *batch)
{
    atomic_fetch_add_explicit(&link->records, batch->count, memory_order_relaxed);
    ring_push(&link->ring, batch);
    waker_wake(link->to);
}

struct batch *link_pop(struct link *link)
{
    struct batch *batch = ring_pop(&link->ring);
    if (!batch)
        return NULL;
    batch->shapes = link->shapes;
    atomic_fetch_sub_explicit(&link->records, batch->count, memory_order_relaxed);
    waker_wake(link->from);
    return batch;
}
