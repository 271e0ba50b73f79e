// SPDX-License-Identifier: MIT
#include "record/framing.h"
#include <string.h>

void framer_init(struct framer *framer, enum framing kind, size_t max_bytes)
{
    *framer = (struct framer){.kind = kind, .max = max_bytes};
}

int framing_from_name(const char *name, enum framing *out, struct error *err)
{
    if (strcmp(name, "newline") == 0)
        *out = FRAMING_NEWLINE;
    else if (strcmp(name, "whole") == 0)
        *out = FRAMING_WHOLE;
    else
        return error_set(err, ERR_INPUT, "unknown framing '%s'; expected newline or whole", name);
    return 0;
}

static int too_long(struct framer *framer, struct frame *frame, size_t skip, struct error *err)
{
    framer->scanned = 0;
    *frame = (struct frame){.used = skip};
    return error_set(err, ERR_LIMIT, "a message is longer than %zu bytes", framer->max);
}

static int take(struct framer *framer, const char *bytes, size_t len, size_t used,
                struct frame *frame)
{
    framer->scanned = 0;
    *frame = (struct frame){.bytes = bytes, .len = len, .used = used};
    return 1;
}

// The rest of a line whose front was refused: dropped up to its end, in silence. *used says how
// much went; true when the end was there.
static bool skip_rest(struct framer *framer, const char *bytes, size_t len, int at_end,
                      size_t *used)
{
    const char *end = len ? memchr(bytes, '\n', len) : NULL;
    *used = end ? (size_t)(end - bytes) + 1 : len;
    framer->skipping = !end && !at_end;
    return end != NULL;
}

static int next_line(struct framer *framer, const char *bytes, size_t len, int at_end,
                     struct frame *frame, struct error *err)
{
    const char *end =
        len > framer->scanned ? memchr(bytes + framer->scanned, '\n', len - framer->scanned) : NULL;
    size_t line = end ? (size_t)(end - bytes) : len;
    size_t cut = line && bytes[line - 1] == '\r' && (end || at_end) ? line - 1 : line;
    if (cut > framer->max + (!end && !at_end)) { // an unfinished one may end in a CR that is cut
        framer->skipping = !end && !at_end;
        return too_long(framer, frame, end ? line + 1 : len, err);
    }
    if (end || (at_end && len))
        return take(framer, bytes, cut, end ? line + 1 : len, frame);
    framer->scanned = len;
    return 0;
}

int framer_next(struct framer *framer, const char *bytes, size_t len, int at_end,
                struct frame *frame, struct error *err)
{
    *frame = (struct frame){0};
    if (framer->kind == FRAMING_WHOLE) {
        if (len > framer->max)
            return too_long(framer, frame, len, err);
        return at_end && len ? take(framer, bytes, len, len, frame) : 0;
    }
    size_t skipped = 0;
    if (framer->skipping && !skip_rest(framer, bytes, len, at_end, &skipped)) {
        frame->used = skipped;
        return 0;
    }
    int result = next_line(framer, bytes + skipped, len - skipped, at_end, frame, err);
    if (!result && skipped)
        framer->scanned = 0; // it counts from the front of the rest
    frame->used += skipped;
    return result;
}
