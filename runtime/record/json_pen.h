// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "base/error.h"
#include "record/shape.h"
#include "record/value.h"
#include <stdbool.h>

// Writes into the free part of a buffer without a call per piece: `pen_room` first, then put. What
// was put counts when the pen is closed. After a failed pen_room the buffer is as it was.

struct pen {
    struct buf *out;
    char *at, *end;
    int code;
};

static inline void pen_open(struct pen *pen, struct buf *out)
{
    *pen = (struct pen){.out = out};
    if (out->data) {
        pen->at = out->data + out->len;
        pen->end = out->data + out->cap;
    }
}

bool pen_more(struct pen *pen, size_t bytes);

static inline bool pen_room(struct pen *pen, size_t bytes)
{
    return (size_t)(pen->end - pen->at) >= bytes || pen_more(pen, bytes);
}

static inline void pen_char(struct pen *pen, char c)
{
    *pen->at++ = c;
}

static inline void pen_bytes(struct pen *pen, const char *bytes, size_t len)
{
    memcpy(pen->at, bytes, len);
    pen->at += len;
}

static inline int pen_close(struct pen *pen)
{
    if (pen->out->data)
        pen->out->len = (size_t)(pen->at - pen->out->data);
    return 0;
}

// Each makes its own room; false: see `code`.
bool pen_literal(struct pen *pen, const char *text, size_t len);
bool pen_string(struct pen *pen, const char *bytes, size_t len);
bool pen_text(struct pen *pen, const char *text, size_t len);
bool pen_value(struct pen *pen, struct value value);
// Words `code`, for the member `name` (NULL: a value of its own); returns it.
int pen_error(const struct pen *pen, const struct shape_name *name, struct error *err);
// Copies JSON text without the space between its tokens; returns the end. `to` may be `text`.
char *json_squeeze(char *to, const char *text, const char *end);
