// SPDX-License-Identifier: MIT
#include "record/codec_error.h"
#include "record/utf8.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static char *put(char *at, const char *bytes, size_t len)
{
    memcpy(at, bytes, len);
    return at + len;
}

static char *put_number(char *at, size_t number)
{
    char digits[20], *digit = digits + sizeof digits;
    do
        *--digit = (char)('0' + number % 10);
    while (number /= 10);
    return put(at, digit, (size_t)(digits + sizeof digits - digit));
}

// By hand and in one piece: errors come in storms.
int codec_found(struct error *err, const char *bytes, size_t len, size_t at, const char *what)
{
    enum { WHAT_MAX = 256 };
    static const char hex[] = "0123456789abcdef";
    if (!err)
        return ERR_DATA;
    char made[WHAT_MAX + 64];
    char *end = put_number(put(made, "byte ", 5), at);
    end = put(put(end, ": expected ", 11), what, strnlen(what, WHAT_MAX));
    unsigned char c = at < len ? (unsigned char)bytes[at] : 0;
    char shown[] = {'\'', (char)c, '\''}, coded[] = {'0', 'x', hex[c >> 4], hex[c & 15]};
    end = put(end, ", found ", 8);
    if (at >= len)
        end = put(end, "the end", 7);
    else if (c > ' ' && c < 0x7f)
        end = put(end, shown, sizeof shown);
    else
        end = put(end, coded, sizeof coded);
    error_begin(err, ERR_DATA);
    error_add(err, made, (size_t)(end - made));
    return ERR_DATA;
}

int codec_expected(struct error *err, const char *bytes, size_t len, size_t at, const char *fmt,
                   ...)
{
    char what[256];
    if (!err)
        return ERR_DATA;
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    return codec_found(err, bytes, len, at, what);
}

int codec_check_utf8(struct error *err, const char *bytes, size_t len)
{
    size_t valid = utf8_valid(bytes, len);
    return valid < len ? codec_expected(err, bytes, len, valid, "valid UTF-8") : 0;
}

int codec_too_long(struct error *err, size_t max)
{
    return error_set(err, ERR_LIMIT, "byte %zu: the record is longer than %zu bytes", max, max);
}
