// SPDX-License-Identifier: MIT
#include "base/utf8.h"

#include <string.h>

// How long a sequence with this lead byte is, and its least code point; 0: no lead byte.
static size_t sequence(unsigned char lead, uint32_t *least)
{
    static const struct {
        unsigned char mask, value;
        uint32_t least;
    } kinds[] = {{0x80, 0, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        *least = kinds[i].least;
        if ((lead & kinds[i].mask) == kinds[i].value)
            return i + 1;
    }
    return 0;
}

size_t utf8_char(const char *text, size_t left, uint32_t *point)
{
    uint32_t least = 0;
    unsigned char lead = left ? (unsigned char)*text : 0xff;
    size_t count = sequence(lead, &least);
    if (!count || count > left)
        return 0;
    uint32_t code = count == 1 ? lead : lead & (0x7fu >> count);
    for (size_t k = 1; k < count; k++) {
        unsigned char next = (unsigned char)text[k];
        if ((next & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (next & 0x3f);
    }
    if (code < least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        return 0;
    if (point)
        *point = code;
    return count;
}

void utf8_clean(char *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        uint32_t point = 0;
        size_t count = utf8_char(text + i, len - i, &point);
        if (point == '\t')
            text[i] = ' ';
        else if (!count || point < ' ' || (point >= 0x7f && point < 0xa0))
            memset(text + i, '?', count ? count : 1);
        i += count ? count : 1;
    }
}
