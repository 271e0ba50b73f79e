// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "engine/engine.h"

#include <jansson.h>

// What a running pipeline is doing: as the one line that a person sees, and as JSON.

struct totals {
    uint64_t in, out;  // records from sources, into sinks
    uint64_t failed;   // all nodes
    uint64_t late;     // all nodes
    int64_t lag;       // records behind: sum of what is known; -1: nothing is
    int64_t lag_bytes; // bytes behind, likewise
    int64_t watermark; // least of the sources that have one; INT64_MIN: none, INT64_MAX: the end
};

void totals_of(struct totals *out, const struct engine_status *status);
void totals_add(struct totals *out, const struct totals *more); // of another pipeline
// "in 1,200 (400/s)  out 20 (7/s)  lag 3  watermark 12:00:05  late 0  errors 2"; `since` are the
// totals `ms` ago; NULL: no rates. Bytes behind: "lag 1.2 MB".
int totals_line(const struct totals *now, const struct totals *since, int64_t ms, struct buf *out);
// All counters of all nodes, how long it took, when the first record reached a sink and the memory
// at its peak. Owned by the caller; NULL: out of memory.
json_t *report_json(const struct engine_status *status, int64_t ms);
uint64_t peak_kib(void); // of the process so far

enum { NUMBER_MAX = 32 };
void number_grouped(uint64_t value, char out[NUMBER_MAX]); // 1,234,567
void number_short(double value, char out[NUMBER_MAX]);     // 999, 1.2 k, 34 M
