// SPDX-License-Identifier: MIT
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Numbers as text. Doubles round-trip through their shortest form (std::to_chars and from_chars
// behind a shim of a few lines).

enum { NUMBER_TEXT_MAX = 32 };

size_t number_format_int(int64_t value, char out[NUMBER_TEXT_MAX]);
// Always reads back as a double: 50 is written 50.0. 0 when it is not finite.
size_t number_format_double(double value, char out[NUMBER_TEXT_MAX]);
// The whole text must be a JSON number. False: not one, or beyond int64 / a finite double.
bool number_parse_int(const char *text, size_t len, int64_t *out);
bool number_parse_double(const char *text, size_t len, double *out);
