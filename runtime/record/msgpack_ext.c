// SPDX-License-Identifier: MIT
#include "base/buf.h"
#include "base/error.h"
#include "record/msgpack.h"
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

enum { TIMESTAMP = -1 };

struct moment {
    int64_t seconds;
    uint32_t nanoseconds;
};

static uint64_t number(const char *bytes, uint32_t width)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < width; i++)
        n = n << 8 | (unsigned char)bytes[i];
    return n;
}

// 32 bits of seconds; 30 of nanoseconds and 34 of seconds; 32 of nanoseconds and 64 of seconds.
static bool read_moment(const char *bytes, uint32_t len, struct moment *out)
{
    const uint64_t seconds = ((uint64_t)1 << 34) - 1;
    if (len == 4)
        *out = (struct moment){.seconds = (int64_t)number(bytes, 4)};
    else if (len == 8)
        *out = (struct moment){.seconds = (int64_t)(number(bytes, 8) & seconds),
                               .nanoseconds = (uint32_t)(number(bytes, 8) >> 34)};
    else if (len == 12)
        *out = (struct moment){.seconds = (int64_t)number(bytes + 4, 8),
                               .nanoseconds = (uint32_t)number(bytes, 4)};
    else
        return false;
    return out->nanoseconds < 1000000000;
}

static int put_timestamp(struct buf *json, const char *bytes, uint32_t len, size_t at,
                         struct error *err)
{
    const int64_t year_0 = -62167219200, year_10000 = 253402300800;
    struct moment moment;
    struct tm utc;
    char text[32], fraction[16] = "";
    if (!read_moment(bytes, len, &moment))
        return error_set(err, ERR_DATA, "byte %zu: expected a timestamp of 4, 8 or 12 bytes", at);
    time_t seconds = (time_t)moment.seconds;
    if (moment.seconds < year_0 || moment.seconds >= year_10000 || !gmtime_r(&seconds, &utc))
        return error_set(err, ERR_DATA,
                         "byte %zu: expected a timestamp from the year 0 to 9999, found %" PRId64
                         " s since 1970",
                         at, moment.seconds);
    int digits = 9;
    while (moment.nanoseconds && moment.nanoseconds % 10 == 0) {
        moment.nanoseconds /= 10;
        digits--;
    }
    if (moment.nanoseconds)
        (void)snprintf(fraction, sizeof fraction, ".%0*" PRIu32, digits, moment.nanoseconds);
    (void)strftime(text, sizeof text, "-%m-%dT%H:%M:%S", &utc);
    return buf_printf(json, "\"%04d%s%sZ\"", utc.tm_year + 1900, text, fraction);
}

int msgpack_put_base64(struct buf *out, const char *bytes, uint32_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    int code = buf_reserve(out, ((size_t)len + 2) / 3 * 4);
    for (uint32_t i = 0; i < len && !code; i += 3) {
        uint32_t have = len - i < 3 ? len - i : 3;
        uint32_t bits = (uint32_t)number(bytes + i, have) << (8 * (3 - have));
        char group[4] = {digits[bits >> 18], digits[bits >> 12 & 63],
                         have > 1 ? digits[bits >> 6 & 63] : '=',
                         have > 2 ? digits[bits & 63] : '='};
        code = buf_append(out, group, sizeof group);
    }
    return code;
}

int msgpack_put_ext(struct buf *json, int8_t type, const char *bytes, uint32_t len, size_t at,
                    struct error *err)
{
    if (type == TIMESTAMP)
        return put_timestamp(json, bytes, len, at, err);
    int code = buf_printf(json, "{\"ext\":%d,\"data\":\"", type);
    if (!code)
        code = msgpack_put_base64(json, bytes, len);
    return code ? code : buf_puts(json, "\"}");
}
