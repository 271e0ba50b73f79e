// SPDX-License-Identifier: MIT
#pragma once
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

// What simdjson makes of a text, told piece by piece, depth first.
struct simdjson_teller {
    void *arg;
    void (*word)(void *arg, char kind); // n t f [ ] { }
    void (*integer)(void *arg, long long value);
    void (*number)(void *arg, double value);                            // and integers beyond int64
    void (*string)(void *arg, char kind, const char *text, size_t len); // kind: s, or k: a name
};

// 1: simdjson takes the text; 0: it refuses it; -1: for a number's range (it has no integers beyond
// 64 bits).
int simdjson_tell(const char *text, size_t len, const struct simdjson_teller *teller);

#ifdef __cplusplus
}
#endif
