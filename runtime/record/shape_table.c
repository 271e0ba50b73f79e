// SPDX-License-Identifier: MIT
#include "record/shape.h"
#include "base/alloc.h"
#include "base/arena.h"
#include "record/shape_build.h"
#include <stdatomic.h>

enum {
    BUCKETS = SHAPES_MAX * 2, // open addressing
    MEMO = 1024,
    ID_BLOCK = 4096, // ids taken from the process-wide counter at once
    NAMES_ON_STACK = 64
};

// What a shape became when a name was added: every record of a stream gets the same new field.
struct extension {
    uint64_t from; // id; 0: empty
    uint64_t name_hash;
    const struct shape *to;
};

struct shape_table {
    uint64_t next_id, last_id;
    uint32_t count;
    size_t bytes;
    const struct shape *empty;
    struct shape *buckets[BUCKETS];
    struct extension memo[MEMO];
};

static _Atomic uint64_t id_counter = 1;

static uint64_t new_id(struct shape_table *table)
{
    if (table->next_id == table->last_id) {
        table->next_id = atomic_fetch_add_explicit(&id_counter, ID_BLOCK, memory_order_relaxed);
        table->last_id = table->next_id + ID_BLOCK;
    }
    return table->next_id++;
}

struct shape_table *shape_table_new(void)
{
    struct shape_table *table = mem_zalloc(sizeof *table);
    if (!table)
        return NULL;
    table->empty = shape_intern(table, NULL, NULL, 0);
    if (!table->empty) {
        mem_free(table);
        return NULL;
    }
    return table;
}

void shape_table_free(struct shape_table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        mem_free(table->buckets[i]);
    mem_free(table);
}

const struct shape *shape_empty(struct shape_table *table)
{
    return table->empty;
}

static struct shape **find_bucket(struct shape_table *table, uint64_t hash,
                                  const struct shape_name *names, uint32_t count)
{
    size_t at = hash % BUCKETS;
    while (table->buckets[at]) {
        struct shape *shape = table->buckets[at];
        if (shape->hash == hash && shape_has_names(shape, names, count))
            break;
        at = (at + 1) % BUCKETS;
    }
    return &table->buckets[at];
}

const struct shape *shape_intern_hashed(struct shape_table *table, struct arena *arena,
                                        const struct shape_name *names, uint32_t count,
                                        uint64_t hash)
{
    if (count > SHAPE_MEMBERS_MAX)
        return NULL;
    struct shape **bucket = find_bucket(table, hash, names, count);
    if (*bucket)
        return *bucket;
    size_t bytes = shape_bytes(names, count);
    bool intern = table->count < SHAPES_MAX && table->bytes + bytes <= SHAPE_BYTES_MAX;
    struct shape *shape = NULL;
    if (intern)
        shape = mem_alloc(bytes);
    else if (arena)
        shape = arena_alloc(arena, bytes, _Alignof(struct shape));
    if (!shape)
        return NULL;
    shape_build(shape, new_id(table), names, count);
    if (intern) {
        shape->flags |= SHAPE_INTERNED;
        table->count++;
        table->bytes += bytes;
        *bucket = shape;
    }
    return shape;
}

const struct shape *shape_intern(struct shape_table *table, struct arena *arena,
                                 const struct shape_name *names, uint32_t count)
{
    return shape_intern_hashed(table, arena, names, count, shape_names_hash(names, count));
}

static const struct shape *extend_slow(struct shape_table *table, struct arena *arena,
                                       const struct shape *shape, const char *name, uint32_t len)
{
    struct shape_name on_stack[NAMES_ON_STACK], *names = on_stack;
    if (shape->count >= NAMES_ON_STACK) {
        names = mem_array(shape->count + 1, sizeof *names);
        if (!names)
            return NULL;
    }
    memcpy(names, shape->names, shape->count * sizeof *names);
    names[shape->count] = (struct shape_name){.bytes = name, .len = len};
    const struct shape *extended = shape_intern(table, arena, names, shape->count + 1);
    if (names != on_stack)
        mem_free(names);
    return extended;
}

const struct shape *shape_extend(struct shape_table *table, struct arena *arena,
                                 const struct shape *shape, const char *name, uint32_t len)
{
    uint64_t hash = name_hash(name, len);
    struct extension *memo = &table->memo[(shape->id ^ hash) % MEMO];
    if (memo->from == shape->id && memo->name_hash == hash) {
        const struct shape_name *last = &memo->to->names[memo->to->count - 1];
        if (last->len == len && memcmp(last->bytes, name, len) == 0)
            return memo->to;
    }
    const struct shape *extended = extend_slow(table, arena, shape, name, len);
    if (extended && (extended->flags & SHAPE_INTERNED))
        *memo = (struct extension){.from = shape->id, .name_hash = hash, .to = extended};
    return extended;
}
