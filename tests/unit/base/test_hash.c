// SPDX-License-Identifier: MIT
#include "base/hash.h"
#include "support/unit.h"

#include <stdlib.h>
#include <string.h>

// As in Apache Kafka's own test, UtilsTest.testMurmur2.
static void murmur2_is_kafkas(void)
{
    static const struct {
        const char *text;
        int32_t hash;
    } vectors[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
        {"abc", 479470107},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        uint32_t hash = hash_murmur2(vectors[i].text, strlen(vectors[i].text));
        CU_ASSERT_EQUAL((int32_t)hash, vectors[i].hash);
    }
}

// RFC 3720, appendix B.4, and the usual check value.
static void crc32c_is_castagnolis(void)
{
    unsigned char bytes[32];
    CU_ASSERT_EQUAL(hash_crc32c(0, "123456789", 9), 0xe3069283u);
    memset(bytes, 0, sizeof bytes);
    CU_ASSERT_EQUAL(hash_crc32c(0, bytes, 32), 0x8a9136aau);
    memset(bytes, 0xff, sizeof bytes);
    CU_ASSERT_EQUAL(hash_crc32c(0, bytes, 32), 0x62a8ab43u);
    for (int i = 0; i < 32; i++)
        bytes[i] = (unsigned char)i;
    CU_ASSERT_EQUAL(hash_crc32c(0, bytes, 32), 0x46dd794eu);
    CU_ASSERT_EQUAL(hash_crc32c_portable(0, bytes, 32), 0x46dd794eu);
    CU_ASSERT_EQUAL(hash_crc32c(0, bytes, 0), 0);
}

// Bit by bit, straight from the definition.
static uint32_t slow_crc(const unsigned char *p, size_t len)
{
    uint32_t crc = ~0u;
    for (size_t i = 0; i < len; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

static void crc32c_agrees_at_every_length(void)
{
    enum { SIZE = 10000 };
    unsigned char *bytes = malloc(SIZE);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    uint32_t seed = 1;
    for (int i = 0; i < SIZE; i++) {
        seed = seed * 1664525u + 1013904223u;
        bytes[i] = (unsigned char)(seed >> 24);
    }
    for (size_t len = 0; len < SIZE; len += len < 100 ? 1 : 331) {
        for (size_t at = 0; at < 9 && at <= SIZE - len; at += 3) {
            uint32_t want = slow_crc(bytes + at, len);
            CU_ASSERT_EQUAL(hash_crc32c(0, bytes + at, len), want);
            CU_ASSERT_EQUAL(hash_crc32c_portable(0, bytes + at, len), want);
            uint32_t part = hash_crc32c(0, bytes + at, len / 3);
            CU_ASSERT_EQUAL(hash_crc32c(part, bytes + at + len / 3, len - len / 3), want);
        }
    }
    free(bytes);
}

// Stored state hangs on these values: XXH3, 64 bits, seed 0.
static void hash_bytes_never_changes(void)
{
    CU_ASSERT_EQUAL(hash_bytes("", 0), 0x2d06800538d394c2ull);
    CU_ASSERT_EQUAL(hash_bytes("a", 1), 0xe6c632b61e964e1full);
    CU_ASSERT_EQUAL(hash_bytes("abc", 3), 0x78af5f94892f3950ull);
}

static CU_TestInfo cases[] = {
    {"murmur2 is Kafka's", murmur2_is_kafkas},
    {"crc32c is Castagnoli's", crc32c_is_castagnolis},
    {"crc32c agrees at every length", crc32c_agrees_at_every_length},
    {"hash_bytes never changes", hash_bytes_never_changes},
    CU_TEST_INFO_NULL,
};
UNIT_MAIN(UNIT_SUITE("hash", cases))
