// SPDX-License-Identifier: MIT
#pragma once
#include <stddef.h>
#include <stdint.h>

// A heap of things that are due at a time: windows that fire, sessions that end, timers. What is
// due is a struct with a `struct due` in it; the heap holds pointers to these, so that one can be
// moved or taken out without a search. Ties go by `order`, the smaller first.
// One thread at a time.

struct due {
    int64_t at, order;
    uint32_t place; // in the heap
};

struct due_heap {
    struct due **items; // the one due first is items[0]
    uint32_t count;
    size_t cap;
};

void due_deinit(struct due_heap *heap);
// Makes room for one more. 0 or ERR_NOMEM.
int due_room(struct due_heap *heap);
void due_add(struct due_heap *heap, struct due *item); // after due_room
void due_move(struct due_heap *heap, struct due *item, int64_t at);
void due_drop(struct due_heap *heap, struct due *item);
static inline struct due *due_first(const struct due_heap *heap) // NULL: empty
{
    return heap->count ? heap->items[0] : NULL;
}
