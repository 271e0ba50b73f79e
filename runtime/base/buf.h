// SPDX-License-Identifier: MIT
#pragma once
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

// A growing byte buffer with a maximum, so that hostile input cannot make it eat the memory.
// Every append returns 0, ERR_NOMEM or ERR_LIMIT and then leaves the content as it was.

struct buf {
    char *data; // not NUL-terminated unless buf_cstr was called
    size_t len, cap, max;
};

void buf_init(struct buf *buf, size_t max);
void buf_deinit(struct buf *buf);
int buf_reserve(struct buf *buf, size_t extra); // room for `extra` more bytes
int buf_append(struct buf *buf, const void *bytes, size_t len);
int buf_puts(struct buf *buf, const char *text);
int buf_putc(struct buf *buf, char c);
int buf_printf(struct buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int buf_vprintf(struct buf *buf, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));
// NUL-terminated content, borrowed until the next append; "" when memory is out.
const char *buf_cstr(struct buf *buf);
// Removes the first `len` bytes.
void buf_consume(struct buf *buf, size_t len);
static inline void buf_clear(struct buf *buf)
{
    buf->len = 0;
}
