// SPDX-License-Identifier: MIT
#include "base/error.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static const char cut_mark[] = "...";

// After something of `wanted` bytes was printed at `at`: sets the length, marks a cut, and keeps
// the text one line.
static void settle(struct error *err, size_t at, int wanted)
{
    size_t len = at + (wanted > 0 ? (size_t)wanted : 0);
    if (len >= sizeof err->text) {
        len = sizeof err->text - 1;
        memcpy(err->text + len - (sizeof cut_mark - 1), cut_mark, sizeof cut_mark);
    }
    err->len = len;
    for (size_t i = at; i < len; i++) { // a loop that is made into a few wide steps
        char c = err->text[i];
        err->text[i] = c == '\n' || c == '\r' ? ' ' : c;
    }
}

int error_setv(struct error *err, int code, const char *fmt, va_list args)
{
    if (err) {
        err->code = code;
        err->reason = REASON_NONE;
        err->text[0] = 0;
        settle(err, 0, vsnprintf(err->text, sizeof err->text, fmt, args));
    }
    return code;
}

int error_set(struct error *err, int code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    error_setv(err, code, fmt, args);
    va_end(args);
    return code;
}

void error_begin(struct error *err, int code)
{
    err->code = code;
    err->reason = REASON_NONE;
    err->len = 0;
    err->text[0] = 0;
}

void error_add(struct error *err, const char *text, size_t len)
{
    size_t at = err->len, room = sizeof err->text - 1 - at;
    memcpy(err->text + at, text, len < room ? len : room);
    settle(err, at, len < INT_MAX ? (int)len : INT_MAX);
    err->text[err->len] = 0;
}

int error_errno(struct error *err, int code, int errnum, const char *fmt, ...)
{
    if (!err)
        return code;
    va_list args;
    va_start(args, fmt);
    error_setv(err, code, fmt, args);
    va_end(args);
    char room[128];
    const char *why = strerror_r(errnum, room, sizeof room);
    size_t at = err->len;
    settle(err, at, snprintf(err->text + at, sizeof err->text - at, ": %s", why));
    return code;
}

int error_prefix(struct error *err, const char *fmt, ...)
{
    if (!err)
        return ERR_FATAL;
    char old[sizeof err->text];
    memcpy(old, err->text, err->len);
    old[err->len] = 0;
    enum reason reason = err->reason;
    va_list args;
    va_start(args, fmt);
    error_setv(err, err->code, fmt, args);
    va_end(args);
    err->reason = reason;
    size_t at = err->len;
    settle(err, at, snprintf(err->text + at, sizeof err->text - at, ": %s", old));
    return err->code;
}

int error_nomem(struct error *err)
{
    return error_set(err, ERR_NOMEM, "out of memory");
}

int error_as(struct error *err, enum reason reason)
{
    if (!err)
        return ERR_FATAL;
    err->reason = reason;
    return err->code;
}

enum reason error_code_reason(int code)
{
    switch (code) {
#define X(name, value, text)                                                                       \
    case ERR_##name:                                                                               \
        return REASON_##name;
        ERROR_CODES(X)
#undef X
    default:
        return REASON_BUG;
    }
}

enum reason error_reason(const struct error *err)
{
    return err->reason != REASON_NONE ? err->reason : error_code_reason(err->code);
}

void error_clear(struct error *err)
{
    if (!err)
        return;
    err->code = 0;
    err->reason = REASON_NONE;
    err->len = 0;
    err->text[0] = 0;
}

const char *error_name(int code)
{
    switch (code) {
    case ERR_OK:
        return "OK";
#define X(name, value, text)                                                                       \
    case ERR_##name:                                                                               \
        return #name;
        ERROR_CODES(X)
#undef X
    default:
        return "UNKNOWN";
    }
}

const char *error_meaning(int code)
{
    switch (code) {
    case ERR_OK:
        return "no error";
#define X(name, value, text)                                                                       \
    case ERR_##name:                                                                               \
        return text;
        ERROR_CODES(X)
#undef X
    default:
        return "unknown error";
    }
}
