// SPDX-License-Identifier: MIT
#pragma once
#include "base/error.h"
#include <stdint.h>

// Time zones: how far local time is from UTC, at any instant, from the system's time zone files
// (TZif, RFC 8536: the transitions that are listed, and behind them the rule in the footer).
// A zone is immutable: any thread may read it.

struct zone;

// "Europe/Berlin", "UTC"... ERR_INPUT: there is no such zone, or its file is damaged.
int zone_open(struct zone **out, const char *name, struct error *err);
// The same from the bytes of a file.
int zone_read(struct zone **out, const char *bytes, size_t len, struct error *err);
void zone_free(struct zone *zone); // NULL is fine

// What is to be added to UTC to get the local time; milliseconds on both sides.
int64_t zone_offset(const struct zone *zone, int64_t utc_ms);
static inline int64_t zone_local(const struct zone *zone, int64_t utc_ms)
{
    return utc_ms + zone_offset(zone, utc_ms);
}
// The instant at which clocks first show `local_ms` or, where they leap over it, more.
int64_t zone_utc(const struct zone *zone, int64_t local_ms);
