// SPDX-License-Identifier: MIT
#pragma once
#include <stddef.h>

// The C++ standard library's shortest formatting and exact parsing of doubles, for C.

#ifdef __cplusplus
extern "C" {
#endif

// At most 24 bytes, not terminated; the length.
size_t number_shim_format(double value, char *out);
// Of a text that is a JSON number: 0; 1 when it is out of range (*out untouched); -1 otherwise.
int number_shim_parse(const char *text, size_t len, double *out);

#ifdef __cplusplus
}
#endif
