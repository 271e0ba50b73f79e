// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>

// Do these records equal those that were expected? 1, 1.0 and "1" are three things.

struct expectation {
    json_t *values; // an array
    bool order;     // as a sequence; else as a multiset
    const char *by; // with order: only among values with the same member of this name; NULL: all
    bool subset;    // a value names some of the fields only
};

// ERR_DATA: no; `report` then shows both. `lines`: one JSON text a line.
int expect_values(const struct expectation *expectation, const char *from, const struct buf *lines,
                  struct buf *report, struct error *err);
