// SPDX-License-Identifier: MIT
#include "lua/heap.h"
#include "base/alloc.h"

#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(TIDEMILL_PLAIN_HEAP)
enum { USE_SLABS = 0 };
#else
enum { USE_SLABS = 1 };
#endif

struct heap_slab {
    struct heap_slab *next;
    _Alignas(HEAP_STEP) char bytes[HEAP_SLAB];
};

struct heap_block {
    struct heap_block *next;
};

void heap_init(struct heap *heap)
{
    memset(heap, 0, sizeof *heap);
}

void heap_deinit(struct heap *heap)
{
    while (heap->slabs) {
        struct heap_slab *next = heap->slabs->next;
        mem_free(heap->slabs);
        heap->slabs = next;
    }
    heap_init(heap);
}

static int is_small(size_t size)
{
    return USE_SLABS && size <= HEAP_SMALL;
}

static size_t class_of(size_t size) // size >= 1
{
    return (size - 1) / HEAP_STEP;
}

// The rest of the slab that is left behind is at most HEAP_SMALL bytes; it goes to the list that it
// fits, so that nothing is lost.
static void keep_rest(struct heap *heap)
{
    size_t rest = (size_t)(heap->end - heap->at);
    if (rest < HEAP_STEP)
        return;
    struct heap_block *block = (struct heap_block *)(void *)heap->at;
    size_t list = rest / HEAP_STEP - 1;
    block->next = heap->lists[list];
    heap->lists[list] = block;
}

static void *cut(struct heap *heap, size_t list)
{
    size_t bytes = (list + 1) * HEAP_STEP;
    if ((size_t)(heap->end - heap->at) < bytes) {
        struct heap_slab *slab = mem_alloc(sizeof *slab);
        if (!slab)
            return NULL;
        keep_rest(heap);
        slab->next = heap->slabs;
        heap->slabs = slab;
        heap->at = slab->bytes;
        heap->end = slab->bytes + HEAP_SLAB;
    }
    void *block = heap->at;
    heap->at += bytes;
    return block;
}

static void *take(struct heap *heap, size_t size)
{
    if (!is_small(size))
        return mem_alloc(size);
    size_t list = class_of(size);
    struct heap_block *block = heap->lists[list];
    if (!block)
        return cut(heap, list);
    heap->lists[list] = block->next;
    return block;
}

static void give(struct heap *heap, void *ptr, size_t size)
{
    if (!is_small(size)) {
        mem_free(ptr);
        return;
    }
    struct heap_block *block = ptr;
    block->next = heap->lists[class_of(size)];
    heap->lists[class_of(size)] = block;
}

void *heap_move(struct heap *heap, void *ptr, size_t old_size, size_t size)
{
    if (!ptr)
        return size ? take(heap, size) : NULL;
    if (!size) {
        give(heap, ptr, old_size);
        return NULL;
    }
    if (!is_small(old_size) && !is_small(size))
        return mem_realloc(ptr, size);
    if (is_small(old_size) && is_small(size) && class_of(old_size) == class_of(size))
        return ptr;
    void *block = take(heap, size);
    if (!block)
        return NULL;
    memcpy(block, ptr, old_size < size ? old_size : size);
    give(heap, ptr, old_size);
    return block;
}
