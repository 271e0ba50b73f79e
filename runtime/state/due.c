// SPDX-License-Identifier: MIT
#include "state/due.h"
#include "base/alloc.h"
#include "base/error.h"
#include <stdbool.h>

void due_deinit(struct due_heap *heap)
{
    mem_free(heap->items);
    *heap = (struct due_heap){0};
}

int due_room(struct due_heap *heap)
{
    return mem_grow(&heap->items, &heap->cap, (size_t)heap->count + 1, sizeof *heap->items);
}

static bool before(const struct due *a, const struct due *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void place(struct due_heap *heap, uint32_t at, struct due *item)
{
    heap->items[at] = item;
    item->place = at;
}

static void sift_up(struct due_heap *heap, struct due *item)
{
    uint32_t at = item->place;
    while (at > 0 && before(item, heap->items[(at - 1) / 2])) {
        place(heap, at, heap->items[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    place(heap, at, item);
}

static void sift_down(struct due_heap *heap, struct due *item)
{
    uint32_t at = item->place;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= heap->count)
            break;
        if (child + 1 < heap->count && before(heap->items[child + 1], heap->items[child]))
            child++;
        if (!before(heap->items[child], item))
            break;
        place(heap, at, heap->items[child]);
        at = child;
    }
    place(heap, at, item);
}

void due_add(struct due_heap *heap, struct due *item)
{
    item->place = heap->count++;
    sift_up(heap, item);
}

void due_move(struct due_heap *heap, struct due *item, int64_t at)
{
    bool later = at > item->at;
    item->at = at;
    if (later)
        sift_down(heap, item);
    else
        sift_up(heap, item);
}

void due_drop(struct due_heap *heap, struct due *item)
{
    uint32_t at = item->place;
    struct due *last = heap->items[--heap->count];
    if (last == item)
        return;
    place(heap, at, last);
    sift_up(heap, last);
    sift_down(heap, last);
}
