// SPDX-License-Identifier: MIT
#pragma once
#include <stdbool.h>
#include <stdint.h>

// A plugin whose allocations a test can make fail: the plugin's own objects, linked with nomem.c
// and the linker's --wrap, so that each malloc (strdup, opendir, pthread_create ...: whatever takes
// memory) goes through a counter first. Any thread.

// The n-th call from now on fails (1 = the next), once, or that one and all after it.
// n = 0 switches it off.
void nomem_fail_at(uint64_t n, bool and_all_after);
uint64_t nomem_fail_count(void); // failures since nomem_fail_at
int64_t nomem_live(void);        // allocations of the plugin that it did not free
// Takes part in the counting: true: the caller fails.
bool nomem_hit(void);
