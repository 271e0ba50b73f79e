// SPDX-License-Identifier: MIT
#include "base/buf.h"
#include "base/alloc.h"
#include "base/error.h"

#include <stdio.h>

enum { FIRST_CAP = 256 };

void buf_init(struct buf *buf, size_t max)
{
    *buf = (struct buf){.max = max};
}

void buf_deinit(struct buf *buf)
{
    mem_free(buf->data);
    *buf = (struct buf){.max = buf->max};
}

// Makes cap >= need by doubling. The limit is checked by the callers: a NUL may lie beyond it.
static int grow(struct buf *buf, size_t need)
{
    if (need <= buf->cap)
        return 0;
    size_t cap = buf->cap < FIRST_CAP ? FIRST_CAP : buf->cap;
    while (cap < need) {
        if (__builtin_mul_overflow(cap, (size_t)2, &cap))
            cap = need;
    }
    if (cap > buf->max && need <= buf->max)
        cap = buf->max;
    char *data = mem_realloc(buf->data, cap);
    if (!data)
        return ERR_NOMEM;
    buf->data = data;
    buf->cap = cap;
    return 0;
}

int buf_reserve(struct buf *buf, size_t extra)
{
    if (buf->len > buf->max || extra > buf->max - buf->len)
        return ERR_LIMIT;
    return grow(buf, buf->len + extra);
}

int buf_append(struct buf *buf, const void *bytes, size_t len)
{
    int code = buf_reserve(buf, len);
    if (code)
        return code;
    if (len)
        memcpy(buf->data + buf->len, bytes, len);
    buf->len += len;
    return 0;
}

int buf_puts(struct buf *buf, const char *text)
{
    return buf_append(buf, text, strlen(text));
}

int buf_putc(struct buf *buf, char c)
{
    return buf_append(buf, &c, 1);
}

int buf_vprintf(struct buf *buf, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    size_t room = buf->cap - buf->len;
    int wanted = vsnprintf(room ? buf->data + buf->len : NULL, room, fmt, args);
    int code = wanted < 0 ? ERR_BUG : 0;
    if (!code && buf->len + (size_t)wanted > buf->max)
        code = ERR_LIMIT;
    if (!code && (size_t)wanted >= room) {
        code = grow(buf, buf->len + (size_t)wanted + 1);
        if (!code)
            (void)vsnprintf(buf->data + buf->len, (size_t)wanted + 1, fmt, again);
    }
    va_end(again);
    if (!code)
        buf->len += (size_t)wanted;
    return code;
}

int buf_printf(struct buf *buf, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int code = buf_vprintf(buf, fmt, args);
    va_end(args);
    return code;
}

const char *buf_cstr(struct buf *buf)
{
    if (grow(buf, buf->len + 1))
        return "";
    buf->data[buf->len] = 0;
    return buf->data;
}

void buf_consume(struct buf *buf, size_t len)
{
    if (len >= buf->len) {
        buf->len = 0;
        return;
    }
    memmove(buf->data, buf->data + len, buf->len - len);
    buf->len -= len;
}
