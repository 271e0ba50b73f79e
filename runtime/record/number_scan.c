// SPDX-License-Identifier: MIT
#include "record/number_scan.h"
#include "record/number_shim.h"

// A number of fewer digits before the point is finite whatever follows (without an exponent).
enum { SURELY_FINITE_DIGITS = 300 };

static size_t count_digits(const char *text, size_t len, size_t at)
{
    size_t start = at;
    while (at < len && (unsigned char)(text[at] - '0') <= 9)
        at++;
    return at - start;
}

// True when the number's first digit that counts stands right of the point: it is too small, not
// too large.
static bool is_tiny(const char *text, size_t len)
{
    int64_t place = 0, exponent = 0;
    size_t at = text[0] == '-';
    bool seen = false, point = false;
    for (; at < len && (text[at] | 0x20) != 'e'; at++) {
        if (text[at] == '.')
            point = true;
        else if (seen || text[at] != '0')
            seen = true, place += !point;
        else
            place -= point; // a zero behind the point and before the first digit
    }
    bool negative = at + 1 < len && text[at + 1] == '-';
    for (at++; at < len; at++)
        if (text[at] >= '0' && text[at] <= '9' && exponent < INT32_MAX)
            exponent = exponent * 10 + (text[at] - '0');
    return !seen || place + (negative ? -exponent : exponent) < 0;
}

// Numbers of few digits without an exponent, which is most of them: both the digits and the power
// of ten are exact as doubles then, so that one division rounds correctly. False: not one of these.
static inline bool read_short(const char *text, size_t len, double *out)
{
    enum { DIGITS_EXACT = 15 };
    static const double powers[DIGITS_EXACT + 1] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    size_t minus = *text == '-', behind = 0;
    uint64_t digits = 0;
    if (len - minus > DIGITS_EXACT + 1)
        return false;
    for (size_t at = minus; at < len; at++) {
        if (text[at] == '.')
            behind = len - at - 1;
        else if ((unsigned char)(text[at] - '0') <= 9)
            digits = digits * 10 + (unsigned)(text[at] - '0');
        else
            return false;
    }
    if (digits >= 1000000000000000u)
        return false; // 16 digits, without a point
    double value = (double)digits / powers[behind];
    *out = minus ? -value : value;
    return true;
}

bool number_to_double(const char *text, size_t len, double *out)
{
    if (read_short(text, len, out))
        return true;
    int result = number_shim_parse(text, len, out);
    if (result == 0)
        return true;
    if (result < 0 || !is_tiny(text, len))
        return false;
    *out = text[0] == '-' ? -0.0 : 0.0;
    return true;
}

// Behind the digits: fraction and exponent.
static const char *scan_rest(const char *text, size_t len, size_t *used, bool *exponent)
{
    size_t at = *used;
    if (at < len && text[at] == '.') {
        size_t digits = count_digits(text, len, at + 1);
        *used = at += 1 + digits;
        if (!digits)
            return "a digit after the point";
    }
    if (at < len && (text[at] | 0x20) == 'e') {
        at++;
        if (at < len && (text[at] == '+' || text[at] == '-'))
            at++;
        size_t digits = count_digits(text, len, at);
        *used = at + digits;
        *exponent = true;
        if (!digits)
            return "a digit of the exponent";
    }
    return NULL;
}

const char *number_scan(const char *text, size_t len, size_t *used, enum span_kind *kind)
{
    size_t at = len > 0 && text[0] == '-';
    size_t digits = count_digits(text, len, at);
    *used = at + digits;
    *kind = SPAN_INT;
    if (!digits)
        return "a digit";
    if (digits > 1 && text[at] == '0') {
        *used = at + 1;
        return "no digit after a leading zero";
    }
    if (at && digits == 1 && text[at] == '0')
        *kind = SPAN_NUMBER; // -0 is no integer
    bool exponent = false;
    size_t integer_end = *used;
    const char *expected = scan_rest(text, len, used, &exponent);
    if (expected)
        return expected;
    if (*used > integer_end)
        *kind = SPAN_NUMBER;
    else if (!number_is_int64(text, *used))
        *kind = SPAN_DIGITS;
    double ignored;
    if ((exponent || digits > SURELY_FINITE_DIGITS) && !number_to_double(text, *used, &ignored)) {
        *used = 0;
        return "a number that a double can hold";
    }
    return NULL;
}
