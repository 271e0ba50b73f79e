// SPDX-License-Identifier: MIT
#pragma once
#include "base/error.h"
#include "record/value.h"
#include <stddef.h>

// Points in time as they stand in records, to int64 milliseconds since 1970-01-01T00:00:00Z and
// back. What is finer than a millisecond is cut off towards the past (integers, RFC 3339) or
// rounded to the nearest (fractions: 1700000000.123 s is no exact double).
//
// A time outside the years 1 to 9999 is an error: it is nearly always a wrong unit, and one such
// record would close every window.

enum time_unit { TIME_S, TIME_MS, TIME_US, TIME_NS, TIME_RFC3339 };

#define TIME_MIN_MS INT64_C(-62135596800000) // 0001-01-01T00:00:00Z
#define TIME_MAX_MS INT64_C(253402300799999) // 9999-12-31T23:59:59.999Z

// "s", "ms", "us", "ns", "rfc3339", as in YAML. ERR_INPUT for another word.
int time_unit_parse(const char *text, enum time_unit *out);
const char *time_unit_name(enum time_unit unit);

// The value of an event-time field. Numbers may come as integers, fractions or strings of digits;
// RFC3339 as strings. ERR_DATA says what was found; absent and null are errors too. The caller puts
// the field's name in front.
int timestamp_read(struct value value, enum time_unit unit, int64_t *ms, struct error *err);
// RFC 3339 with any number of fraction digits; 'T' or a blank; Z or an offset; a leap second (:60)
// is the second after.
int timestamp_parse(const char *text, size_t len, int64_t *ms, struct error *err);

enum { TIMESTAMP_TEXT_MAX = 32 };
// "2023-11-14T22:13:20.123Z"; outside TIME_MIN_MS to TIME_MAX_MS the bare number. NUL-terminated.
size_t timestamp_format(int64_t ms, char out[TIMESTAMP_TEXT_MAX]);
