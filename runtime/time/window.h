// SPDX-License-Identifier: MIT
#pragma once
#include "base/error.h"
#include <stdbool.h>
#include <stdint.h>

// Windows: buckets of time. An assigner says which windows a time belongs to; what follows from a
// window and a watermark (does it fire, is a record late, when may its state go) is the same for
// all kinds. A window is [start, end); its last instant is end - 1.
//
//   fires                 watermark >= end - 1
//   a record is late      end - 1 + lateness <= watermark
//   its state goes        at the same moment; in between, a late record fires it again at once
//
//   tumbling   [offset + n * size, + size)
//   sliding    the same every `every`: a time is in several windows, or, when they stand apart, in
//              none
//   calendar   both, counted in days or months of a time zone's local time: a day has 23 to 25
//              hours where the clocks change
//   session    [time, time + gap), merged with those of the same key that it touches
//   count      every so many records of a key, whatever their times
//   global     one for all times, which ends with the stream
//
// All in int64 milliseconds, negative times included; what would overflow stays at the limit.

struct zone;

struct window {
    int64_t start, end;
};

enum window_kind {
    WINDOW_TUMBLING,
    WINDOW_SLIDING,
    WINDOW_DAYS,
    WINDOW_MONTHS,
    WINDOW_SESSION,
    WINDOW_COUNT,
    WINDOW_GLOBAL
};

struct window_assigner {
    enum window_kind kind;
    int64_t size;      // ms; days or months of a calendar; records of a count; the gap of a session
    int64_t every;     // between the starts of two windows, likewise; tumbling: the size
    int64_t offset_ms; // windows start at this plus n * every; calendar: in local time
    int64_t lateness_ms;
    const struct zone *zone; // calendar: borrowed; NULL: UTC
};

// Checks the figures: size > 0, 0 < every, |offset| < every, lateness >= 0. ERR_INPUT says which is
// wrong.
int window_assigner_check(const struct window_assigner *assigner, struct error *err);
// The window that started last of those that start at or before `time`; it need not hold it.
// (tumbling, sliding, calendar, global)
struct window window_newest(const struct window_assigner *assigner, int64_t time);
// The one that starts before `window`.
struct window window_before(const struct window_assigner *assigner, struct window window);
// The start of the window of `size_ms` that holds `time`: time - floormod(time - offset, size).
int64_t window_start(int64_t time, int64_t offset_ms, int64_t size_ms);
// How many windows can hold the same time.
int64_t window_overlap(const struct window_assigner *assigner);

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
