// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "base/error.h"
#include "base/fault.h"

#include <stdlib.h>
#include <string.h>

// Counts always; it is touched once per allocation, which on the paths that matter is once per
// batch at most.
static struct fault fault;

static bool must_fail(void)
{
    return fault_hits(&fault);
}

void mem_fail_at(uint64_t n, bool and_all_after)
{
    fault_set(&fault, n, and_all_after);
}

uint64_t mem_calls(void)
{
    return atomic_load(&fault.calls);
}

uint64_t mem_fail_count(void)
{
    return atomic_load(&fault.failed);
}

void *mem_alloc(size_t size)
{
    return must_fail() ? NULL : malloc(size ? size : 1);
}

void *mem_zalloc(size_t size)
{
    return must_fail() ? NULL : calloc(1, size ? size : 1);
}

void *mem_array(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    return mem_alloc(bytes);
}

void *mem_realloc(void *old, size_t size)
{
    return must_fail() ? NULL : realloc(old, size ? size : 1);
}

int mem_grow(void *items_ptr, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap)
        return 0;
    size_t want = *cap ? *cap : 8;
    while (want < need) {
        if (__builtin_mul_overflow(want, (size_t)2, &want))
            return ERR_NOMEM;
    }
    size_t bytes;
    if (__builtin_mul_overflow(want, size, &bytes))
        return ERR_NOMEM;
    void *items;
    memcpy(&items, items_ptr, sizeof items); // items_ptr is the address of a pointer of any type
    items = mem_realloc(items, bytes);
    if (!items)
        return ERR_NOMEM;
    memcpy(items_ptr, &items, sizeof items);
    *cap = want;
    return 0;
}

char *mem_strndup(const char *text, size_t len)
{
    char *copy = mem_alloc(len + 1);
    if (!copy)
        return NULL;
    if (len)
        memcpy(copy, text, len);
    copy[len] = 0;
    return copy;
}

char *mem_strdup(const char *text)
{
    return mem_strndup(text, strlen(text));
}

void mem_free(void *ptr)
{
    free(ptr);
}
