// SPDX-License-Identifier: MIT
#include "record/framing_kinds.h"
#include <string.h>

// A quote opens a field only at its start; within, it is written twice.
enum { FIELD_START, FIELD_BARE, FIELD_QUOTED, FIELD_CLOSED };

static uint32_t step(const struct framing_options *options, uint32_t state, char c)
{
    if (state == FIELD_QUOTED)
        return c == options->quote ? FIELD_CLOSED : FIELD_QUOTED;
    if (c == options->delimiter)
        return FIELD_START;
    if (options->quote && c == options->quote && state != FIELD_BARE)
        return FIELD_QUOTED;
    return state == FIELD_CLOSED ? FIELD_CLOSED : FIELD_BARE;
}

const char *framing_csv_end(struct framer *framer, const char *bytes, size_t len)
{
    const struct framing_options *options = &framer->options;
    const char *from = bytes + framer->scanned;
    size_t more = len - framer->scanned;
    if (!more)
        return NULL;
    if (framer->csv != FIELD_QUOTED) {
        const char *end = memchr(from, '\n', more);
        if (end && (!options->quote || !memchr(from, options->quote, (size_t)(end - from))))
            return end;
    }
    uint32_t state = framer->csv;
    for (const char *p = from; p < from + more; p++) {
        if (*p == '\n' && state != FIELD_QUOTED)
            return p;
        state = step(options, state, *p);
    }
    framer->csv = state;
    return NULL;
}
