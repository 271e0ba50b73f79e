// SPDX-License-Identifier: MIT
#pragma once
#include <stdbool.h>
#include <stdint.h>

// The rule behind the last listed transition of a zone: a POSIX TZ string such as
// "CET-1CEST,M3.5.0,M10.5.0/3" (RFC 8536, section 3.3.1: hours of -167 to 167).

enum zone_day_kind { DAY_JULIAN, DAY_OF_YEAR, DAY_OF_WEEK }; // Jn, n, Mm.w.d

struct zone_day {
    enum zone_day_kind kind;
    int month, week, day;
    int64_t seconds; // of local time on that day
};

struct zone_rule {
    int64_t standard, summer; // seconds to be added to UTC
    bool has_summer;
    struct zone_day begins, ends; // of summer time
};

// `len` bytes of text. False: it is none.
bool zone_rule_parse(struct zone_rule *rule, const char *text, uint32_t len);
int64_t zone_rule_offset(const struct zone_rule *rule, int64_t utc_seconds);
