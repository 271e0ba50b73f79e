// SPDX-License-Identifier: MIT
#include "record/json_fast_common.h"

static inline __m256i load32(const char *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

static inline __m512i load64(const char *p)
{
    return _mm512_loadu_si512(p);
}

static inline uint32_t equal32(const char *a, const char *b)
{
    return _mm256_cmpeq_epi8_mask(load32(a), load32(b));
}

static inline uint64_t equal64(const char *a, const char *b)
{
    return _mm512_cmpeq_epi8_mask(load64(a), load64(b));
}

static inline uint32_t stop32(const char *p)
{
    __m256i v = load32(p);
    __m256i low = _mm256_cmpgt_epi8(_mm256_set1_epi8(0x20), v); // control, and not ASCII (signed)
    __m256i marks = _mm256_or_si256(_mm256_cmpeq_epi8(v, _mm256_set1_epi8('"')),
                                    _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\\')));
    return (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(low, marks));
}

static inline uint32_t mark32(const char *p, uint32_t *high)
{
    __m256i v = load32(p);
    *high = _mm256_movepi8_mask(v);
    return _mm256_cmpeq_epi8_mask(v, _mm256_set1_epi8('"')) |
           _mm256_cmpeq_epi8_mask(v, _mm256_set1_epi8('\\')) |
           _mm256_cmplt_epu8_mask(v, _mm256_set1_epi8(0x20));
}

static inline uint32_t nondigit32(const char *p)
{
    __m256i v = _mm256_sub_epi8(load32(p), _mm256_set1_epi8('0'));
    return _mm256_cmpgt_epu8_mask(v, _mm256_set1_epi8(9));
}

#include "record/json_fast_utf8.h"
#include "record/json_fast_value.h"
#include "record/json_fast_hint.h"
#include "record/json_fast_index.h"

static inline void block_masks(const char *p, struct block *block)
{
    const __m512i spaces = _mm512_broadcast_i32x4(_mm_setr_epi8(
        ' ', 100, 100, 100, 17, 100, 113, 2, 100, '\t', '\n', 112, 100, '\r', 100, 100));
    const __m512i ops = _mm512_broadcast_i32x4(
        _mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ':', '{', ',', '}', 0, 0));
    __m512i v = load64(p);
    block->quote = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('"'));
    block->backslash = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\\'));
    block->space = _mm512_cmpeq_epi8_mask(v, _mm512_shuffle_epi8(spaces, v));
    block->op = _mm512_cmpeq_epi8_mask(_mm512_or_si512(v, _mm512_set1_epi8(0x20)),
                                       _mm512_shuffle_epi8(ops, v));
    block->high = _mm512_movepi8_mask(v);
    block->control = _mm512_cmplt_epu8_mask(v, _mm512_set1_epi8(0x20));
    block->line = block->control & block->space;
    if (__builtin_expect(block->line != 0, 0))
        block->line &= ~_mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\t'));
}

static inline uint64_t prefix_xor(uint64_t bits)
{
    __m128i all = _mm_set1_epi8((char)0xff);
    return (uint64_t)_mm_cvtsi128_si64(
        _mm_clmulepi64_si128(_mm_set_epi64x(0, (int64_t)bits), all, 0));
}

#include "record/json_fast_walk.h"

const struct json_fast json_fast_avx512 = {.name = "avx512", .bitmap = bitmap, .hint = hint};
