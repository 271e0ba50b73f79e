// SPDX-License-Identifier: MIT
#include "operators/sketch.h"
#include <math.h>
#include <stdlib.h>

// sum_exact(x): the sum as if with unlimited precision, rounded once to the nearest float (to
// even), so that neither the order of values nor merging can change the result, and nothing
// overflows on the way. A superaccumulator (Neal: "Fast exact summation using small and large
// superaccumulators", 2015) of which only the part in use is kept: the number is
//
//     sum of chunks[i] * 2^(32 * (low + i) - 1074)
//
// with chunks of 32 bits in signed 64, so that carries need to be moved only now and then. An
// integer while only integers came and the sum is one of 64 bits; beyond: a float.

enum {
    UNIT = 1074,           // minus the exponent of a double's smallest bit
    SPREAD = 4,            // chunks that a number may touch, and one for the carry
    CHUNKS_MAX = 80,       // of all doubles and integers, with what 2^64 of them can carry
    ADDS_MAX = 1 << 28,    // additions between two walks over the carries
    INT_CHUNK = UNIT / 32, // the chunk that holds bit 0 of an integer, ...
    INT_SHIFT = UNIT % 32  // ... there
};

struct exact {
    uint32_t low, count;
    uint32_t adds; // since carries were moved
    bool floats;
    int64_t chunks[];
};

struct parts { // of a number
    uint64_t magnitude;
    uint32_t chunk, shift;
    bool negative;
};

static size_t size_of(uint32_t count)
{
    return sizeof(struct exact) + count * sizeof(int64_t);
}

static struct parts parts_of(struct value number)
{
    if (number.type == VALUE_INT) {
        uint64_t bits = (uint64_t)number.i;
        return (struct parts){number.i < 0 ? -bits : bits, INT_CHUNK, INT_SHIFT, number.i < 0};
    }
    uint64_t bits;
    memcpy(&bits, &number.f, sizeof bits);
    uint32_t exponent = bits >> 52 & 0x7ff, at = exponent ? exponent - 1 : 0;
    uint64_t magnitude = (bits & 0xfffffffffffff) | (exponent ? UINT64_C(1) << 52 : 0);
    if (magnitude == 0)
        return (struct parts){0, INT_CHUNK, 0, false};
    return (struct parts){magnitude, at / 32, at % 32, bits >> 63};
}

// -- room --

static int room(const struct sketch_env *env, void **cell, uint32_t low, uint32_t end)
{
    struct exact *sum = *cell;
    if (sum) {
        low = low < sum->low ? low : sum->low;
        end = end > sum->low + sum->count ? end : sum->low + sum->count;
    }
    if (sum && end - low == sum->count)
        return 0;
    uint32_t old = sum ? sum->count : 0, shift = sum ? sum->low - low : 0;
    int rc = sum ? sketch_grow(env->budget, cell, size_of(old), size_of(end - low))
                 : sketch_new(env->budget, size_of(end - low), cell);
    if (rc)
        return rc;
    sum = *cell;
    memmove(sum->chunks + shift, sum->chunks, old * sizeof(int64_t));
    memset(sum->chunks, 0, shift * sizeof(int64_t));
    sum->low = low;
    sum->count = end - low;
    return 0;
}

static int reserve(const struct sketch_env *env, void **cell, const struct agg_pick *item)
{
    struct parts parts = parts_of(item->value);
    return room(env, cell, parts.chunk, parts.chunk + SPREAD);
}

static int reserve_all(const struct sketch_env *env, void **cell, const void *from)
{
    const struct exact *other = from;
    return room(env, cell, other->low, other->low + other->count);
}

// -- adding --

// Every chunk but the last is then in 0 .. 2^32 - 1.
static void carry(int64_t *chunks, uint32_t count)
{
    for (uint32_t i = 0; i + 1 < count; i++) {
        int64_t up = chunks[i] >> 32; // towards minus infinity
        chunks[i] -= up * (INT64_C(1) << 32);
        chunks[i + 1] += up;
    }
}

static void count_adds(struct exact *sum, uint32_t more)
{
    if (sum->adds > ADDS_MAX - more) {
        carry(sum->chunks, sum->count);
        sum->adds = 1;
    }
    sum->adds += more;
}

static void add(const struct sketch_env *env, void **cell, const struct agg_pick *item)
{
    struct exact *sum = *cell;
    struct parts parts = parts_of(item->value);
    unsigned __int128 wide = (unsigned __int128)parts.magnitude << parts.shift;
    (void)env;
    count_adds(sum, 1);
    sum->floats |= item->value.type == VALUE_FLOAT;
    for (int64_t *chunk = &sum->chunks[parts.chunk - sum->low]; wide; chunk++, wide >>= 32) {
        int64_t low = (int64_t)(wide & UINT32_MAX);
        *chunk += parts.negative ? -low : low;
    }
}

static void add_all(const struct sketch_env *env, void **cell, const void *from)
{
    struct exact *sum = *cell;
    const struct exact *other = from;
    (void)env;
    count_adds(sum, other->adds);
    sum->floats |= other->floats;
    for (uint32_t i = 0; i < other->count; i++)
        sum->chunks[other->low - sum->low + i] += other->chunks[i];
}

// -- the result --

struct number {
    int64_t chunks[CHUNKS_MAX];
    uint32_t count;
    bool negative;
};

// Chunks of 32 bits without a sign.
static void normalise(const struct exact *sum, struct number *out)
{
    *out = (struct number){.count = sum->count + 2}; // for what the last chunk has beyond 32 bits
    memcpy(out->chunks, sum->chunks, sum->count * sizeof(int64_t));
    carry(out->chunks, out->count);
    out->negative = out->chunks[out->count - 1] < 0;
    for (uint32_t i = 0; out->negative && i < out->count; i++)
        out->chunks[i] = -out->chunks[i];
    carry(out->chunks, out->count);
    while (out->count > 0 && out->chunks[out->count - 1] == 0)
        out->count--;
}

// Its upper 64 bits, the lowest of them also standing for all below: more than twice what a double
// keeps, so that the one rounding is right. A sum below the normal doubles has no such bits.
static double to_double(const struct exact *sum, const struct number *number)
{
    if (number->count == 0)
        return 0;
    uint32_t top = number->count - 1;
    uint64_t high =
        (uint64_t)number->chunks[top] << 32 | (top >= 1 ? (uint64_t)number->chunks[top - 1] : 0);
    uint64_t next = top >= 2 ? (uint64_t)number->chunks[top - 2] << 32 : 0;
    int zeros = __builtin_clzll(high);
    uint64_t bits = zeros ? high << zeros | next >> (64 - zeros) : high;
    bool rest = (next << zeros) != 0;
    for (uint32_t i = 0; i + 2 < top; i++)
        rest |= number->chunks[i] != 0;
    double value = ldexp((double)(bits | rest), 32 * ((int)(sum->low + top) - 1) - UNIT - zeros);
    return number->negative ? -value : value;
}

static bool to_int(const struct exact *sum, const struct number *number, int64_t *out)
{
    unsigned __int128 wide = 0;
    if (number->count + sum->low > INT_CHUNK + 3)
        return false;
    for (uint32_t i = number->count; i-- > 0;)
        wide = wide << 32 | (uint64_t)number->chunks[i];
    wide >>= INT_SHIFT; // of integers alone the first chunk is INT_CHUNK
    if (wide > (uint64_t)INT64_MAX + number->negative)
        return false;
    *out = (int64_t)(number->negative ? -(uint64_t)wide : (uint64_t)wide);
    return true;
}

static int result(const struct sketch_env *env, const void *cell, struct buf *text,
                  struct value *out)
{
    const struct exact *sum = cell;
    struct number number;
    int64_t whole;
    (void)env, (void)text;
    normalise(sum, &number);
    if (!sum->floats && to_int(sum, &number, &whole))
        *out = value_int(whole);
    else
        *out = value_float(to_double(sum, &number));
    return 0;
}

// -- as bytes --

static void save(const void *cell, struct image *image)
{
    const struct exact *sum = cell;
    image_u64(image, sum->floats);
    image_u64(image, sum->low);
    image_u64(image, sum->count);
    image_u64(image, sum->adds);
    for (uint32_t i = 0; i < sum->count; i++)
        image_i64(image, sum->chunks[i]);
}

static int load(const struct sketch_env *env, void **cell, struct image_entry *entry)
{
    bool floats = entry_u64(entry) != 0;
    uint64_t low = entry_u64(entry), count = entry_u64(entry), adds = entry_u64(entry);
    if (low + count > CHUNKS_MAX - 2 || low > CHUNKS_MAX || count == 0 || adds > ADDS_MAX ||
        (!floats && low < INT_CHUNK)) {
        entry->bad = true;
        return 0;
    }
    int rc = room(env, cell, (uint32_t)low, (uint32_t)(low + count));
    if (rc)
        return rc;
    struct exact *sum = *cell;
    sum->floats = floats;
    sum->adds = (uint32_t)adds;
    for (uint32_t i = 0; i < sum->count; i++) {
        sum->chunks[i] = entry_i64(entry);
        if (llabs(sum->chunks[i] / 2) > INT64_C(1) << 61)
            entry->bad = true;
    }
    return 0;
}

static void release(const struct sketch_env *env, void **cell)
{
    const struct exact *sum = *cell;
    if (sum)
        sketch_free(env->budget, *cell, size_of(sum->count));
    *cell = NULL;
}

const struct sketch_class sketch_exact = {
    .reserve = reserve,
    .add = add,
    .reserve_all = reserve_all,
    .add_all = add_all,
    .result = result,
    .save = save,
    .load = load,
    .release = release,
};
