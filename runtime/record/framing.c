// SPDX-License-Identifier: MIT
#include "record/framing.h"
#include "record/framing_kinds.h"
#include <string.h>

void framer_open(struct framer *framer, const struct framing_options *options, size_t max_bytes)
{
    *framer = (struct framer){.options = *options, .max = max_bytes};
}

void framer_init(struct framer *framer, enum framing kind, size_t max_bytes)
{
    struct framing_options options = FRAMING_OPTIONS_DEFAULT;
    options.kind = kind;
    framer_open(framer, &options, max_bytes);
}

int framing_from_name(const char *name, enum framing *out, struct error *err)
{
    static const char *const names[] = {"newline", "whole", "csv", "length", "octet", "msgpack"};
    for (uint32_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (enum framing)i;
            return 0;
        }
    return error_set(err, ERR_INPUT,
                     "unknown framing '%s'; expected newline, whole, csv, length, octet or "
                     "msgpack",
                     name);
}

int framing_too_long(struct framer *framer, struct frame *frame, size_t skip, struct error *err)
{
    framer->scanned = 0;
    framer->csv = 0;
    *frame = (struct frame){.used = skip};
    return error_set(err, ERR_LIMIT, "a message is longer than %zu bytes", framer->max);
}

int framing_cut_off(struct frame *frame, size_t len, struct error *err)
{
    *frame = (struct frame){.used = len};
    return error_set(err, ERR_DATA, "the stream ends inside a message, after %zu bytes of it", len);
}

int framing_take(struct framer *framer, const char *bytes, size_t len, size_t used,
                 struct frame *frame)
{
    framer->scanned = 0;
    framer->csv = 0;
    *frame = (struct frame){.bytes = bytes, .len = len, .used = used};
    return 1;
}

bool framing_skip_line(struct framer *framer, const char *bytes, size_t len, int at_end,
                       size_t *used)
{
    const char *end = len ? memchr(bytes, '\n', len) : NULL;
    *used = end ? (size_t)(end - bytes) + 1 : len;
    framer->skipping = !end && !at_end;
    return end != NULL;
}

static const char *line_end(struct framer *framer, const char *bytes, size_t len)
{
    if (framer->options.kind == FRAMING_CSV)
        return framing_csv_end(framer, bytes, len);
    return len > framer->scanned ? memchr(bytes + framer->scanned, '\n', len - framer->scanned)
                                 : NULL;
}

static int cut_line(struct framer *framer, const char *bytes, size_t len, int at_end,
                    struct frame *frame, struct error *err)
{
    const char *end = line_end(framer, bytes, len);
    size_t line = end ? (size_t)(end - bytes) : len;
    size_t cut = line && bytes[line - 1] == '\r' && (end || at_end) ? line - 1 : line;
    if (cut > framer->max + (!end && !at_end)) { // an unfinished one may end in a CR that is cut
        // On behind the first line break beyond the limit, also in quotes: however much of the line
        // was there when it was refused, and though a quote may never be closed.
        size_t from = framer->max + 1;
        const char *stop = len > from ? memchr(bytes + from, '\n', len - from) : NULL;
        framer->skipping = !stop && !at_end;
        return framing_too_long(framer, frame, stop ? (size_t)(stop - bytes) + 1 : len, err);
    }
    if (end || (at_end && len))
        return framing_take(framer, bytes, cut, end ? line + 1 : len, frame);
    framer->scanned = len; // of what is left when the caller has taken frame->used
    return 0;
}

int framing_next_line(struct framer *framer, const char *bytes, size_t len, int at_end,
                      struct frame *frame, struct error *err)
{
    size_t skipped = 0;
    if (framer->skipping && !framing_skip_line(framer, bytes, len, at_end, &skipped)) {
        frame->used = skipped;
        return 0;
    }
    int result = cut_line(framer, bytes + skipped, len - skipped, at_end, frame, err);
    frame->used += skipped;
    frame->skipped = skipped;
    return result;
}

static int next_whole(struct framer *framer, const char *bytes, size_t len, int at_end,
                      struct frame *frame, struct error *err)
{
    if (framer->skipping || len > framer->max) {
        bool told = framer->skipping;
        framer->skipping = !at_end;
        *frame = (struct frame){.used = len};
        return told ? 0 : framing_too_long(framer, frame, len, err);
    }
    return at_end && len ? framing_take(framer, bytes, len, len, frame) : 0;
}

// *mark: bytes of the byte order mark in front. False while that cannot be told.
static bool pass_mark(struct framer *framer, const char *bytes, size_t len, int at_end,
                      size_t *mark)
{
    enum { MARK = 3 };
    if (!len)
        return true;
    if (memcmp(bytes, "\xef\xbb\xbf", len < MARK ? len : MARK) == 0) {
        if (len < MARK && !at_end)
            return false;
        *mark = len < MARK ? 0 : MARK;
    }
    framer->started = true;
    return true;
}

int framer_next(struct framer *framer, const char *bytes, size_t len, int at_end,
                struct frame *frame, struct error *err)
{
    enum framing kind = framer->options.kind;
    size_t mark = 0;
    *frame = (struct frame){0};
    if (kind == FRAMING_LENGTH || kind == FRAMING_OCTET)
        return framing_next_counted(framer, bytes, len, at_end, frame, err);
    if (kind == FRAMING_MSGPACK)
        return framing_next_msgpack(framer, bytes, len, at_end, frame, err);
    if (!framer->started && !pass_mark(framer, bytes, len, at_end, &mark))
        return 0;
    int result = kind == FRAMING_WHOLE
                     ? next_whole(framer, bytes + mark, len - mark, at_end, frame, err)
                     : framing_next_line(framer, bytes + mark, len - mark, at_end, frame, err);
    frame->used += mark;
    return result;
}
