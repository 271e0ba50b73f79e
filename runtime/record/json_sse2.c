// SPDX-License-Identifier: MIT
#include "record/json_fast_common.h"

static inline __m128i load16(const char *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline uint32_t bits32(__m128i low, __m128i high)
{
    return (uint32_t)_mm_movemask_epi8(low) | (uint32_t)_mm_movemask_epi8(high) << 16;
}

static inline uint32_t equal32(const char *a, const char *b)
{
    return bits32(_mm_cmpeq_epi8(load16(a), load16(b)),
                  _mm_cmpeq_epi8(load16(a + 16), load16(b + 16)));
}

static inline uint64_t equal64(const char *a, const char *b)
{
    return equal32(a, b) | (uint64_t)equal32(a + 32, b + 32) << 32;
}

static inline __m128i stop16(__m128i v)
{
    __m128i low = _mm_cmpgt_epi8(_mm_set1_epi8(0x20), v); // control, and not ASCII (signed)
    __m128i marks =
        _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
    return _mm_or_si128(low, marks);
}

static inline uint32_t stop32(const char *p)
{
    return bits32(stop16(load16(p)), stop16(load16(p + 16)));
}

static inline uint32_t mark32(const char *p, uint32_t *high)
{
    uint32_t stop = stop32(p);
    *high = bits32(load16(p), load16(p + 16));
    return stop & ~*high;
}

static bool utf8_all(const char *text, uint32_t len)
{
    return utf8_valid(text, len) == len;
}

static inline __m128i digit16(__m128i v)
{
    v = _mm_sub_epi8(v, _mm_set1_epi8('0'));
    return _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(9)), v);
}

static inline uint32_t nondigit32(const char *p)
{
    return ~bits32(digit16(load16(p)), digit16(load16(p + 16)));
}

#include "record/json_fast_value.h"
#include "record/json_fast_hint.h"
#include "record/json_fast_index.h"

static inline __m128i is(__m128i v, char c)
{
    return _mm_cmpeq_epi8(v, _mm_set1_epi8(c));
}

static inline void part_masks(const char *p, struct block *block, unsigned shift)
{
    __m128i v = load16(p), lower = _mm_or_si128(v, _mm_set1_epi8(0x20));
    __m128i line = _mm_or_si128(is(v, '\n'), is(v, '\r'));
    __m128i space = _mm_or_si128(_mm_or_si128(is(v, ' '), is(v, '\t')), line);
    __m128i op = _mm_or_si128(_mm_or_si128(is(lower, '{'), is(lower, '}')),
                              _mm_or_si128(is(v, ','), is(v, ':')));
    __m128i control = _mm_cmpgt_epi8(_mm_set1_epi8(0x20), v);
    uint64_t high = (uint32_t)_mm_movemask_epi8(v);
    block->quote |= (uint64_t)(uint32_t)_mm_movemask_epi8(is(v, '"')) << shift;
    block->backslash |= (uint64_t)(uint32_t)_mm_movemask_epi8(is(v, '\\')) << shift;
    block->op |= (uint64_t)(uint32_t)_mm_movemask_epi8(op) << shift;
    block->space |= (uint64_t)(uint32_t)_mm_movemask_epi8(space) << shift;
    block->line |= (uint64_t)(uint32_t)_mm_movemask_epi8(line) << shift;
    block->control |= ((uint64_t)(uint32_t)_mm_movemask_epi8(control) & ~high) << shift;
    block->high |= high << shift;
}

static inline void block_masks(const char *p, struct block *block)
{
    *block = (struct block){0};
    for (unsigned i = 0; i < 64; i += 16)
        part_masks(p + i, block, i);
}

static inline uint64_t prefix_xor(uint64_t bits)
{
    for (unsigned shift = 1; shift < 64; shift *= 2)
        bits ^= bits << shift;
    return bits;
}

#include "record/json_fast_walk.h"

const struct json_fast json_fast_sse2 = {.name = "sse2", .bitmap = bitmap, .hint = hint};
