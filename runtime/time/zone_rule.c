// SPDX-License-Identifier: MIT
#include "time/zone_rule.h"
#include "time/calendar.h"
#include <ctype.h>

enum { DAY_SECONDS = 86400, HOURS_MAX = 167, DEFAULT_SECONDS = 7200 };

// -- reading --

struct reader {
    const char *at, *end;
};

static bool take(struct reader *reader, char c)
{
    if (reader->at == reader->end || *reader->at != c)
        return false;
    reader->at++;
    return true;
}

static bool number(struct reader *reader, int min, int max, int *out)
{
    int n = 0;
    const char *from = reader->at;
    for (; reader->at < reader->end && isdigit((unsigned char)*reader->at); reader->at++)
        if ((n = n * 10 + (*reader->at - '0')) > max)
            return false;
    *out = n;
    return reader->at > from && n >= min;
}

// "CET" or "<+03>"
static bool name(struct reader *reader)
{
    const char *from = reader->at;
    if (take(reader, '<')) {
        while (reader->at < reader->end && *reader->at != '>')
            reader->at++;
        return take(reader, '>');
    }
    while (reader->at < reader->end && isalpha((unsigned char)*reader->at))
        reader->at++;
    return reader->at - from >= 3;
}

// [+-]hh[:mm[:ss]]
static bool span(struct reader *reader, int64_t *seconds)
{
    bool minus = take(reader, '-');
    int hours, minutes = 0, rest = 0;
    if (!minus)
        (void)take(reader, '+');
    if (!number(reader, 0, HOURS_MAX, &hours))
        return false;
    if (take(reader, ':')) {
        if (!number(reader, 0, 59, &minutes))
            return false;
        if (take(reader, ':') && !number(reader, 0, 59, &rest))
            return false;
    }
    *seconds = hours * 3600 + minutes * 60 + rest;
    if (minus)
        *seconds = -*seconds;
    return true;
}

static bool day(struct reader *reader, struct zone_day *out)
{
    *out = (struct zone_day){.seconds = DEFAULT_SECONDS};
    if (take(reader, 'M')) {
        out->kind = DAY_OF_WEEK;
        if (!number(reader, 1, 12, &out->month) || !take(reader, '.') ||
            !number(reader, 1, 5, &out->week) || !take(reader, '.') ||
            !number(reader, 0, 6, &out->day))
            return false;
    } else {
        out->kind = take(reader, 'J') ? DAY_JULIAN : DAY_OF_YEAR;
        if (!number(reader, out->kind == DAY_JULIAN, 365, &out->day))
            return false;
    }
    return !take(reader, '/') || span(reader, &out->seconds);
}

bool zone_rule_parse(struct zone_rule *rule, const char *text, uint32_t len)
{
    struct reader reader = {text, text + len};
    *rule = (struct zone_rule){0};
    if (!name(&reader) || !span(&reader, &rule->standard))
        return false;
    rule->standard = -rule->standard; // POSIX counts to the west
    if (reader.at == reader.end)
        return true;
    rule->has_summer = true;
    rule->summer = rule->standard + 3600;
    if (!name(&reader))
        return false;
    if (reader.at < reader.end && *reader.at != ',') {
        if (!span(&reader, &rule->summer))
            return false;
        rule->summer = -rule->summer;
    }
    return take(&reader, ',') && day(&reader, &rule->begins) && take(&reader, ',') &&
           day(&reader, &rule->ends) && reader.at == reader.end;
}

// -- using --

static int weekday(int64_t days) // 0: Sunday
{
    int64_t n = (days + 4) % 7; // 1970-01-01 was a Thursday
    return (int)(n < 0 ? n + 7 : n);
}

static int64_t day_in_year(const struct zone_day *day, int year)
{
    int64_t first = days_from_date(year, 1, 1);
    if (day->kind == DAY_OF_YEAR)
        return first + day->day;
    if (day->kind == DAY_JULIAN) // 29 February is never counted
        return first + day->day - 1 + (day->day >= 60 && days_in_month(year, 2) == 29);
    int64_t month = days_from_date(year, day->month, 1);
    int at = (day->day - weekday(month) + 7) % 7 + (day->week - 1) * 7;
    while (at >= days_in_month(year, day->month))
        at -= 7; // week 5 is the last
    return month + at;
}

int64_t zone_rule_offset(const struct zone_rule *rule, int64_t utc_seconds)
{
    if (!rule->has_summer)
        return rule->standard;
    int64_t local = utc_seconds + rule->standard;
    int64_t days = local / DAY_SECONDS - (local % DAY_SECONDS < 0);
    int year = date_from_days(days).year;
    int64_t begins = day_in_year(&rule->begins, year) * DAY_SECONDS + rule->begins.seconds;
    int64_t ends = day_in_year(&rule->ends, year) * DAY_SECONDS + rule->ends.seconds;
    begins -= rule->standard; // each in the local time before it
    ends -= rule->summer;
    bool summer = begins < ends ? utc_seconds >= begins && utc_seconds < ends
                                : utc_seconds >= begins || utc_seconds < ends;
    return summer ? rule->summer : rule->standard;
}
