// SPDX-License-Identifier: MIT
#include "record/csv.h"
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

// 64 bytes at a time: a bit for each delimiter, and whether anything is not simple.

enum { BLOCK = 64 };

struct marks {
    uint64_t delimiters, special, high;
};

#ifdef __SSE2__
static uint64_t bits(__m128i v, int shift)
{
    return (uint64_t)(uint32_t)_mm_movemask_epi8(v) << shift;
}

static struct marks look(const char *p, char delimiter, char quote)
{
    const __m128i d = _mm_set1_epi8(delimiter), q = _mm_set1_epi8(quote), n = _mm_set1_epi8('\n');
    struct marks marks = {0};
    for (int i = 0; i < BLOCK; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
        __m128i special = _mm_or_si128(_mm_cmpeq_epi8(v, q), _mm_cmpeq_epi8(v, n));
        marks.delimiters |= bits(_mm_cmpeq_epi8(v, d), i);
        marks.special |= bits(special, i);
        marks.high |= bits(v, i);
    }
    return marks;
}
#else
static struct marks look(const char *p, char delimiter, char quote)
{
    struct marks marks = {0};
    for (int i = 0; i < BLOCK; i++) {
        marks.delimiters |= (uint64_t)(p[i] == delimiter) << i;
        marks.special |= (uint64_t)(p[i] == quote || p[i] == '\n') << i;
        marks.high |= (uint64_t)((unsigned char)p[i] >> 7) << i;
    }
    return marks;
}
#endif

static struct marks look_at(const struct csv_options *options, const char *line, uint32_t base,
                            uint32_t len, size_t pad)
{
    char quote = options->quote ? options->quote : '\n';
    uint32_t left = len - base;
    if (left >= BLOCK)
        return look(line + base, options->delimiter, quote);
    uint64_t mine = ((uint64_t)1 << left) - 1;
    struct marks marks;
    if (left + pad >= BLOCK) {
        marks = look(line + base, options->delimiter, quote);
    } else {
        char tail[BLOCK] = {0};
        memcpy(tail, line + base, left);
        marks = look(tail, options->delimiter, quote);
    }
    return (struct marks){marks.delimiters & mine, marks.special & mine, marks.high & mine};
}

static bool fill(const enum typed *types, const char *line, uint32_t from, uint32_t to, uint32_t n,
                 struct span *spans)
{
    if (types)
        return !typed_span(types[n], line, from, to - from, &spans[n]);
    spans[n] = (struct span){.at = from,
                             .len = (to - from) & 0xfffffff,
                             .kind = typed_look_fast(line + from, to - from) & 15};
    return true;
}

enum csv_cut csv_cut_plain(const struct csv_options *options, const enum typed *types,
                           const char *line, uint32_t len, size_t pad, struct span *spans,
                           uint32_t count, bool *ascii)
{
    uint64_t high = 0;
    uint32_t from = 0, n = 0;
    for (uint32_t base = 0; base < len; base += BLOCK) {
        struct marks marks = look_at(options, line, base, len, pad);
        if (marks.special)
            return CSV_CUT_QUOTES;
        high |= marks.high;
        for (uint64_t left = marks.delimiters; left; left &= left - 1) {
            uint32_t at = base + (uint32_t)__builtin_ctzll(left);
            if (n + 1 >= count)
                return CSV_CUT_COUNT;
            if (!fill(types, line, from, at, n++, spans))
                return CSV_CUT_TYPE;
            from = at + 1;
        }
    }
    *ascii = high == 0;
    if (n + 1 != count)
        return CSV_CUT_COUNT;
    return fill(types, line, from, len, n, spans) ? CSV_CUT : CSV_CUT_TYPE;
}
