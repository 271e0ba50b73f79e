// SPDX-License-Identifier: MIT
// Included by json_sse2.c, json_avx2.c and json_avx512.c, which define before:
//
//   stop32(p)      bits of the bytes that end a simple string: quote, backslash, control, not ASCII
//   mark32(p, high) bits of quotes, backslashes and control characters; *high: those not ASCII
//   utf8_all(p, len) whether that is UTF-8; looks at whole blocks of 32 bytes from p
//   nondigit32(p)  bits of the bytes that are no digit
//   equal64(a, b)  bits of the bytes that are equal in 64
//
// Plain values at `p`, inside a text that ends at `end` and has CHUNK_PAD readable bytes behind it.
// Each returns the end of the value, or NULL.

static const char *string_rest(const char *p, const char *end, enum span_kind *kind)
    __attribute__((noinline));

// The escape at p.
static inline const char *escape_end(const char *p, const char *end)
{
    static const bool letters[256] = {
        ['"'] = 1, ['\\'] = 1, ['/'] = 1, ['b'] = 1, ['f'] = 1, ['n'] = 1, ['r'] = 1, ['t'] = 1};
    if (p[1] != 'u')
        return letters[(unsigned char)p[1]] ? p + 2 : NULL;
    uint32_t high, low;
    if (end - p < 6 || !hex4(p + 2, &high))
        return NULL;
    if (high < 0xd800 || high > 0xdfff)
        return p + 6;
    if (high > 0xdbff || end - p < 12 || p[6] != '\\' || p[7] != 'u' || !hex4(p + 8, &low))
        return NULL;
    return low >= 0xdc00 && low <= 0xdfff ? p + 12 : NULL;
}

// A string of which some byte is not simple, from behind its opening quote to its closing one. What
// is not ASCII is looked at once the end is known: escapes do not matter to it.
static const char *string_rest(const char *p, const char *end, enum span_kind *kind)
{
    const char *start = p;
    uint32_t any_high = 0;
    while (p < end) {
        uint32_t high, mark = mark32(p, &high);
        if (!mark) {
            any_high |= high;
            p += 32;
            continue;
        }
        any_high |= high & (mark ^ (mark - 1));
        p += __builtin_ctz(mark);
        if (*p == '"') {
            bool valid = p < end && (!any_high || utf8_all(start, (uint32_t)(p - start)));
            return valid ? p : NULL;
        }
        if (*p != '\\' || p >= end)
            return NULL;
        *kind = SPAN_ESCAPED;
        p = escape_end(p, end);
        if (!p)
            return NULL;
    }
    return NULL;
}

// p is behind the opening quote; the result is the closing one.
static inline const char *string_end(const char *p, const char *end, enum span_kind *kind)
{
    uint32_t stop = stop32(p);
    *kind = SPAN_STRING;
    if (__builtin_expect(stop != 0, 1)) {
        const char *first = p + __builtin_ctz(stop);
        if (__builtin_expect(*first == '"', 1))
            return first;
    }
    return string_rest(p, end, kind);
}

static const char *number_rest(const char *p, const char *end, enum json_big_ints big_ints,
                               enum span_kind *kind) __attribute__((noinline));
static const char *number_rest(const char *p, const char *end, enum json_big_ints big_ints,
                               enum span_kind *kind)
{
    size_t used;
    if (number_scan(p, (size_t)(end - p), &used, kind) || !json_settle_number(big_ints, kind))
        return NULL;
    return p + used;
}

enum { SAFE_DIGITS = 18 }; // so many fit into an int64 whatever they are

// What follows the number is not looked at.
static inline const char *number_end(const char *p, const char *end, enum json_big_ints big_ints,
                                     enum span_kind *kind)
{
    const char *digits = p + (*p == '-');
    uint32_t other = nondigit32(digits);
    uint32_t count = (uint32_t)__builtin_ctz(other | 1u << (SAFE_DIGITS + 1));
    const char *stop = digits + count;
    *kind = SPAN_INT;
    // No digit, or too many of them; a leading zero, and -0.
    if (__builtin_expect(count - 1 >= SAFE_DIGITS || (*digits == '0' && stop != p + 1), 0))
        return number_rest(p, end, big_ints, kind);
    if (*stop == '.') {
        uint32_t behind = nondigit32(stop + 1);
        if (!(behind & ~1u))
            return number_rest(p, end, big_ints, kind);
        stop += 1 + __builtin_ctz(behind);
        *kind = SPAN_NUMBER;
        if (behind & 1)
            return NULL;
    }
    if (__builtin_expect((*stop | 0x20) == 'e', 0))
        return number_rest(p, end, big_ints, kind);
    return stop;
}

static inline const char *literal_end(const char *p, enum span_kind *kind)
{
    uint32_t text;
    memcpy(&text, p, sizeof text);
    if (text == 0x6c6c756e) { // null
        *kind = SPAN_NULL;
        return p + 4;
    }
    // true or false: as likely the one as the other, so that no branch tells them apart
    bool yes = text == 0x65757274, no = (text == 0x736c6166) & (p[4] == 'e');
    *kind = yes ? SPAN_TRUE : SPAN_FALSE;
    return yes | no ? p + 5 - yes : NULL;
}

// Bytes behind the end are no part of the text but may be looked at: the callers ask whether the
// value's end is beyond it.
static inline const char *skip_blanks(const char *p, const char *end)
{
    if (__builtin_expect(*p > ' ', 1))
        return p;
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    return p;
}

// An array of plain values at p.
static const char *plain_array_end(const char *p, const char *end, enum json_big_ints big_ints)
    __attribute__((noinline));
static const char *plain_array_end(const char *p, const char *end, enum json_big_ints big_ints)
{
    enum span_kind kind;
    p = skip_blanks(p + 1, end);
    if (p < end && *p == ']')
        return p + 1;
    while (p < end) {
        if (*p == '"') {
            p = string_end(p + 1, end, &kind);
            if (p)
                p++;
        } else if (*p == '-' || (unsigned char)(*p - '0') <= 9) {
            p = number_end(p, end, big_ints, &kind);
        } else {
            p = literal_end(p, &kind);
        }
        if (!p)
            return NULL;
        p = skip_blanks(p, end);
        if (p < end && *p == ']')
            return p + 1;
        if (p >= end || *p != ',')
            return NULL;
        p = skip_blanks(p + 1, end);
    }
    return NULL;
}
