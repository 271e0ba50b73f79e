// SPDX-License-Identifier: MIT
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The allocator seam: every allocation of the runtime goes through here. The functions behave as
// malloc and friends (mimalloc behind them in release builds) and can be told to fail, so that
// tests can walk through every failing call. Any thread.

void *mem_alloc(size_t size) __attribute__((malloc, alloc_size(1)));
void *mem_zalloc(size_t size) __attribute__((malloc, alloc_size(1)));
// count * size, checked for overflow; not zeroed.
void *mem_array(size_t count, size_t size) __attribute__((malloc, alloc_size(1, 2)));
void *mem_realloc(void *old, size_t size);
// Grows the array `*items` so that it holds at least `need` items of `size` bytes; doubles.
// 0, or ERR_NOMEM with *items and *cap untouched.
int mem_grow(void *items_ptr, size_t *cap, size_t need, size_t size);
char *mem_strdup(const char *text);
char *mem_strndup(const char *text, size_t len); // adds a NUL
void mem_free(void *ptr);                        // NULL is fine

// The n-th call from now on fails (1 = the next), once, or that one and all after it.
// n = 0 switches it off.
void mem_fail_at(uint64_t n, bool and_all_after);
uint64_t mem_calls(void);      // allocations so far
uint64_t mem_fail_count(void); // failures injected since mem_fail_at
