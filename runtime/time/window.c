// SPDX-License-Identifier: MIT
#include "time/window.h"

int window_assigner_check(const struct window_assigner *assigner, struct error *err)
{
    long long size = assigner->size_ms, offset = assigner->offset_ms;
    if (size <= 0)
        return error_set(err, ERR_INPUT, "a window's size must be more than 0 ms, not %lld", size);
    if (offset <= -size || offset >= size)
        return error_set(err, ERR_INPUT,
                         "a window's offset (%lld ms) must be smaller than its size (%lld ms)",
                         offset, size);
    if (assigner->lateness_ms < 0)
        return error_set(err, ERR_INPUT, "lateness must not be negative (%lld ms)",
                         (long long)assigner->lateness_ms);
    return 0;
}

static int64_t floormod(int64_t a, int64_t b)
{
    int64_t rest = a % b;
    return rest < 0 ? rest + b : rest;
}

// How far into its window `time` is. Both parts are reduced first: time - offset could overflow.
static int64_t into_window(int64_t time, int64_t offset_ms, int64_t size_ms)
{
    int64_t into = floormod(time, size_ms) - floormod(offset_ms, size_ms);
    return into < 0 ? into + size_ms : into;
}

int64_t window_start(int64_t time, int64_t offset_ms, int64_t size_ms)
{
    int64_t start;
    if (__builtin_sub_overflow(time, into_window(time, offset_ms, size_ms), &start))
        return INT64_MIN;
    return start;
}

static struct window tumbling(const struct window_assigner *assigner, int64_t time)
{
    int64_t into = into_window(time, assigner->offset_ms, assigner->size_ms);
    struct window window;
    if (__builtin_sub_overflow(time, into, &window.start))
        window.start = INT64_MIN;
    if (__builtin_add_overflow(time, assigner->size_ms - into, &window.end))
        window.end = INT64_MAX;
    return window;
}

uint32_t window_assign(const struct window_assigner *assigner, int64_t time,
                       struct window out[WINDOWS_MAX])
{
    switch (assigner->kind) {
    case WINDOW_TUMBLING:
        out[0] = tumbling(assigner, time);
        return 1;
    }
    return 0;
}
