// SPDX-License-Identifier: MIT
#include "operators/saved_value.h"
#include "operators/sketch.h"
#include "record/json.h"
#include "base/alloc.h"

// collect(x, limit): the first `limit` values, of any type, as an array: by event time, then split,
// then offset (and as they came, where even that is the same). What comes behind is left out.

enum { FIRST_CAP = 4 };

struct list {
    uint32_t count, cap;
    struct value spare; // reserved: its bytes are owned
    struct list *next;  // what reserve_all has made
    struct agg_pick items[];
};

static size_t size_of(uint32_t cap)
{
    return sizeof(struct list) + cap * sizeof(struct agg_pick);
}

static uint32_t limit_of(const struct sketch_env *env)
{
    return (uint32_t)env->parameter;
}

static void free_all(const struct sketch_env *env, struct list *list)
{
    if (!list)
        return;
    for (uint32_t i = 0; i < list->count; i++)
        value_disown(env->budget, &list->items[i].value);
    value_disown(env->budget, &list->spare);
    free_all(env, list->next);
    sketch_free(env->budget, list, size_of(list->cap));
}

static void release(const struct sketch_env *env, void **cell)
{
    free_all(env, *cell);
    *cell = NULL;
}

static int room(const struct sketch_env *env, void **cell)
{
    struct list *list = *cell;
    if (list && (list->count < list->cap || list->count == limit_of(env)))
        return 0;
    uint32_t cap = list ? list->cap * 2 : FIRST_CAP;
    cap = cap < limit_of(env) ? cap : limit_of(env);
    int rc = list ? sketch_grow(env->budget, cell, size_of(list->cap), size_of(cap))
                  : sketch_new(env->budget, size_of(cap), cell);
    if (!rc) {
        list = *cell;
        list->cap = cap;
    }
    return rc;
}

// True when all places are taken by values that come first.
static bool too_late(const struct sketch_env *env, const struct list *list,
                     const struct agg_pick *item)
{
    return list && list->count == limit_of(env) &&
           !pick_before(item, &list->items[list->count - 1]);
}

static int reserve(const struct sketch_env *env, void **cell, const struct agg_pick *item)
{
    if (too_late(env, *cell, item))
        return 0;
    int rc = room(env, cell);
    if (rc)
        return rc;
    struct list *list = *cell;
    value_disown(env->budget, &list->spare);
    struct value value;
    rc = value_own(env->budget, item->value, &value);
    if (!rc)
        list->spare = value;
    return rc;
}

static void add(const struct sketch_env *env, void **cell, const struct agg_pick *item)
{
    struct list *list = *cell;
    if (too_late(env, list, item))
        return;
    if (list->count == limit_of(env))
        value_disown(env->budget, &list->items[--list->count].value);
    uint32_t at = list->count;
    while (at > 0 && pick_before(item, &list->items[at - 1]))
        at--;
    memmove(&list->items[at + 1], &list->items[at], (list->count - at) * sizeof *list->items);
    list->items[at] = *item;
    list->items[at].value = list->spare;
    list->spare = value_absent();
    list->count++;
}

// -- all values of another --

static int append(const struct sketch_env *env, struct list *into, const struct agg_pick *item)
{
    struct agg_pick *to = &into->items[into->count];
    *to = *item;
    int rc = value_own(env->budget, item->value, &to->value);
    if (!rc)
        into->count++;
    return rc;
}

static int merge(const struct sketch_env *env, struct list *into, const struct list *a,
                 const struct list *b)
{
    uint32_t i = 0, k = 0;
    int rc = 0;
    while (!rc && into->count < into->cap) {
        bool second = i == a->count || (k < b->count && pick_before(&b->items[k], &a->items[i]));
        rc = append(env, into, second ? &b->items[k++] : &a->items[i++]);
    }
    return rc;
}

static int reserve_all(const struct sketch_env *env, void **cell, const void *from)
{
    const struct list *other = from;
    int rc = room(env, cell);
    if (rc)
        return rc;
    struct list *list = *cell;
    void *made = NULL;
    uint64_t cap = (uint64_t)list->count + other->count;
    cap = cap < limit_of(env) ? cap : limit_of(env);
    free_all(env, list->next);
    list->next = NULL;
    rc = sketch_new(env->budget, size_of((uint32_t)cap), &made);
    if (rc)
        return rc;
    list->next = made;
    list->next->cap = (uint32_t)cap;
    return merge(env, list->next, list, other);
}

static void add_all(const struct sketch_env *env, void **cell, const void *from)
{
    struct list *list = *cell, *next = list->next;
    (void)from;
    list->next = NULL;
    free_all(env, list);
    *cell = next;
}

// -- the result --

static int result(const struct sketch_env *env, const void *cell, struct buf *text,
                  struct value *out)
{
    const struct list *list = cell;
    (void)env;
    buf_clear(text);
    int rc = buf_putc(text, '[');
    for (uint32_t i = 0; !rc && i < list->count; i++) {
        rc = i ? buf_putc(text, ',') : 0;
        if (!rc)
            rc = json_write_value(list->items[i].value, text, NULL);
    }
    if (!rc)
        rc = buf_putc(text, ']');
    *out = (struct value){.type = VALUE_ARRAY, .len = (uint32_t)text->len, .bytes = text->data};
    return rc;
}

// -- as bytes --

static void save(const void *cell, struct image *image)
{
    const struct list *list = cell;
    image_u64(image, list->count);
    for (uint32_t i = 0; i < list->count; i++)
        pick_save(image, &list->items[i]);
}

static int load(const struct sketch_env *env, void **cell, struct image_entry *entry)
{
    uint64_t count = entry_u64(entry);
    int rc = 0;
    entry->bad |= count == 0 || count > limit_of(env);
    for (uint64_t i = 0; !rc && i < count && !entry->bad; i++) {
        rc = room(env, cell);
        struct list *list = *cell;
        if (!rc)
            rc = pick_load(env->budget, entry, &list->items[i]);
        if (!rc)
            list->count++;
    }
    return rc;
}

const struct sketch_class sketch_collect = {
    .reserve = reserve,
    .add = add,
    .reserve_all = reserve_all,
    .add_all = add_all,
    .result = result,
    .save = save,
    .load = load,
    .release = release,
};
