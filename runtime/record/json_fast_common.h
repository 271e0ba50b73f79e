// SPDX-License-Identifier: MIT
#pragma once
#include "base/alloc.h"
#include "record/json_layout.h"
#include "record/json_reader.h"
#include "record/number_scan.h"
#include "record/utf8.h"
#include <immintrin.h>

static inline bool hex4(const char *p, uint32_t *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++) {
        uint32_t c = (unsigned char)p[i], low = c | 0x20;
        if (c - '0' <= 9)
            *out = *out << 4 | (c - '0');
        else if (low - 'a' <= 5)
            *out = *out << 4 | (low - 'a' + 10);
        else
            return false;
    }
    return true;
}
