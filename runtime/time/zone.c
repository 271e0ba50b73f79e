// SPDX-License-Identifier: MIT
#include "time/zone.h"
#include "base/alloc.h"
#include "base/io.h"
#include "time/timestamp.h"
#include "time/zone_rule.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX_BYTES = 1 << 20, NAME_MAX_BYTES = 64, HEADER = 44, TYPE_BYTES = 6 };

struct zone {
    uint32_t count;  // of transitions
    int64_t *at;     // seconds of UTC, ascending
    int32_t *offset; // seconds, from at[i] on
    int32_t first;   // before at[0]
    bool has_rule;   // for what is behind the last
    struct zone_rule rule;
};

// -- the file --

// Counts of a header, in its order.
struct counts {
    uint32_t isutc, isstd, leap, times, types, chars;
};

static uint32_t be32(const char *bytes)
{
    const unsigned char *b = (const unsigned char *)bytes;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static int64_t be64(const char *bytes)
{
    return (int64_t)((uint64_t)be32(bytes) << 32 | be32(bytes + 4));
}

// The size of the data behind a header, whose times have `width` bytes; 0: it is none of ours.
static size_t read_header(const char *bytes, size_t len, size_t width, struct counts *counts)
{
    if (len < HEADER || memcmp(bytes, "TZif", 4) != 0)
        return 0;
    uint32_t *fields = &counts->isutc;
    for (int i = 0; i < 6; i++)
        if ((fields[i] = be32(bytes + 20 + 4 * i)) > FILE_MAX_BYTES)
            return 0;
    if (counts->types == 0)
        return 0;
    return (size_t)counts->times * (width + 1) + (size_t)counts->types * TYPE_BYTES +
           counts->chars + (size_t)counts->leap * (width + 4) + counts->isstd + counts->isutc;
}

static bool read_times(struct zone *zone, const char *data, const struct counts *counts)
{
    const char *kinds = data + (size_t)counts->times * 8, *types = kinds + counts->times;
    zone->first = (int32_t)be32(types);
    for (uint32_t i = 0; i < counts->times; i++) {
        uint32_t type = (unsigned char)kinds[i];
        zone->at[i] = be64(data + (size_t)i * 8);
        if (type >= counts->types || (i && zone->at[i] <= zone->at[i - 1]))
            return false;
        zone->offset[i] = (int32_t)be32(types + (size_t)type * TYPE_BYTES);
    }
    zone->count = counts->times;
    return true;
}

// "\nCET-1CEST,...\n" at the end; may be empty.
static bool read_footer(struct zone *zone, const char *at, const char *end)
{
    if (end - at < 2 || at[0] != '\n' || end[-1] != '\n')
        return false;
    uint32_t len = (uint32_t)(end - at - 2);
    zone->has_rule = len > 0;
    return len == 0 || zone_rule_parse(&zone->rule, at + 1, len);
}

int zone_read(struct zone **out, const char *bytes, size_t len, struct error *err)
{
    struct counts counts;
    size_t old = read_header(bytes, len, 4, &counts); // the first part is for old readers
    size_t start = HEADER + old, size = 0;
    if (old && bytes[4] >= '2' && start < len)
        size = read_header(bytes + start, len - start, 8, &counts);
    if (!size || size > len - start - HEADER)
        return error_set(err, ERR_INPUT, "no time zone file of version 2 or later");
    struct zone *zone = mem_zalloc(sizeof *zone);
    if (!zone)
        return error_nomem(err);
    zone->at = mem_array(counts.times + 1, sizeof *zone->at);
    zone->offset = mem_array(counts.times + 1, sizeof *zone->offset);
    const char *data = bytes + start + HEADER;
    int rc = zone->at && zone->offset ? 0 : error_nomem(err);
    if (!rc && (!read_times(zone, data, &counts) || !read_footer(zone, data + size, bytes + len)))
        rc = error_set(err, ERR_INPUT, "the time zone file is damaged");
    if (rc)
        zone_free(zone);
    else
        *out = zone;
    return rc;
}

void zone_free(struct zone *zone)
{
    if (!zone)
        return;
    mem_free(zone->at);
    mem_free(zone->offset);
    mem_free(zone);
}

// Letters, digits and what stands between them: never a way out of the folder.
static bool good_name(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len > NAME_MAX_BYTES || name[0] == '/' || strstr(name, ".."))
        return false;
    return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") ==
           len;
}

static int read_file(const char *path, char *bytes, size_t *len, struct error *err)
{
    int fd, rc = io_open(&fd, path, O_RDONLY, 0, err);
    if (rc)
        return rc;
    struct stat stat;
    bool plain = fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode);
    rc = plain ? io_pread(fd, path, bytes, FILE_MAX_BYTES, 0, len, err)
               : error_set(err, ERR_INPUT, "%s: not a file", path);
    close(fd);
    return rc;
}

int zone_open(struct zone **out, const char *name, struct error *err)
{
    char path[NAME_MAX_BYTES + 32];
    if (!good_name(name))
        return error_set(err, ERR_INPUT, "'%s' is no name of a time zone such as Europe/Berlin",
                         name);
    (void)snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
    char *bytes = mem_alloc(FILE_MAX_BYTES);
    size_t len = 0;
    if (!bytes)
        return error_nomem(err);
    int rc = read_file(path, bytes, &len, NULL);
    if (rc && rc != ERR_NOMEM)
        rc = error_set(err, ERR_INPUT,
                       "there is no time zone '%s' (%s; the package tzdata has them)", name, path);
    else if (!rc && (rc = zone_read(out, bytes, len, err)))
        error_prefix(err, "%s", path);
    mem_free(bytes);
    return rc;
}

// -- using --

static int64_t offset_seconds(const struct zone *zone, int64_t utc)
{
    uint32_t low = 0, high = zone->count; // transitions at or before utc
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (zone->at[mid] <= utc)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == zone->count && zone->has_rule)
        return zone_rule_offset(&zone->rule, utc);
    return low ? zone->offset[low - 1] : zone->first;
}

static int64_t floor_seconds(int64_t ms)
{
    return ms / 1000 - (ms % 1000 < 0);
}

// Outside the calendar (years 1 to 9999) local time is that of its nearest year.
static int64_t in_calendar(int64_t ms)
{
    const int64_t day = INT64_C(86400000) * 2;
    return ms < TIME_MIN_MS + day   ? TIME_MIN_MS + day
           : ms > TIME_MAX_MS - day ? TIME_MAX_MS - day
                                    : ms;
}

int64_t zone_offset(const struct zone *zone, int64_t utc_ms)
{
    return offset_seconds(zone, floor_seconds(in_calendar(utc_ms))) * 1000;
}

// The offset before a change may still hold at `local`, or the one behind it does already; both are
// found a day away, as no zone changes twice within two days.
int64_t zone_utc(const struct zone *zone, int64_t local_ms)
{
    const int64_t day = INT64_C(86400000);
    int64_t before = zone_offset(zone, in_calendar(local_ms) - day);
    int64_t after = zone_offset(zone, in_calendar(local_ms) + day);
    int64_t early = local_ms - (before > after ? before : after);
    int64_t late = local_ms - (before > after ? after : before);
    if (zone_local(zone, early) == local_ms)
        return early;
    if (zone_local(zone, late) == local_ms)
        return late;
    // Leapt over: the first instant behind the leap, by bisection.
    while (late - early > 1) {
        int64_t mid = early + (late - early) / 2;
        if (zone_local(zone, mid) >= local_ms)
            late = mid;
        else
            early = mid;
    }
    return late;
}
