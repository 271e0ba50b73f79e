// SPDX-License-Identifier: MIT
#include "base/ring.h"
#include "base/alloc.h"
#include "base/error.h"

#include <string.h>

int ring_init(struct ring *ring, size_t capacity)
{
    size_t size = 1;
    while (size < capacity) {
        if (size > SIZE_MAX / 2)
            return ERR_NOMEM;
        size *= 2;
    }
    memset(ring, 0, sizeof *ring);
    ring->slots = mem_array(size, sizeof *ring->slots);
    if (!ring->slots)
        return ERR_NOMEM;
    ring->mask = size - 1;
    return 0;
}

void ring_deinit(struct ring *ring)
{
    mem_free(ring->slots);
    ring->slots = NULL;
}

// Indexes only grow; their difference is the fill. The release store of one side's index pairs with
// the acquire load of the other's: a slot's content (and what it points to) is seen with it.
bool ring_push(struct ring *ring, void *item)
{
    size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    if (tail - ring->head_seen > ring->mask) {
        ring->head_seen = atomic_load_explicit(&ring->head, memory_order_acquire);
        if (tail - ring->head_seen > ring->mask)
            return false;
    }
    ring->slots[tail & ring->mask] = item;
    atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
    return true;
}

void *ring_pop(struct ring *ring)
{
    size_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    if (head == ring->tail_seen) {
        ring->tail_seen = atomic_load_explicit(&ring->tail, memory_order_acquire);
        if (head == ring->tail_seen)
            return NULL;
    }
    void *item = ring->slots[head & ring->mask];
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
    return item;
}

// From a third thread the two loads may be a moment apart: never negative, never above capacity.
size_t ring_count(const struct ring *ring)
{
    size_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    size_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    size_t count = tail - head;
    return count > ring->mask + 1 ? ring->mask + 1 : count;
}
