// SPDX-License-Identifier: MIT
#pragma once
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

// 1: simdjson takes the text; 0: it refuses it; -1: for a number's range (it has no integers beyond
// 64 bits).
int simdjson_accepts(const char *text, size_t len);

#ifdef __cplusplus
}
#endif
