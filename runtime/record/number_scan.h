// SPDX-License-Identifier: MIT
#pragma once
#include "record/record.h"
#include <stddef.h>
#include <string.h>

// The grammar of a JSON number, byte by byte, in one place: for the scalar reader, for parsing and
// for the fast readers when a number is not simple.

// Reads the number at text[0..len); *used = its bytes, *kind = SPAN_INT, SPAN_NUMBER or SPAN_DIGITS
// (an integer beyond int64). NULL, or what was expected at text[*used]. Its range is checked as
// well: it reads as a finite double.
const char *number_scan(const char *text, size_t len, size_t *used, enum span_kind *kind);

// Of a text of digits with optional minus and no leading zero.
static inline bool number_is_int64(const char *text, size_t len)
{
    size_t minus = *text == '-';
    if (len - minus < 19)
        return true;
    return len - minus == 19 &&
           memcmp(text + minus, minus ? "9223372036854775808" : "9223372036854775807", 19) <= 0;
}

// Of a text that is a JSON number. Beyond the smallest double it is 0. False: beyond the largest.
bool number_to_double(const char *text, size_t len, double *out);
