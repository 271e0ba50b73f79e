// SPDX-License-Identifier: MIT
#include "record/number.h"
#include "record/number_scan.h"
#include "record/number_shim.h"
#include <math.h>
#include <string.h>

static const char digit_pairs[] = "00010203040506070809101112131415161718192021222324"
                                  "25262728293031323334353637383940414243444546474849"
                                  "50515253545556575859606162636465666768697071727374"
                                  "75767778798081828384858687888990919293949596979899";

static size_t digit_count(uint64_t value)
{
    static const uint64_t powers[] = {0,
                                      10,
                                      100,
                                      1000,
                                      10000,
                                      100000,
                                      1000000,
                                      10000000,
                                      100000000,
                                      1000000000,
                                      10000000000,
                                      100000000000,
                                      1000000000000,
                                      10000000000000,
                                      100000000000000,
                                      1000000000000000,
                                      10000000000000000,
                                      100000000000000000,
                                      1000000000000000000,
                                      10000000000000000000ull};
    unsigned bits = 64u - (unsigned)__builtin_clzll(value | 1);
    unsigned guess = bits * 1233 >> 12; // log10(2) is close to 1233 / 4096, never above
    return guess + (value >= powers[guess]);
}

size_t number_format_int(int64_t value, char out[NUMBER_TEXT_MAX])
{
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    size_t minus = value < 0, len = digit_count(rest) + minus;
    char *at = out + len;
    out[0] = '-';
    while (rest >= 100) {
        at -= 2;
        memcpy(at, &digit_pairs[rest % 100 * 2], 2);
        rest /= 100;
    }
    if (rest >= 10)
        memcpy(at - 2, &digit_pairs[rest * 2], 2);
    else
        at[-1] = (char)('0' + rest);
    return len;
}

size_t number_format_double(double value, char out[NUMBER_TEXT_MAX])
{
    if (!isfinite(value))
        return 0;
    size_t len;
    if (fabs(value) < 1e15 && value == (double)(int64_t)value && !(value == 0 && signbit(value))) {
        len = number_format_int((int64_t)value, out);
    } else {
        len = number_shim_format(value, out);
        if (memchr(out, '.', len) || memchr(out, 'e', len))
            return len;
    }
    memcpy(out + len, ".0", 2);
    return len + 2;
}

bool number_parse_int(const char *text, size_t len, int64_t *out)
{
    enum span_kind kind;
    size_t used;
    if (number_scan(text, len, &used, &kind) || used != len || kind != SPAN_INT)
        return false;
    bool negative = text[0] == '-';
    uint64_t value = 0;
    for (size_t i = negative; i < len; i++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value))
            return false;
    if (value > (uint64_t)INT64_MAX + negative)
        return false;
    *out = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

bool number_parse_double(const char *text, size_t len, double *out)
{
    enum span_kind kind;
    size_t used;
    return !number_scan(text, len, &used, &kind) && used == len && number_to_double(text, len, out);
}
