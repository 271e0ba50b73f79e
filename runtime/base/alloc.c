// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "base/error.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

// `calls` counts always; it is touched once per allocation, which on the paths that matter is once
// per batch at most.
static _Atomic uint64_t calls;
static _Atomic uint64_t fail_call; // number of the call that fails; 0: none
static _Atomic bool fail_rest;
static _Atomic uint64_t failed;

static bool must_fail(void)
{
    uint64_t call = atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed) + 1;
    uint64_t at = atomic_load_explicit(&fail_call, memory_order_relaxed);
    if (__builtin_expect(at == 0, 1))
        return false;
    if (call != at && !(call > at && atomic_load(&fail_rest)))
        return false;
    atomic_fetch_add(&failed, 1);
    return true;
}

void mem_fail_at(uint64_t n, bool and_all_after)
{
    atomic_store(&fail_call, 0);
    atomic_store(&failed, 0);
    atomic_store(&fail_rest, and_all_after);
    if (n)
        atomic_store(&fail_call, atomic_load(&calls) + n);
}

uint64_t mem_calls(void)
{
    return atomic_load(&calls);
}

uint64_t mem_fail_count(void)
{
    return atomic_load(&failed);
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
