// SPDX-License-Identifier: MIT
#include "record/typed.h"
#include "record/number.h"
#include "record/number_scan.h"
#include <string.h>

static const char *const type_names[] = {"auto", "text", "int", "number", "bool"};

bool typed_from_name(const char *name, enum typed *out)
{
    for (uint32_t i = 0; i < sizeof type_names / sizeof *type_names; i++)
        if (strcmp(name, type_names[i]) == 0) {
            *out = (enum typed)i;
            return true;
        }
    return false;
}

enum typed typed_find(const struct typed_member *types, uint32_t count, const char *name,
                      uint32_t len)
{
    for (uint32_t i = 0; i < count; i++)
        if (strlen(types[i].name) == len && memcmp(types[i].name, name, len) == 0)
            return types[i].type;
    return TYPED_AUTO;
}

// Digits only, without a zero in front, few enough for an int64.
static bool simple_int(const char *text, uint32_t len)
{
    enum { SAFE_DIGITS = 18 };
    if (len && *text == '-') {
        text++;
        len--;
        if (len && *text == '0')
            return false; // -0 is a double
    }
    if (!len || len > SAFE_DIGITS || (*text == '0' && len > 1))
        return false;
    for (uint32_t i = 0; i < len; i++)
        if ((unsigned char)(text[i] - '0') > 9)
            return false;
    return true;
}

// SPAN_INT, SPAN_NUMBER, or SPAN_STRING: no number that is held exactly or as a double.
static enum span_kind number_look(const char *text, uint32_t len)
{
    size_t used;
    enum span_kind kind;
    if (simple_int(text, len))
        return SPAN_INT;
    if (number_scan(text, len, &used, &kind) || used != len)
        return SPAN_STRING;
    return kind == SPAN_DIGITS ? SPAN_STRING : kind;
}

enum span_kind typed_look(const char *text, uint32_t len)
{
    if (!len)
        return SPAN_NULL;
    if (*text == 't')
        return len == 4 && memcmp(text, "true", 4) == 0 ? SPAN_TRUE : SPAN_STRING;
    if (*text == 'f')
        return len == 5 && memcmp(text, "false", 5) == 0 ? SPAN_FALSE : SPAN_STRING;
    return *text == '-' || (unsigned char)(*text - '0') <= 9 ? number_look(text, len) : SPAN_STRING;
}

const char *typed_span(enum typed type, const char *raw, uint32_t at, uint32_t len,
                       struct span *out)
{
    enum span_kind kind = type == TYPED_TEXT ? SPAN_STRING : typed_look_fast(raw + at, len);
    *out = (struct span){.at = at, .len = len & 0xfffffff, .kind = kind & 15};
    if (type <= TYPED_TEXT || kind == SPAN_NULL)
        return NULL;
    if (type == TYPED_INT)
        return kind == SPAN_INT ? NULL : "an integer of 64 bits";
    if (type == TYPED_BOOL)
        return kind == SPAN_TRUE || kind == SPAN_FALSE ? NULL : "true or false";
    return kind == SPAN_INT || kind == SPAN_NUMBER ? NULL : "a number";
}
