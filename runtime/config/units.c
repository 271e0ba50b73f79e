// SPDX-License-Identifier: MIT
#include "config/text.h"
#include "record/number.h"

#include <stdio.h>
#include <string.h>

// Numbers, durations and sizes as text. Integers only on the way: 0.1s is 100 ms, not 99.

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit durations[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}, {NULL, 0},
};

static const struct unit sizes[] = {
    {"TiB", 1ll << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"TB", 1000000000000},
    {"GB", 1000000000}, {"MB", 1000000},  {"kB", 1000},     {"B", 1},         {NULL, 0},
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool text_parse_int(const char *text, int64_t *out)
{
    const char *digits = text + (*text == '-');
    if (!is_digit(*digits) || (*digits == '0' && digits[1]))
        return false;
    int64_t value = 0;
    for (; is_digit(*digits); digits++) {
        int digit = *text == '-' ? -(*digits - '0') : *digits - '0';
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return false;
    }
    *out = value;
    return !*digits;
}

static const char *skip_digits(const char *at)
{
    while (is_digit(*at))
        at++;
    return at;
}

bool text_parse_number(const char *text, double *out)
{
    return number_parse_double(text, strlen(text), out);
}

// The unit at `at`: the longest name that fits. NULL: none.
static const struct unit *find_unit(const struct unit *units, const char *at)
{
    const struct unit *best = NULL;
    for (; units->name; units++)
        if (strncmp(at, units->name, strlen(units->name)) == 0 &&
            (!best || strlen(units->name) > strlen(best->name)))
            best = units;
    return best;
}

// Adds "12.5" of `unit` to *sum; false when that is no whole number or too large.
static bool add_amount(const char *at, const char *end, const struct unit *unit, int64_t *sum)
{
    int64_t whole = 0, fraction = 0, scale = 1;
    for (; at < end && *at != '.'; at++)
        if (__builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, *at - '0', &whole))
            return false;
    for (at += at < end; at < end; at++) {
        if (scale > 1000000)
            return false;
        fraction = fraction * 10 + (*at - '0');
        scale *= 10;
    }
    if (__builtin_mul_overflow(whole, unit->factor, &whole) ||
        __builtin_mul_overflow(fraction, unit->factor, &fraction) || fraction % scale)
        return false;
    return !__builtin_add_overflow(*sum, whole, sum) &&
           !__builtin_add_overflow(*sum, fraction / scale, sum);
}

// "<amount><unit>" once, or again with smaller units.
static bool parse_units(const char *text, const struct unit *units, bool many, int64_t *out)
{
    int64_t sum = 0, last = INT64_MAX;
    do {
        const char *end = skip_digits(text);
        if (end == text)
            return false;
        if (*end == '.') {
            const char *after = skip_digits(end + 1);
            if (after == end + 1)
                return false;
            end = after;
        }
        const struct unit *unit = find_unit(units, end);
        if (!unit || unit->factor >= last || !add_amount(text, end, unit, &sum))
            return false;
        last = unit->factor;
        text = end + strlen(unit->name);
    } while (*text && many);
    *out = sum;
    return !*text;
}

bool text_parse_duration(const char *text, int64_t *ms)
{
    if (strcmp(text, "0") == 0)
        return *ms = 0, true;
    return parse_units(text, durations, true, ms);
}

bool text_parse_size(const char *text, int64_t *bytes)
{
    return (text_parse_int(text, bytes) && *bytes >= 0) || parse_units(text, sizes, false, bytes);
}

void text_format_duration(int64_t ms, char out[TEXT_UNIT_MAX])
{
    size_t len = 0;
    out[0] = 0;
    for (const struct unit *unit = durations; unit->name && ms > 0; unit++) {
        if (ms < unit->factor)
            continue;
        int wrote = snprintf(out + len, TEXT_UNIT_MAX - len, "%lld%s",
                             (long long)(ms / unit->factor), unit->name);
        len += wrote > 0 ? (size_t)wrote : 0;
        ms %= unit->factor;
    }
    if (!len)
        (void)snprintf(out, TEXT_UNIT_MAX, "0");
}

void text_format_size(int64_t bytes, char out[TEXT_UNIT_MAX])
{
    const struct unit *unit = sizes;
    while (unit->factor > 1 && (bytes < unit->factor || bytes % unit->factor))
        unit++;
    (void)snprintf(out, TEXT_UNIT_MAX, "%lld%s", (long long)(bytes / unit->factor), unit->name);
}
