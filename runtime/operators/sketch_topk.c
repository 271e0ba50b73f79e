// SPDX-License-Identifier: MIT
#include "base/hash.h"
#include "operators/sketch.h"
#include "record/json.h"
#include "record/keycode.h"

// topk(x, k): the k most frequent values by space-saving (Metwally, Agrawal, El Abbadi: "Efficient
// computation of frequent and top-k elements in data streams", 2005; merged as in Agarwal et al.:
// "Mergeable summaries", 2012). There are m = max(64, 8 k) counters; a value without one takes over
// that of the least count. A count is never too small, and too great by at most n / m of n values;
// with up to m different values all are exact. What is told beyond that depends on the order of
// values. Values of the same count come in the order of their keys (record/keycode.h).

enum { FIRST_CAP = 4 };

struct counter {
    uint64_t hash, count;
    char *bytes; // canonical; owned
    uint32_t len;
};

struct topk {
    uint32_t count, cap;
    char *spare; // the key that was reserved last
    uint32_t spare_len;
    struct topk *next; // what reserve_all has made
    struct counter counters[];
};

static size_t size_of(uint32_t cap)
{
    return sizeof(struct topk) + cap * sizeof(struct counter);
}

static uint32_t most(const struct sketch_env *env)
{
    uint32_t wanted = (uint32_t)env->parameter * TOPK_SPARE;
    return wanted > TOPK_COUNTERS_MIN ? wanted : TOPK_COUNTERS_MIN;
}

// -- keys --

static int own_key(const struct sketch_env *env, const char *bytes, uint32_t len, char **out)
{
    void *memory = NULL;
    int rc = sketch_new(env->budget, len, &memory);
    if (!rc)
        memcpy(memory, bytes, len);
    *out = memory;
    return rc;
}

static void drop_spare(const struct sketch_env *env, struct topk *top)
{
    sketch_free(env->budget, top->spare, top->spare_len);
    top->spare = NULL;
}

static struct counter *find(struct topk *top, const char *bytes, uint32_t len, uint64_t hash)
{
    for (uint32_t i = 0; i < top->count; i++) {
        struct counter *counter = &top->counters[i];
        if (counter->hash == hash && counter->len == len && memcmp(counter->bytes, bytes, len) == 0)
            return counter;
    }
    return NULL;
}

static struct counter *least(struct topk *top)
{
    struct counter *found = &top->counters[0];
    for (uint32_t i = 1; i < top->count; i++)
        if (top->counters[i].count < found->count)
            found = &top->counters[i];
    return found;
}

static void free_all(const struct sketch_env *env, struct topk *top)
{
    if (!top)
        return;
    for (uint32_t i = 0; i < top->count; i++)
        sketch_free(env->budget, top->counters[i].bytes, top->counters[i].len);
    drop_spare(env, top);
    free_all(env, top->next);
    sketch_free(env->budget, top, size_of(top->cap));
}

static void release(const struct sketch_env *env, void **cell)
{
    free_all(env, *cell);
    *cell = NULL;
}

// -- one value --

static int room(const struct sketch_env *env, void **cell)
{
    struct topk *top = *cell;
    if (top && (top->count < top->cap || top->count >= most(env)))
        return 0;
    uint32_t cap = top ? top->cap * 2 : FIRST_CAP;
    cap = cap < most(env) ? cap : most(env);
    int rc = top ? sketch_grow(env->budget, cell, size_of(top->cap), size_of(cap))
                 : sketch_new(env->budget, size_of(cap), cell);
    if (!rc) {
        top = *cell;
        top->cap = cap;
    }
    return rc;
}

static int reserve(const struct sketch_env *env, void **cell, const struct agg_pick *item)
{
    struct buf *key = env->key;
    buf_clear(key);
    int rc = key_encode_value(item->value, key);
    if (rc)
        return rc;
    if (*cell && find(*cell, key->data, (uint32_t)key->len, hash_bytes(key->data, key->len)))
        return 0;
    rc = room(env, cell);
    if (rc)
        return rc;
    struct topk *top = *cell;
    drop_spare(env, top);
    top->spare_len = (uint32_t)key->len;
    return own_key(env, key->data, top->spare_len, &top->spare);
}

static void take_counter(const struct sketch_env *env, struct topk *top, uint64_t hash)
{
    struct counter *counter = &top->counters[top->count];
    uint64_t before = 0;
    if (top->count < most(env)) {
        top->count++;
    } else {
        counter = least(top);
        before = counter->count;
        sketch_free(env->budget, counter->bytes, counter->len);
    }
    *counter = (struct counter){hash, before + 1, top->spare, top->spare_len};
    top->spare = NULL;
}

static void add(const struct sketch_env *env, void **cell, const struct agg_pick *item)
{
    struct topk *top = *cell;
    struct buf *key = env->key;
    buf_clear(key);
    if (key_encode_value(item->value, key))
        return; // not so: the scratch has had room for it
    uint64_t hash = hash_bytes(key->data, key->len);
    struct counter *counter = find(top, key->data, (uint32_t)key->len, hash);
    if (counter)
        counter->count++;
    else
        take_counter(env, top, hash);
}

// -- all values of another --

// 0 where there was room for more.
static uint64_t floor_of(const struct sketch_env *env, struct topk *top)
{
    return top && top->count >= most(env) ? least(top)->count : 0;
}

// A copy of the counter, unless `into` is full of greater ones.
static int put(const struct sketch_env *env, struct topk *into, const struct counter *counter,
               uint64_t count)
{
    struct counter *to = &into->counters[into->count];
    if (into->count == into->cap) {
        to = least(into);
        if (to->count >= count)
            return 0;
    }
    char *bytes;
    int rc = own_key(env, counter->bytes, counter->len, &bytes);
    if (rc)
        return rc;
    if (into->count == into->cap)
        sketch_free(env->budget, to->bytes, to->len);
    else
        into->count++;
    *to = (struct counter){counter->hash, count, bytes, counter->len};
    return 0;
}

// Where one has not counted a value it may have had it as often as its least count says.
static int merge(const struct sketch_env *env, struct topk *into, struct topk *a, struct topk *b)
{
    uint64_t floor_a = floor_of(env, a), floor_b = floor_of(env, b);
    int rc = 0;
    for (uint32_t i = 0; !rc && a && i < a->count; i++) {
        const struct counter *one = &a->counters[i];
        const struct counter *other = find(b, one->bytes, one->len, one->hash);
        rc = put(env, into, one, one->count + (other ? other->count : floor_b));
    }
    for (uint32_t i = 0; !rc && i < b->count; i++) {
        const struct counter *one = &b->counters[i];
        if (!a || !find(a, one->bytes, one->len, one->hash))
            rc = put(env, into, one, one->count + floor_a);
    }
    return rc;
}

static int reserve_all(const struct sketch_env *env, void **cell, const void *from)
{
    struct topk *other = (void *)(uintptr_t)from;
    void *made = NULL;
    int rc = room(env, cell);
    if (rc)
        return rc;
    struct topk *top = *cell;
    uint32_t cap = top->count + other->count;
    cap = cap < most(env) ? cap : most(env);
    free_all(env, top->next);
    top->next = NULL;
    rc = sketch_new(env->budget, size_of(cap), &made);
    if (rc)
        return rc;
    top->next = made;
    top->next->cap = cap;
    return merge(env, top->next, top, other);
}

static void add_all(const struct sketch_env *env, void **cell, const void *from)
{
    struct topk *top = *cell, *next = top->next;
    (void)from;
    top->next = NULL;
    free_all(env, top);
    *cell = next;
}

// -- the result --

static bool before(const struct counter *a, const struct counter *b)
{
    if (a->count != b->count)
        return a->count > b->count;
    uint32_t len = a->len < b->len ? a->len : b->len;
    int order = memcmp(a->bytes, b->bytes, len);
    return order != 0 ? order < 0 : a->len < b->len;
}

// The greatest counter behind `last` in the order of the result; NULL: none.
static const struct counter *next_best(const struct topk *top, const struct counter *last)
{
    const struct counter *best = NULL;
    for (uint32_t i = 0; i < top->count; i++) {
        const struct counter *counter = &top->counters[i];
        if ((!last || before(last, counter)) && (!best || before(counter, best)))
            best = counter;
    }
    return best;
}

static int write_counter(const struct counter *counter, struct buf *text)
{
    struct value value;
    if (key_decode(counter->bytes, counter->len, &value, 1) != 1)
        return ERR_BUG;
    int rc = buf_puts(text, "{\"value\":");
    if (!rc)
        rc = json_write_value(value, text, NULL);
    return rc ? rc : buf_printf(text, ",\"count\":%llu}", (unsigned long long)counter->count);
}

static int result(const struct sketch_env *env, const void *cell, struct buf *text,
                  struct value *out)
{
    const struct topk *top = cell;
    const struct counter *counter = NULL;
    buf_clear(text);
    int rc = buf_putc(text, '[');
    for (uint32_t i = 0; !rc && i < (uint32_t)env->parameter; i++) {
        counter = next_best(top, counter);
        if (!counter)
            break;
        rc = i ? buf_putc(text, ',') : 0;
        if (!rc)
            rc = write_counter(counter, text);
    }
    if (!rc)
        rc = buf_putc(text, ']');
    *out = (struct value){.type = VALUE_ARRAY, .len = (uint32_t)text->len, .bytes = text->data};
    return rc;
}

// -- as bytes --

static void save(const void *cell, struct image *image)
{
    const struct topk *top = cell;
    image_u64(image, top->count);
    for (uint32_t i = 0; i < top->count; i++) {
        image_bytes(image, top->counters[i].bytes, top->counters[i].len);
        image_u64(image, top->counters[i].count);
    }
}

static int load_counter(const struct sketch_env *env, void **cell, struct image_entry *entry)
{
    size_t len;
    const char *bytes = entry_bytes(entry, &len);
    uint64_t count = entry_u64(entry);
    struct value value;
    if (!bytes || len > UINT32_MAX || key_decode(bytes, len, &value, 1) != 1) {
        entry->bad = true;
        return 0;
    }
    int rc = room(env, cell);
    if (rc)
        return rc;
    struct topk *top = *cell;
    struct counter *counter = &top->counters[top->count];
    rc = own_key(env, bytes, (uint32_t)len, &counter->bytes);
    if (rc)
        return rc;
    counter->hash = hash_bytes(bytes, len);
    counter->len = (uint32_t)len;
    counter->count = count;
    top->count++;
    return 0;
}

static int load(const struct sketch_env *env, void **cell, struct image_entry *entry)
{
    uint64_t count = entry_u64(entry);
    int rc = 0;
    entry->bad |= count == 0 || count > most(env);
    for (uint64_t i = 0; !rc && i < count && !entry->bad; i++)
        rc = load_counter(env, cell, entry);
    return rc;
}

const struct sketch_class sketch_topk = {
    .reserve = reserve,
    .add = add,
    .reserve_all = reserve_all,
    .add_all = add_all,
    .result = result,
    .save = save,
    .load = load,
    .release = release,
};
