// SPDX-License-Identifier: MIT
#pragma once
#include <stdint.h>

// The proleptic Gregorian calendar: days since 1970-01-01 and dates (years 1 to 9999).

#define MS_PER_DAY INT64_C(86400000)

struct date {
    int year, month, day; // month and day from 1
};

int days_in_month(int year, int month);
int64_t days_from_date(int year, int month, int day);
struct date date_from_days(int64_t days);
