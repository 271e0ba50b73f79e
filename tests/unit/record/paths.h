// SPDX-License-Identifier: MIT
#pragma once
#include "unit/record/lane.h"

// The ways to read a text: the scalar path without pad, then each fast set that this processor
// has, by its bitmap and with hints.

struct reading {
    const char *name;
    enum json_path path;
    bool padded;
};

static const struct reading readings[] = {
    {"scalar", JSON_PATH_SCALAR, false}, {"sse2", JSON_PATH_BITMAP, true},
    {"sse2", JSON_PATH_AUTO, true},      {"avx2", JSON_PATH_BITMAP, true},
    {"avx2", JSON_PATH_AUTO, true},      {"avx512", JSON_PATH_BITMAP, true},
    {"avx512", JSON_PATH_AUTO, true},
};

enum { READINGS = sizeof readings / sizeof *readings };

// False: not on this processor.
static inline bool use_reading(struct lane *lane, const struct reading *reading)
{
    lane->reader->path = reading->path;
    lane->reader->fast = reading->padded ? json_fast_named(reading->name) : NULL;
    return !reading->padded || lane->reader->fast;
}
