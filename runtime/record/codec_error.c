// SPDX-License-Identifier: MIT
#include "record/codec_error.h"
#include "record/utf8.h"
#include <stdarg.h>
#include <stdio.h>

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
    if (at >= len)
        return error_set(err, ERR_DATA, "byte %zu: expected %s, found the end", at, what);
    unsigned char c = (unsigned char)bytes[at];
    if (c > ' ' && c < 0x7f)
        return error_set(err, ERR_DATA, "byte %zu: expected %s, found '%c'", at, what, c);
    return error_set(err, ERR_DATA, "byte %zu: expected %s, found 0x%02x", at, what, c);
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
