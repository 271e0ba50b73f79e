// SPDX-License-Identifier: MIT
#include "record/json_fast_common.h"

static inline __m256i load32(const char *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

static inline uint32_t bits32(__m256i v)
{
    return (uint32_t)_mm256_movemask_epi8(v);
}

static inline uint32_t equal32(const char *a, const char *b)
{
    return bits32(_mm256_cmpeq_epi8(load32(a), load32(b)));
}

static inline uint64_t equal64(const char *a, const char *b)
{
    return equal32(a, b) | (uint64_t)equal32(a + 32, b + 32) << 32;
}

static inline uint32_t stop32(const char *p)
{
    __m256i v = load32(p);
    __m256i low = _mm256_cmpgt_epi8(_mm256_set1_epi8(0x20), v); // control, and not ASCII (signed)
    __m256i marks = _mm256_or_si256(_mm256_cmpeq_epi8(v, _mm256_set1_epi8('"')),
                                    _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\\')));
    return bits32(_mm256_or_si256(low, marks));
}

static inline uint32_t mark32(const char *p, uint32_t *high)
{
    __m256i v = load32(p);
    __m256i control = _mm256_cmpeq_epi8(_mm256_max_epu8(v, _mm256_set1_epi8(0x20)), v);
    __m256i marks = _mm256_or_si256(_mm256_cmpeq_epi8(v, _mm256_set1_epi8('"')),
                                    _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\\')));
    *high = bits32(v);
    return bits32(marks) | ~bits32(control);
}

static inline uint32_t nondigit32(const char *p)
{
    __m256i v = _mm256_sub_epi8(load32(p), _mm256_set1_epi8('0'));
    return ~bits32(_mm256_cmpeq_epi8(_mm256_min_epu8(v, _mm256_set1_epi8(9)), v));
}

#include "record/json_fast_utf8.h"
#include "record/json_fast_value.h"
#include "record/json_fast_hint.h"
#include "record/json_fast_index.h"

static inline uint64_t pair(__m256i low, __m256i high)
{
    return bits32(low) | (uint64_t)bits32(high) << 32;
}

static inline void block_masks(const char *p, struct block *block)
{
    const __m256i spaces = _mm256_setr_epi8(' ', 100, 100, 100, 17, 100, 113, 2, 100, '\t', '\n',
                                            112, 100, '\r', 100, 100, ' ', 100, 100, 100, 17, 100,
                                            113, 2, 100, '\t', '\n', 112, 100, '\r', 100, 100);
    const __m256i ops = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ':', '{', ',', '}', 0, 0, 0,
                                         0, 0, 0, 0, 0, 0, 0, 0, 0, ':', '{', ',', '}', 0, 0);
    __m256i a = load32(p), b = load32(p + 32), bit5 = _mm256_set1_epi8(0x20);
    __m256i quote = _mm256_set1_epi8('"'), slash = _mm256_set1_epi8('\\');
    block->quote = pair(_mm256_cmpeq_epi8(a, quote), _mm256_cmpeq_epi8(b, quote));
    block->backslash = pair(_mm256_cmpeq_epi8(a, slash), _mm256_cmpeq_epi8(b, slash));
    block->space = pair(_mm256_cmpeq_epi8(a, _mm256_shuffle_epi8(spaces, a)),
                        _mm256_cmpeq_epi8(b, _mm256_shuffle_epi8(spaces, b)));
    block->op = pair(_mm256_cmpeq_epi8(_mm256_or_si256(a, bit5), _mm256_shuffle_epi8(ops, a)),
                     _mm256_cmpeq_epi8(_mm256_or_si256(b, bit5), _mm256_shuffle_epi8(ops, b)));
    block->high = pair(a, b);
    block->control = pair(_mm256_cmpgt_epi8(bit5, a), _mm256_cmpgt_epi8(bit5, b)) & ~block->high;
    block->line = block->control & block->space;
    if (__builtin_expect(block->line != 0, 0)) {
        __m256i tab = _mm256_set1_epi8('\t');
        block->line &= ~pair(_mm256_cmpeq_epi8(a, tab), _mm256_cmpeq_epi8(b, tab));
    }
}

static inline uint64_t prefix_xor(uint64_t bits)
{
    __m128i all = _mm_set1_epi8((char)0xff);
    return (uint64_t)_mm_cvtsi128_si64(
        _mm_clmulepi64_si128(_mm_set_epi64x(0, (int64_t)bits), all, 0));
}

#include "record/json_fast_walk.h"

const struct json_fast json_fast_avx2 = {.name = "avx2", .bitmap = bitmap, .hint = hint};
