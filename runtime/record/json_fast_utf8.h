// SPDX-License-Identifier: MIT
// UTF-8 by table look-up, 32 bytes at a time (Keiser and Lemire, "Validating UTF-8 in less than one
// instruction per byte"): three nibbles of each pair of bytes name the errors that they may be part
// of; an error is where all three agree. Needs AVX2.

enum {
    TOO_SHORT = 1,       // a lead byte or ASCII where a continuation is due
    TOO_LONG = 2,        // a continuation behind ASCII
    OVERLONG_3 = 4,      // e0 80..9f
    TOO_LARGE = 8,       // f4 90..bf, f5 and above
    SURROGATE = 16,      // ed a0..bf
    OVERLONG_2 = 32,     // c0, c1
    TOO_LARGE_1000 = 64, // f5 80..8f and above
    OVERLONG_4 = 64,     // f0 80..8f: the low nibble of the lead byte tells the two apart
    TWO_CONTS = 128,
    CARRY = TOO_SHORT | TOO_LONG | TWO_CONTS
};

static inline __m256i table16(char a, char b, char c, char d, char e, char f, char g, char h,
                              char i, char j, char k, char l, char m, char n, char o, char p)
{
    return _mm256_broadcastsi128_si256(
        _mm_setr_epi8(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p));
}

static inline __m256i high_nibble(__m256i v)
{
    return _mm256_and_si256(_mm256_srli_epi16(v, 4), _mm256_set1_epi8(15));
}

// v shifted so that each byte is the one `n` before it.
#define BEFORE(v, last, n) _mm256_alignr_epi8(v, _mm256_permute2x128_si256(last, v, 0x21), 16 - (n))

static inline __m256i pair_errors(__m256i v, __m256i before)
{
    const char two = (char)TWO_CONTS, carry = (char)CARRY;
    const char big = (char)(carry | TOO_LARGE | TOO_LARGE_1000);
    __m256i lead_high =
        _mm256_shuffle_epi8(table16(TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG,
                                    TOO_LONG, TOO_LONG, two, two, two, two, TOO_SHORT | OVERLONG_2,
                                    TOO_SHORT, TOO_SHORT | OVERLONG_3 | SURROGATE,
                                    TOO_SHORT | TOO_LARGE | TOO_LARGE_1000 | OVERLONG_4),
                            high_nibble(before));
    __m256i lead_low = _mm256_shuffle_epi8(
        table16((char)(carry | OVERLONG_3 | OVERLONG_2 | OVERLONG_4), (char)(carry | OVERLONG_2),
                carry, carry, (char)(carry | TOO_LARGE), big, big, big, big, big, big, big, big,
                (char)(big | SURROGATE), big, big),
        _mm256_and_si256(before, _mm256_set1_epi8(15)));
    const char cont = (char)(TOO_LONG | OVERLONG_2 | TWO_CONTS);
    __m256i next_high = _mm256_shuffle_epi8(
        table16(TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,
                TOO_SHORT, (char)(cont | OVERLONG_3 | TOO_LARGE_1000 | OVERLONG_4),
                (char)(cont | OVERLONG_3 | TOO_LARGE), (char)(cont | SURROGATE | TOO_LARGE),
                (char)(cont | SURROGATE | TOO_LARGE), TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT),
        high_nibble(v));
    return _mm256_and_si256(_mm256_and_si256(lead_high, lead_low), next_high);
}

static inline __m256i utf8_errors(__m256i v, __m256i last)
{
    __m256i pairs = pair_errors(v, BEFORE(v, last, 1));
    __m256i third = _mm256_subs_epu8(BEFORE(v, last, 2), _mm256_set1_epi8((char)(0xe0 - 0x80)));
    __m256i fourth = _mm256_subs_epu8(BEFORE(v, last, 3), _mm256_set1_epi8((char)(0xf0 - 0x80)));
    __m256i due = _mm256_and_si256(_mm256_or_si256(third, fourth), _mm256_set1_epi8((char)0x80));
    return _mm256_xor_si256(due, pairs);
}

// Bytes behind the text read as zero, so that what is unfinished is an error there. At least one
// such byte is looked at.
static bool utf8_all(const char *text, uint32_t len)
{
    const __m256i places =
        _mm256_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
                         21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31);
    __m256i last = _mm256_setzero_si256(), errors = last;
    uint32_t at = 0;
    for (; at + 32 <= len; at += 32) {
        __m256i v = load32(text + at);
        errors = _mm256_or_si256(errors, utf8_errors(v, last));
        last = v;
    }
    __m256i rest = _mm256_cmpgt_epi8(_mm256_set1_epi8((char)(len - at)), places);
    __m256i v = _mm256_and_si256(load32(text + at), rest);
    errors = _mm256_or_si256(errors, utf8_errors(v, last));
    return _mm256_testz_si256(errors, errors);
}
