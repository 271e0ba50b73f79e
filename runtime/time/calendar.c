// SPDX-License-Identifier: MIT
#include "time/calendar.h"
#include <stdbool.h>

// Years are counted from March, so that the leap day is the last; 400 years are an era of 146,097
// days (the method is Howard Hinnant's, "chrono-Compatible Low-Level Date Algorithms").
enum { DAYS_PER_ERA = 146097, EPOCH_DAYS = 719468 }; // days from 0000-03-01 to 1970-01-01

static bool leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && leap(year) ? 29 : days[month - 1];
}

int64_t days_from_date(int year, int month, int day)
{
    int y = month <= 2 ? year - 1 : year; // >= 0
    int era = y / 400, year_of_era = y - era * 400;
    int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return (int64_t)era * DAYS_PER_ERA + day_of_era - EPOCH_DAYS;
}

struct date date_from_days(int64_t days)
{
    int64_t z = days + EPOCH_DAYS; // >= 0 for the years from 1
    int era = (int)(z / DAYS_PER_ERA);
    int day_of_era = (int)(z - (int64_t)era * DAYS_PER_ERA);
    int year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int mp = (5 * day_of_year + 2) / 153;
    struct date date;
    date.day = day_of_year - (153 * mp + 2) / 5 + 1;
    date.month = mp < 10 ? mp + 3 : mp - 9;
    date.year = year_of_era + era * 400 + (date.month <= 2);
    return date;
}
