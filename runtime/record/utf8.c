// SPDX-License-Identifier: MIT
#include "record/utf8.h"
#include "record/name_hash.h"

size_t utf8_valid(const char *text, size_t len)
{
    size_t at = 0;
    while (at < len) {
        while (len - at >= 8 && !(load_u64(text + at) & 0x8080808080808080ull))
            at += 8;
        if (at == len)
            break;
        uint32_t bytes = utf8_sequence(text + at, len - at);
        if (!bytes)
            return at;
        at += bytes;
    }
    return at;
}
