// SPDX-License-Identifier: MIT
#include "device.h"
#include <stdlib.h>

int heap_init(struct heap *heap, uint32_t room)
{
    heap->items = calloc(room ? room : 1, sizeof *heap->items);
    heap->count = 0;
    heap->room = room;
    return heap->items ? 0 : -1;
}

void heap_deinit(struct heap *heap)
{
    free(heap->items);
    heap->items = NULL;
}

static void place(struct heap *heap, uint32_t index, struct device *device)
{
    heap->items[index] = device;
    device->heap_index = index;
}

static void sift_up(struct heap *heap, struct device *device)
{
    uint32_t at = device->heap_index;
    while (at > 0 && heap->items[(at - 1) / 2]->at_ns > device->at_ns) {
        place(heap, at, heap->items[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    place(heap, at, device);
}

static void sift_down(struct heap *heap, struct device *device)
{
    uint32_t at = device->heap_index;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child + 1 < heap->count && heap->items[child + 1]->at_ns < heap->items[child]->at_ns)
            child++;
        if (child >= heap->count || heap->items[child]->at_ns >= device->at_ns)
            break;
        place(heap, at, heap->items[child]);
        at = child;
    }
    place(heap, at, device);
}

void heap_set(struct heap *heap, struct device *device, int64_t at_ns)
{
    device->at_ns = at_ns;
    if (device->heap_index == UINT32_MAX)
        place(heap, heap->count++, device);
    sift_up(heap, device);
    sift_down(heap, device);
}

void heap_remove(struct heap *heap, struct device *device)
{
    if (device->heap_index == UINT32_MAX)
        return;
    struct device *last = heap->items[--heap->count];
    if (last != device) {
        place(heap, device->heap_index, last);
        sift_up(heap, last);
        sift_down(heap, last);
    }
    device->heap_index = UINT32_MAX;
}

void queue_put(struct queue *queue, struct device *device)
{
    device->next = NULL;
    if (queue->last)
        queue->last->next = device;
    else
        queue->first = device;
    queue->last = device;
}

struct device *queue_take(struct queue *queue)
{
    struct device *device = queue->first;
    if (!device)
        return NULL;
    queue->first = device->next;
    if (!queue->first)
        queue->last = NULL;
    return device;
}
