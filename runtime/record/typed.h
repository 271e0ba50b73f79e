// SPDX-License-Identifier: MIT
#pragma once
#include "record/record.h"

// What a piece of text is to be read as, in formats whose bytes do not say it (csv, logfmt, regular
// expressions). `auto` goes by the look: nothing is null; what is a JSON number that an int64 or a
// double holds is a number; true and false are booleans; all else, 007 and +5 among it, is text.
// Numbers stay as they are written until they are read.

enum typed { TYPED_AUTO, TYPED_TEXT, TYPED_INT, TYPED_NUMBER, TYPED_BOOL };

struct typed_member {
    const char *name;
    enum typed type;
};

bool typed_from_name(const char *name, enum typed *out);
enum typed typed_find(const struct typed_member *types, uint32_t count, const char *name,
                      uint32_t len); // TYPED_AUTO: not among them

// The span of raw[at .. at + len), which is plain text in UTF-8. NULL, or what was expected there.
// Nothing at all is null, but for TEXT.
const char *typed_span(enum typed type, const char *raw, uint32_t at, uint32_t len,
                       struct span *out);
enum span_kind typed_look(const char *text, uint32_t len); // what `auto` makes of it

// The same for hot loops: most text does not look like anything else.
static inline enum span_kind typed_look_fast(const char *text, uint32_t len)
{
    if (len && (unsigned char)(*text - '0') > 9 && *text != '-' && *text != 't' && *text != 'f')
        return SPAN_STRING;
    return typed_look(text, len);
}
