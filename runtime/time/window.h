// SPDX-License-Identifier: MIT
#pragma once
#include "base/error.h"
#include <stdbool.h>
#include <stdint.h>

// Windows: buckets of event time. An assigner says which windows a time belongs to; what follows
// from a window and a watermark (does it fire, is a record late, when may its state go) is the same
// for all kinds. A window is [start, end); its last instant is end - 1.
//
//   fires                 watermark >= end - 1
//   a record is late      end - 1 + lateness <= watermark
//   its state goes        at the same moment; in between, a late record fires it again at once
//
// All in int64 milliseconds, negative times included; what would overflow stays at the limit.

struct window {
    int64_t start, end;
};

enum window_kind { WINDOW_TUMBLING };

struct window_assigner {
    enum window_kind kind;
    int64_t size_ms;
    int64_t offset_ms; // windows start at offset + n * size
    int64_t lateness_ms;
};

enum { WINDOWS_MAX = 1 }; // that one time can belong to

// Checks the figures: size > 0, |offset| < size, lateness >= 0. ERR_INPUT says which is wrong.
int window_assigner_check(const struct window_assigner *assigner, struct error *err);
// The windows of `time` in the order of their starts; their number.
uint32_t window_assign(const struct window_assigner *assigner, int64_t time,
                       struct window out[WINDOWS_MAX]);
// The start of the window of `size_ms` that holds `time`: time - floormod(time - offset, size).
int64_t window_start(int64_t time, int64_t offset_ms, int64_t size_ms);

static inline bool window_holds(struct window window, int64_t time)
{
    return time >= window.start && time < window.end;
}

static inline int64_t window_last(struct window window)
{
    return window.end - 1;
}

// From this watermark on its state is gone, and what comes for it is late.
static inline int64_t window_gone_at(struct window window, int64_t lateness_ms)
{
    int64_t at;
    return __builtin_add_overflow(window_last(window), lateness_ms, &at) ? INT64_MAX : at;
}
