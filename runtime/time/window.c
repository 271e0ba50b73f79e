// SPDX-License-Identifier: MIT
#include "time/window.h"
#include "time/calendar.h"
#include "time/timestamp.h"
#include "time/zone.h"

static int wrong_offset(const struct window_assigner *assigner, int64_t every_ms, struct error *err)
{
    if (assigner->offset_ms > -every_ms && assigner->offset_ms < every_ms)
        return 0;
    return error_set(err, ERR_INPUT,
                     "a window's offset (%lld ms) must be smaller than the time from the start of "
                     "one window to that of the next (%lld ms)",
                     (long long)assigner->offset_ms, (long long)every_ms);
}

int window_assigner_check(const struct window_assigner *assigner, struct error *err)
{
    if (assigner->lateness_ms < 0)
        return error_set(err, ERR_INPUT, "lateness must not be negative (%lld ms)",
                         (long long)assigner->lateness_ms);
    if (assigner->kind == WINDOW_GLOBAL)
        return 0;
    if (assigner->size <= 0)
        return error_set(err, ERR_INPUT, "a window's size must be more than 0, not %lld",
                         (long long)assigner->size);
    if (assigner->kind == WINDOW_SESSION || assigner->kind == WINDOW_COUNT)
        return 0;
    if (assigner->every <= 0)
        return error_set(err, ERR_INPUT,
                         "the time from one window to the next must be more than 0, not %lld",
                         (long long)assigner->every);
    bool calendar = assigner->kind == WINDOW_DAYS || assigner->kind == WINDOW_MONTHS;
    return wrong_offset(assigner, calendar ? MS_PER_DAY : assigner->every, err);
}

static int64_t floormod(int64_t a, int64_t b)
{
    int64_t rest = a % b;
    return rest < 0 ? rest + b : rest;
}

static int64_t floordiv(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t add(int64_t a, int64_t b) // stays at the limits
{
    int64_t sum;
    if (!__builtin_add_overflow(a, b, &sum))
        return sum;
    return b < 0 ? INT64_MIN : INT64_MAX;
}

// -- of fixed length --

// How far into its window `time` is. Both parts are reduced first: time - offset could overflow.
static int64_t into_window(int64_t time, int64_t offset_ms, int64_t size_ms)
{
    int64_t into = floormod(time, size_ms) - floormod(offset_ms, size_ms);
    return into < 0 ? into + size_ms : into;
}

int64_t window_start(int64_t time, int64_t offset_ms, int64_t size_ms)
{
    return add(time, -into_window(time, offset_ms, size_ms));
}

static struct window fixed(const struct window_assigner *assigner, int64_t time)
{
    int64_t into = into_window(time, assigner->offset_ms, assigner->every);
    return (struct window){add(time, -into), add(time, assigner->size - into)};
}

// -- by the calendar --

// Instants of a calendar are kept within its years: before and behind them windows have no end.
static int64_t clamp(int64_t ms)
{
    return ms < TIME_MIN_MS ? TIME_MIN_MS : ms > TIME_MAX_MS ? TIME_MAX_MS : ms;
}

// Local midnight of a day, or of the first of a month, counted from January 1970; as an instant.
static int64_t instant_of(const struct window_assigner *assigner, int64_t unit)
{
    int64_t first = TIME_MIN_MS / MS_PER_DAY, last = TIME_MAX_MS / MS_PER_DAY, days = unit;
    if (assigner->kind == WINDOW_MONTHS) {
        int64_t year = 1970 + floordiv(unit, 12);
        if (year < 1 || year > 9999)
            return year < 1 ? INT64_MIN : INT64_MAX;
        days = days_from_date((int)year, (int)floormod(unit, 12) + 1, 1);
    }
    if (days < first || days > last)
        return days < first ? INT64_MIN : INT64_MAX;
    int64_t local = days * MS_PER_DAY + assigner->offset_ms;
    return assigner->zone ? zone_utc(assigner->zone, local) : local;
}

static int64_t unit_of(const struct window_assigner *assigner, int64_t time)
{
    int64_t at = clamp(time), local = at;
    if (assigner->zone)
        local = zone_local(assigner->zone, at);
    int64_t days = floordiv(clamp(local - assigner->offset_ms), MS_PER_DAY);
    if (assigner->kind == WINDOW_DAYS)
        return days;
    struct date date = date_from_days(days);
    return (int64_t)(date.year - 1970) * 12 + date.month - 1;
}

static struct window calendar_window(const struct window_assigner *assigner, int64_t unit)
{
    return (struct window){instant_of(assigner, unit),
                           instant_of(assigner, add(unit, assigner->size))};
}

static struct window calendar(const struct window_assigner *assigner, int64_t time)
{
    int64_t unit = unit_of(assigner, time);
    unit -= floormod(unit, assigner->every);
    struct window window = calendar_window(assigner, unit);
    // Where clocks go back over midnight, that local day comes twice: it is one.
    return window.start > time ? calendar_window(assigner, unit - assigner->every) : window;
}

// -- all --

struct window window_newest(const struct window_assigner *assigner, int64_t time)
{
    switch (assigner->kind) {
    case WINDOW_TUMBLING:
    case WINDOW_SLIDING:
        return fixed(assigner, time);
    case WINDOW_DAYS:
    case WINDOW_MONTHS:
        return calendar(assigner, time);
    case WINDOW_SESSION:
        return (struct window){time, add(time, assigner->size)};
    case WINDOW_COUNT:
    case WINDOW_GLOBAL:
        break;
    }
    return (struct window){INT64_MIN, INT64_MAX};
}

struct window window_before(const struct window_assigner *assigner, struct window window)
{
    if (window.start == INT64_MIN)
        return (struct window){INT64_MIN, INT64_MIN};
    return window_newest(assigner, window.start - 1);
}

int64_t window_overlap(const struct window_assigner *assigner)
{
    if (assigner->every <= 0)
        return 1;
    return assigner->size / assigner->every + (assigner->size % assigner->every != 0);
}
