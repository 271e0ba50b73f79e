// SPDX-License-Identifier: MIT
#include "support/unit.h"
#include "time/timestamp.h"
#include "time/zone.h"
#include "time/zone_rule.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t ms_of(const char *text)
{
    int64_t ms = 0;
    struct error err = ERROR_INIT;
    CU_ASSERT_EQUAL_FATAL(timestamp_parse(text, strlen(text), &ms, &err), 0);
    return ms;
}

static struct zone *open_zone(const char *name)
{
    struct zone *zone = NULL;
    struct error err = ERROR_INIT;
    if (zone_open(&zone, name, &err))
        CHECK_TEXT(err.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(zone);
    return zone;
}

// Local midnights (written with Z) and the instants at which they are.
static const struct {
    const char *zone, *local, *utc;
} moments[] = {
    {"UTC", "2024-02-29T12:00:00Z", "2024-02-29T12:00:00Z"},
    {"Europe/Berlin", "2024-01-15T00:00:00Z", "2024-01-14T23:00:00Z"},
    {"Europe/Berlin", "2024-07-15T00:00:00Z", "2024-07-14T22:00:00Z"},
    {"Europe/Berlin", "2024-03-31T01:59:59Z", "2024-03-31T00:59:59Z"},
    {"Europe/Berlin", "2024-03-31T03:00:00Z", "2024-03-31T01:00:00Z"},
    {"Europe/Berlin", "2024-03-31T02:30:00Z", "2024-03-31T01:00:00Z"}, // leapt over
    {"Europe/Berlin", "2024-10-27T02:30:00Z", "2024-10-27T00:30:00Z"}, // shown twice: the first
    {"Europe/Berlin", "2024-10-27T03:00:00Z", "2024-10-27T02:00:00Z"},
    {"Europe/Berlin", "2090-07-15T00:00:00Z", "2090-07-14T22:00:00Z"}, // by the rule
    {"America/New_York", "2024-11-03T00:00:00Z", "2024-11-03T04:00:00Z"},
    {"America/New_York", "2024-11-04T00:00:00Z", "2024-11-04T05:00:00Z"},
    {"Asia/Kolkata", "2024-06-01T00:00:00Z", "2024-05-31T18:30:00Z"},
    {"Australia/Lord_Howe", "2024-04-07T00:00:00Z", "2024-04-06T13:00:00Z"},
    {"America/Sao_Paulo", "2018-11-04T00:00:00Z", "2018-11-04T03:00:00Z"}, // no midnight that day
    {"Pacific/Apia", "2011-12-30T12:00:00Z", "2011-12-30T10:00:00Z"},      // no such day
    {"Europe/Berlin", "1850-01-01T00:00:00Z", "1849-12-31T23:06:32Z"},     // before all transitions
};

static void test_moments(void)
{
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        struct zone *zone = open_zone(moments[i].zone);
        char found[TIMESTAMP_TEXT_MAX], wanted[TIMESTAMP_TEXT_MAX];
        timestamp_format(zone_utc(zone, ms_of(moments[i].local)), found);
        timestamp_format(ms_of(moments[i].utc), wanted);
        CHECK_TEXT(found, wanted);
        zone_free(zone);
    }
}

// Hour by hour as the C library has it, over listed transitions and the rule behind them.
static void test_against_libc(void)
{
    static const char *const names[] = {"Europe/Berlin",       "America/New_York",
                                        "Australia/Lord_Howe", "Africa/Casablanca",
                                        "America/Santiago",    "Asia/Tokyo"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct zone *zone = open_zone(names[i]);
        CU_ASSERT_EQUAL_FATAL(setenv("TZ", names[i], 1), 0);
        tzset();
        unsigned wrong = 0;
        for (int64_t at = ms_of("1960-01-01T00:00:00Z"); at < ms_of("2060-01-01T00:00:00Z");
             at += INT64_C(3600000) * 5) {
            time_t seconds = (time_t)(at / 1000);
            struct tm local;
            CU_ASSERT_PTR_NOT_NULL_FATAL(localtime_r(&seconds, &local));
            wrong += zone_offset(zone, at) != local.tm_gmtoff * INT64_C(1000);
        }
        CU_ASSERT_EQUAL(wrong, 0);
        zone_free(zone);
    }
    unsetenv("TZ");
    tzset();
}

// There and back: the instant found shows the local time, and none before it does.
static void test_round_trip(void)
{
    struct zone *zone = open_zone("Europe/Berlin");
    for (int64_t local = ms_of("2023-01-01T00:00:00Z"); local < ms_of("2026-01-01T00:00:00Z");
         local += INT64_C(1800000)) {
        int64_t utc = zone_utc(zone, local);
        CU_ASSERT_TRUE(zone_local(zone, utc) >= local);
        CU_ASSERT_TRUE(zone_local(zone, utc - 1) < local);
    }
    CU_ASSERT_EQUAL(zone_offset(zone, INT64_MIN), zone_offset(zone, TIME_MIN_MS));
    CU_ASSERT_EQUAL(zone_offset(zone, INT64_MAX) % 3600000, 0);
    zone_free(zone);
}

static void test_refused(void)
{
    static const char *const names[] = {
        "", "Europe/Atlantis", "../../etc/passwd", "/etc/passwd", "Europe", "Europe/Ber\nlin"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct zone *zone = NULL;
        struct error err = ERROR_INIT;
        CU_ASSERT_EQUAL(zone_open(&zone, names[i], &err), ERR_INPUT);
        CHECK_HAS(err.text, "time zone");
        CU_ASSERT_PTR_NULL(zone);
    }
}

static const struct {
    const char *text;
    bool good;
} rules[] = {
    {"UTC0", true},
    {"<+0330>-3:30", true},
    {"CET-1CEST,M3.5.0,M10.5.0/3", true},
    {"IST-2IDT,M3.4.4/26,M10.5.0", true},
    {"<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", true},
    {"EST5EDT,J60/0,300/2:30:15", true},
    {"", false},
    {"CET", false},
    {"CE-1", false},
    {"CET-1CEST", false},
    {"CET-1CEST,M3.5.0", false},
    {"CET-1CEST,M13.5.0,M10.5.0/3", false},
    {"CET-1CEST,M3.5.0,M10.5.0/3x", false},
    {"CET-168", false},
    {"<+03-3", false},
    {"EST5EDT,J0,J2", false},
};

static void test_rules(void)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        struct zone_rule rule;
        CU_ASSERT_EQUAL(zone_rule_parse(&rule, rules[i].text, (uint32_t)strlen(rules[i].text)),
                        rules[i].good);
    }
}

// No damaged file is read beyond its end, and none that is cut is taken.
static void test_damaged(void)
{
    char whole[8192], bytes[8192];
    FILE *file = fopen("/usr/share/zoneinfo/Europe/Berlin", "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    size_t len = fread(whole, 1, sizeof whole, file);
    fclose(file);
    struct error err = ERROR_INIT;
    for (size_t cut = 0; cut < len; cut++) {
        struct zone *zone = NULL;
        char *exact = malloc(cut ? cut : 1); // so that the sanitizer sees its end
        CU_ASSERT_PTR_NOT_NULL_FATAL(exact);
        memcpy(exact, whole, cut);
        CU_ASSERT_EQUAL(zone_read(&zone, exact, cut, &err), ERR_INPUT);
        free(exact);
    }
    unsigned seed = 1;
    for (int round = 0; round < 20000; round++) {
        struct zone *zone = NULL;
        memcpy(bytes, whole, len);
        for (int k = 0; k < 3; k++) {
            seed = seed * 1103515245u + 12345u;
            bytes[(seed >> 8) % (k ? len : 60)] = (char)(seed >> 24);
        }
        if (!zone_read(&zone, bytes, len, &err))
            (void)zone_utc(zone, 1700000000000);
        zone_free(zone);
    }
}

static CU_TestInfo cases[] = {{"moments", test_moments},
                              {"as the C library", test_against_libc},
                              {"round trip", test_round_trip},
                              {"refused", test_refused},
                              {"rules", test_rules},
                              {"damaged files", test_damaged},
                              CU_TEST_INFO_NULL};
UNIT_MAIN(UNIT_SUITE("zone", cases))
