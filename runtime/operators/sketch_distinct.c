// SPDX-License-Identifier: MIT
#include "base/hash.h"
#include "operators/sketch.h"
#include "record/keycode.h"
#include <math.h>

// distinct(x): how many different values. While there are few, the set of their hashes (64 bits:
// exact for all that matters); then 4,096 registers of a HyperLogLog, each the greatest number of
// leading zeros seen. Both are functions of the set of values alone: neither order nor merging can
// change the result. The estimate is Ertl's ("New cardinality estimation algorithms for HyperLogLog
// sketches", 2017), which needs no tables and no switch between ranges.

enum { REGISTERS = 1 << DISTINCT_BITS, REST_BITS = 64 - DISTINCT_BITS, FIRST_CELLS = 4 };

struct distinct {
    uint32_t count; // of hashes
    uint32_t cells; // of the set, a power of two; 0: registers
    uint64_t words[];
};

static size_t size_of(const struct distinct *set)
{
    return sizeof *set + (set->cells ? set->cells * sizeof(uint64_t) : REGISTERS);
}

static uint8_t *registers(const struct distinct *set)
{
    return (uint8_t *)(uintptr_t)set->words;
}

// 0 marks a free cell.
static int hash_of(const struct sketch_env *env, struct value value, uint64_t *out)
{
    buf_clear(env->key);
    int rc = key_encode_value(value, env->key);
    *out = rc ? 0 : hash_bytes(env->key->data, env->key->len);
    *out += *out == 0;
    return rc;
}

// Its cell, or the free one where it belongs.
static uint64_t *find(struct distinct *set, uint64_t hash)
{
    uint32_t at = (uint32_t)hash & (set->cells - 1);
    while (set->words[at] && set->words[at] != hash)
        at = (at + 1) & (set->cells - 1);
    return &set->words[at];
}

static void raise_register(struct distinct *set, uint64_t hash)
{
    uint64_t rest = hash << DISTINCT_BITS;
    int zeros = rest ? __builtin_clzll(rest) : REST_BITS;
    uint8_t *cell = &registers(set)[hash >> REST_BITS];
    if (zeros + 1 > *cell)
        *cell = (uint8_t)(zeros + 1);
}

static void put(struct distinct *set, uint64_t hash)
{
    if (!set->cells) {
        raise_register(set, hash);
        return;
    }
    uint64_t *cell = find(set, hash);
    set->count += *cell == 0;
    *cell = hash;
}

// Another of so many cells (0: registers) takes over what is there.
static int rebuild(const struct sketch_env *env, void **cell, uint32_t cells)
{
    struct distinct *old = *cell, *set;
    struct distinct like = {.cells = cells};
    void *memory;
    int rc = sketch_new(env->budget, size_of(&like), &memory);
    if (rc)
        return rc;
    set = memory;
    set->cells = cells;
    for (uint32_t i = 0; old && i < old->cells; i++)
        if (old->words[i])
            put(set, old->words[i]);
    if (old)
        sketch_free(env->budget, old, size_of(old));
    *cell = set;
    return 0;
}

// Room for so many hashes in all: sets are filled to three quarters.
static int room(const struct sketch_env *env, void **cell, uint32_t count)
{
    const struct distinct *set = *cell;
    uint32_t cells = set ? set->cells : FIRST_CELLS;
    if (set && !set->cells)
        return 0;
    if (count > DISTINCT_EXACT_MAX)
        return rebuild(env, cell, 0);
    while (count > cells / 4 * 3)
        cells *= 2;
    return set && cells == set->cells ? 0 : rebuild(env, cell, cells);
}

static int reserve(const struct sketch_env *env, void **cell, const struct agg_pick *item)
{
    struct distinct *set = *cell;
    uint64_t hash;
    int rc = hash_of(env, item->value, &hash);
    if (rc || (set && (!set->cells || *find(set, hash))))
        return rc;
    return room(env, cell, set ? set->count + 1 : 1);
}

static void add(const struct sketch_env *env, void **cell, const struct agg_pick *item)
{
    uint64_t hash;
    if (!hash_of(env, item->value, &hash)) // the scratch has had room for it
        put(*cell, hash);
}

static int reserve_all(const struct sketch_env *env, void **cell, const void *from)
{
    const struct distinct *other = from;
    struct distinct *set = *cell;
    uint32_t more = 0;
    if (!other->cells)
        return set && !set->cells ? 0 : rebuild(env, cell, 0);
    if (set && !set->cells)
        return 0;
    for (uint32_t i = 0; i < other->cells; i++)
        more += other->words[i] && (!set || !*find(set, other->words[i]));
    return room(env, cell, (set ? set->count : 0) + more);
}

static void add_all(const struct sketch_env *env, void **cell, const void *from)
{
    const struct distinct *other = from;
    struct distinct *set = *cell;
    (void)env;
    for (uint32_t i = 0; i < other->cells; i++)
        if (other->words[i])
            put(set, other->words[i]);
    for (uint32_t i = 0; !other->cells && i < REGISTERS; i++)
        if (registers(other)[i] > registers(set)[i])
            registers(set)[i] = registers(other)[i];
}

// -- the estimate --

static double sigma(double x)
{
    if (x == 1)
        return INFINITY;
    double y = 1, z = x, before;
    do {
        x *= x;
        before = z;
        z += x * y;
        y += y;
    } while (z != before);
    return z;
}

static double tau(double x)
{
    if (x == 0 || x == 1)
        return 0;
    double y = 1, z = 1 - x, before;
    do {
        x = sqrt(x);
        before = z;
        y *= 0.5;
        z -= (1 - x) * (1 - x) * y;
    } while (z != before);
    return z / 3;
}

static double estimate(const struct distinct *set)
{
    uint32_t counts[REST_BITS + 2] = {0};
    for (uint32_t i = 0; i < REGISTERS; i++)
        counts[registers(set)[i]]++;
    double z = REGISTERS * tau(1 - (double)counts[REST_BITS + 1] / REGISTERS);
    for (int i = REST_BITS; i > 0; i--)
        z = 0.5 * (z + counts[i]);
    z += REGISTERS * sigma((double)counts[0] / REGISTERS);
    return (double)REGISTERS * REGISTERS / (2 * M_LN2 * z);
}

static int result(const struct sketch_env *env, const void *cell, struct buf *text,
                  struct value *out)
{
    const struct distinct *set = cell;
    (void)env, (void)text;
    *out = value_int(set->cells ? set->count : llround(estimate(set)));
    return 0;
}

// -- as bytes --

static void save(const void *cell, struct image *image)
{
    const struct distinct *set = cell;
    image_u64(image, set->cells ? set->count : UINT32_MAX);
    for (uint32_t i = 0; i < set->cells; i++)
        if (set->words[i])
            image_u64(image, set->words[i]);
    if (!set->cells)
        image_bytes(image, registers(set), REGISTERS);
}

static int load_registers(const struct sketch_env *env, void **cell, struct image_entry *entry)
{
    size_t len;
    const char *bytes = entry_bytes(entry, &len);
    if (!bytes || len != REGISTERS) {
        entry->bad = true;
        return 0;
    }
    int rc = rebuild(env, cell, 0);
    for (uint32_t i = 0; !rc && i < REGISTERS; i++) {
        entry->bad |= (uint8_t)bytes[i] > REST_BITS + 1;
        registers(*cell)[i] = entry->bad ? 0 : (uint8_t)bytes[i];
    }
    return rc;
}

static int load(const struct sketch_env *env, void **cell, struct image_entry *entry)
{
    uint64_t count = entry_u64(entry);
    if (count == UINT32_MAX)
        return load_registers(env, cell, entry);
    if (count > DISTINCT_EXACT_MAX) {
        entry->bad = true;
        return 0;
    }
    int rc = room(env, cell, (uint32_t)count);
    for (uint64_t i = 0; !rc && i < count && !entry->bad; i++)
        put(*cell, entry_u64(entry) | (uint64_t)entry->bad);
    return rc;
}

static void release(const struct sketch_env *env, void **cell)
{
    if (*cell)
        sketch_free(env->budget, *cell, size_of(*cell));
    *cell = NULL;
}

const struct sketch_class sketch_distinct = {
    .reserve = reserve,
    .add = add,
    .reserve_all = reserve_all,
    .add_all = add_all,
    .result = result,
    .save = save,
    .load = load,
    .release = release,
};
