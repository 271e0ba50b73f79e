// SPDX-License-Identifier: MIT
#include "time/timestamp.h"
#include "record/number.h"
#include "time/calendar.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const unit_names[] = {"s", "ms", "us", "ns", "rfc3339"};

int time_unit_parse(const char *text, enum time_unit *out)
{
    for (int unit = TIME_S; unit <= TIME_RFC3339; unit++) {
        if (strcmp(text, unit_names[unit]) == 0) {
            *out = (enum time_unit)unit;
            return 0;
        }
    }
    return ERR_INPUT;
}

const char *time_unit_name(enum time_unit unit)
{
    return unit_names[unit];
}

static bool in_range(int64_t ms)
{
    return ms >= TIME_MIN_MS && ms <= TIME_MAX_MS;
}

// Integer to ms, cut towards the past. False: beyond int64 or out of range.
static bool from_int(int64_t number, enum time_unit unit, int64_t *ms)
{
    static const int64_t per_ms[] = {[TIME_US] = 1000, [TIME_NS] = 1000000};
    if (unit == TIME_S) {
        if (__builtin_mul_overflow(number, (int64_t)1000, ms))
            return false;
    } else if (unit == TIME_MS) {
        *ms = number;
    } else {
        *ms = number / per_ms[unit] - (number % per_ms[unit] < 0);
    }
    return in_range(*ms);
}

static bool from_double(double number, enum time_unit unit, int64_t *ms)
{
    static const double factor[] = {
        [TIME_S] = 1e3, [TIME_MS] = 1, [TIME_US] = 1e-3, [TIME_NS] = 1e-6};
    double at = floor(number * factor[unit] + 0.5);
    if (!(at >= (double)TIME_MIN_MS && at <= (double)TIME_MAX_MS))
        return false;
    *ms = (int64_t)at;
    return true;
}

// The unit in which the number would be a time between 1980 and 2100, to help who chose another.
static const char *likely_unit(double number)
{
    static const double factor[] = {1e3, 1, 1e-3, 1e-6};
    for (int unit = TIME_S; unit <= TIME_NS; unit++) {
        double ms = number * factor[unit];
        if (ms > 315532800e3 && ms < 4102444800e3)
            return unit_names[unit];
    }
    return NULL;
}

static int absurd(double number, const char *shown, enum time_unit unit, struct error *err)
{
    const char *likely = likely_unit(number);
    if (likely)
        return error_set(err, ERR_DATA,
                         "%s %s is no time between the years 1 and 9999; it looks like `unit: %s`",
                         shown, unit_names[unit], likely);
    return error_set(err, ERR_DATA, "%s %s is no time between the years 1 and 9999", shown,
                     unit_names[unit]);
}

static int read_int(int64_t number, enum time_unit unit, int64_t *ms, struct error *err)
{
    char shown[32];
    if (from_int(number, unit, ms))
        return 0;
    snprintf(shown, sizeof shown, "%lld", (long long)number);
    return absurd((double)number, shown, unit, err);
}

static int read_double(double number, enum time_unit unit, int64_t *ms, struct error *err)
{
    char shown[32];
    if (from_double(number, unit, ms))
        return 0;
    snprintf(shown, sizeof shown, "%.17g", number);
    return absurd(number, shown, unit, err);
}

static int read_text(const char *text, size_t len, enum time_unit unit, int64_t *ms,
                     struct error *err)
{
    int64_t whole;
    double number;
    if (number_parse_int(text, len, &whole))
        return read_int(whole, unit, ms, err);
    if (number_parse_double(text, len, &number))
        return read_double(number, unit, ms, err);
    return error_set(err, ERR_DATA, "expected a number (%s), found \"%.*s\"", unit_names[unit],
                     len < 40 ? (int)len : 40, text);
}

int timestamp_read(struct value value, enum time_unit unit, int64_t *ms, struct error *err)
{
    if (unit == TIME_RFC3339 && value.type == VALUE_STRING)
        return timestamp_parse(value.bytes, value.len, ms, err);
    if (unit != TIME_RFC3339 && value.type == VALUE_INT)
        return read_int(value.i, unit, ms, err);
    if (unit != TIME_RFC3339 && value.type == VALUE_FLOAT)
        return read_double(value.f, unit, ms, err);
    if (unit != TIME_RFC3339 && value.type == VALUE_STRING)
        return read_text(value.bytes, value.len, unit, ms, err);
    if (value.type == VALUE_ABSENT)
        return error_set(err, ERR_DATA, "absent");
    return error_set(err, ERR_DATA, "expected %s, found %s",
                     unit == TIME_RFC3339 ? "an RFC 3339 string" : "a number",
                     value_type_name((enum value_type)value.type));
}

// -- RFC 3339 --

struct scan {
    const char *at, *end;
};

// Exactly `digits` digits. -1: not there.
static int take_number(struct scan *scan, int digits)
{
    int number = 0;
    if (scan->end - scan->at < digits)
        return -1;
    for (int i = 0; i < digits; i++) {
        char c = scan->at[i];
        if (c < '0' || c > '9')
            return -1;
        number = number * 10 + (c - '0');
    }
    scan->at += digits;
    return number;
}

static bool take_any(struct scan *scan, const char *chars)
{
    if (scan->at == scan->end || !strchr(chars, *scan->at) || *scan->at == '\0')
        return false;
    scan->at++;
    return true;
}

static bool take_date(struct scan *scan, int64_t *days)
{
    int year = take_number(scan, 4);
    if (year < 1 || !take_any(scan, "-"))
        return false;
    int month = take_number(scan, 2);
    if (month < 1 || month > 12 || !take_any(scan, "-"))
        return false;
    int day = take_number(scan, 2);
    if (day < 1 || day > days_in_month(year, month))
        return false;
    *days = days_from_date(year, month, day);
    return true;
}

static bool take_fraction(struct scan *scan, int *ms)
{
    int scale = 100;
    *ms = 0;
    if (!take_any(scan, "."))
        return true;
    if (scan->at == scan->end || *scan->at < '0' || *scan->at > '9')
        return false;
    for (; scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9'; scan->at++) {
        *ms += (*scan->at - '0') * scale;
        scale /= 10;
    }
    return true;
}

static bool take_clock(struct scan *scan, int64_t *ms)
{
    int hour = take_number(scan, 2);
    if (hour < 0 || hour > 23 || !take_any(scan, ":"))
        return false;
    int minute = take_number(scan, 2);
    if (minute < 0 || minute > 59 || !take_any(scan, ":"))
        return false;
    int second = take_number(scan, 2), fraction;
    if (second < 0 || second > 60 || !take_fraction(scan, &fraction))
        return false;
    *ms = ((int64_t)hour * 60 + minute) * 60000 + second * 1000 + fraction;
    return true;
}

static bool take_zone(struct scan *scan, int64_t *offset_ms)
{
    *offset_ms = 0;
    if (take_any(scan, "Zz"))
        return true;
    bool west = scan->at < scan->end && *scan->at == '-';
    if (!take_any(scan, "+-"))
        return false;
    int hour = take_number(scan, 2);
    if (hour < 0 || hour > 23 || !take_any(scan, ":"))
        return false;
    int minute = take_number(scan, 2);
    if (minute < 0 || minute > 59)
        return false;
    *offset_ms = ((int64_t)hour * 60 + minute) * 60000 * (west ? -1 : 1);
    return true;
}

int timestamp_parse(const char *text, size_t len, int64_t *ms, struct error *err)
{
    struct scan scan = {text, text + len};
    int64_t days, clock, zone;
    if (!take_date(&scan, &days) || !take_any(&scan, "Tt ") || !take_clock(&scan, &clock) ||
        !take_zone(&scan, &zone) || scan.at != scan.end)
        return error_set(err, ERR_DATA,
                         "expected a time as 2024-05-06T07:08:09.123Z (RFC 3339), found \"%.*s\"",
                         len < 40 ? (int)len : 40, text);
    *ms = days * MS_PER_DAY + clock - zone;
    if (!in_range(*ms))
        return error_set(err, ERR_DATA, "\"%.*s\" is no time between the years 1 and 9999",
                         (int)(len < 40 ? len : 40), text);
    return 0;
}

size_t timestamp_format(int64_t ms, char out[TIMESTAMP_TEXT_MAX])
{
    if (!in_range(ms))
        return (size_t)snprintf(out, TIMESTAMP_TEXT_MAX, "%lld", (long long)ms);
    int64_t into = ms % MS_PER_DAY;
    if (into < 0)
        into += MS_PER_DAY;
    struct date date = date_from_days((ms - into) / MS_PER_DAY);
    int clock = (int)into;
    return (size_t)snprintf(out, TIMESTAMP_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                            date.year, date.month, date.day, clock / 3600000, clock / 60000 % 60,
                            clock / 1000 % 60, clock % 1000);
}
