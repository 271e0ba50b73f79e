// SPDX-License-Identifier: MIT
#include "base/hash.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

// CRC-32C (Castagnoli, reflected 0x82f63b78). By table, eight bytes a step; where the processor has
// the crc32 instruction, three independent streams keep it busy (it starts one a cycle and takes
// three), and the three sums are joined by tables that push a sum over LANE zero bytes.

enum { LANE = 1024 };

static uint32_t table[8][256];
static uint32_t skip_lane[4][256]; // a sum, byte by byte, moved over LANE zero bytes

static uint32_t by_table(uint32_t crc, const unsigned char *p, size_t len)
{
    for (; len >= 8; p += 8, len -= 8) {
        uint32_t low, high;
        memcpy(&low, p, 4);
        memcpy(&high, p + 4, 4);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        low = __builtin_bswap32(low);
        high = __builtin_bswap32(high);
#endif
        low ^= crc;
        crc = table[7][low & 255] ^ table[6][low >> 8 & 255] ^ table[5][low >> 16 & 255] ^
              table[4][low >> 24] ^ table[3][high & 255] ^ table[2][high >> 8 & 255] ^
              table[1][high >> 16 & 255] ^ table[0][high >> 24];
    }
    for (; len; p++, len--)
        crc = crc >> 8 ^ table[0][(crc ^ *p) & 255];
    return crc;
}

static void make_tables(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
        table[0][i] = crc;
    }
    for (uint32_t i = 0; i < 256; i++) {
        for (int k = 1; k < 8; k++)
            table[k][i] = table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 255];
    }
    static const unsigned char zeros[LANE];
    for (uint32_t i = 0; i < 256; i++) {
        for (int k = 0; k < 4; k++)
            skip_lane[k][i] = by_table(i << (8 * k), zeros, LANE);
    }
}

#if defined(__x86_64__)
#include <immintrin.h>

static uint32_t skip(uint32_t crc)
{
    return skip_lane[0][crc & 255] ^ skip_lane[1][crc >> 8 & 255] ^ skip_lane[2][crc >> 16 & 255] ^
           skip_lane[3][crc >> 24];
}

__attribute__((target("sse4.2"))) static uint64_t step(uint64_t crc, const unsigned char *p)
{
    uint64_t word;
    memcpy(&word, p, 8);
    return _mm_crc32_u64(crc, word);
}

__attribute__((target("sse4.2"))) static uint32_t by_sse42(uint32_t start, const unsigned char *p,
                                                           size_t len)
{
    uint64_t a = start;
    for (; len >= 3 * LANE; p += 3 * LANE, len -= 3 * LANE) {
        uint64_t b = 0, c = 0;
        for (size_t i = 0; i < LANE; i += 8) {
            a = step(a, p + i);
            b = step(b, p + LANE + i);
            c = step(c, p + 2 * LANE + i);
        }
        a = skip(skip((uint32_t)a) ^ (uint32_t)b) ^ (uint32_t)c;
    }
    for (; len >= 8; p += 8, len -= 8)
        a = step(a, p);
    uint32_t crc = (uint32_t)a;
    for (; len; p++, len--)
        crc = _mm_crc32_u8(crc, *p);
    return crc;
}
#endif

typedef uint32_t update_fn(uint32_t crc, const unsigned char *p, size_t len);

static _Atomic(update_fn *) update; // chosen at the first use
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void choose(void)
{
    make_tables();
    update_fn *chosen = by_table;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        chosen = by_sse42;
#endif
    atomic_store_explicit(&update, chosen, memory_order_release);
}

static update_fn *chosen_update(void)
{
    update_fn *fn = atomic_load_explicit(&update, memory_order_acquire);
    if (__builtin_expect(fn != NULL, 1))
        return fn;
    pthread_once(&once, choose);
    return atomic_load_explicit(&update, memory_order_acquire);
}

uint32_t hash_crc32c(uint32_t crc, const void *bytes, size_t len)
{
    return ~chosen_update()(~crc, bytes, len);
}

uint32_t hash_crc32c_portable(uint32_t crc, const void *bytes, size_t len)
{
    (void)chosen_update(); // the tables
    return ~by_table(~crc, bytes, len);
}
