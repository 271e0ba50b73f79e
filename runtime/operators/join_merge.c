// SPDX-License-Identifier: MIT
#include "operators/join.h"
#include "base/alloc.h"
#include <stdio.h>
#include <string.h>

// The names of a result: the left's members, then the right's. A member that is the key on both
// sides by the same name comes once. A side with a prefix has it in front of all its other names;
// without one, a name of the right that the left has as well gets `right_`.

enum { NAME_LIMIT = 1024 };

static const char FALLBACK[] = "right_";

struct names {
    struct arena *arena;
    struct shape_name *items;
    uint32_t count;
};

static bool same_name(const struct shape_name *a, const char *bytes, size_t len)
{
    return a->len == len && memcmp(a->bytes, bytes, len) == 0;
}

// A field by which both sides are joined under one name.
static bool is_common_key(const struct join *join, const struct shape_name *name)
{
    for (uint32_t i = 0; i < join->key_count; i++) {
        const struct path *left = &join->keys[JOIN_LEFT][i], *right = &join->keys[JOIN_RIGHT][i];
        if (left->count == 1 && right->count == 1 && !strcmp(left->text, right->text) &&
            same_name(name, left->steps[0].name, left->steps[0].len))
            return true;
    }
    return false;
}

static bool taken(const struct names *names, uint32_t upto, const struct shape_name *name)
{
    for (uint32_t i = 0; i < upto; i++)
        if (same_name(&names->items[i], name->bytes, name->len))
            return true;
    return false;
}

// `prefix` in front of the name.
static int put_in_front(struct names *names, const char *prefix, struct shape_name *name)
{
    size_t len = strlen(prefix);
    char *bytes = arena_alloc(names->arena, len + name->len + 1, 1);
    if (!bytes)
        return ERR_NOMEM;
    memcpy(bytes, prefix, len);
    memcpy(bytes + len, name->bytes, name->len);
    *name = (struct shape_name){.bytes = bytes, .len = (uint32_t)len + name->len};
    return 0;
}

static int add_left(struct join *join, struct names *names, const struct shape *left)
{
    for (uint32_t i = 0; left && i < left->count; i++) {
        struct shape_name name = {.bytes = left->names[i].bytes, .len = left->names[i].len};
        if (join->prefix[JOIN_LEFT] && !is_common_key(join, &name) &&
            put_in_front(names, join->prefix[JOIN_LEFT], &name))
            return ERR_NOMEM;
        names->items[names->count++] = name;
    }
    return 0;
}

static int add_right(struct join *join, struct names *names, const struct shape *left,
                     const struct shape *right, uint16_t *slots)
{
    uint32_t upto = names->count;
    for (uint32_t i = 0; right && i < right->count; i++) {
        struct shape_name name = {.bytes = right->names[i].bytes, .len = right->names[i].len};
        bool common = is_common_key(join, &name);
        slots[i] = UINT16_MAX;
        if ((common && left) || shape_find(right, name.bytes, name.len) != (int32_t)i)
            continue;
        if (join->prefix[JOIN_RIGHT] && !common &&
            put_in_front(names, join->prefix[JOIN_RIGHT], &name))
            return ERR_NOMEM;
        while (taken(names, upto, &name) && name.len < NAME_LIMIT)
            if (put_in_front(names, FALLBACK, &name))
                return ERR_NOMEM;
        slots[i] = (uint16_t)names->count;
        names->items[names->count++] = name;
    }
    return 0;
}

static int make(struct join *join, struct batch *batch, const struct shape *left,
                const struct shape *right, struct join_merge *out)
{
    uint32_t lefts = left ? left->count : 0, rights = right ? right->count : 0;
    struct names names = {.arena = &batch->arena};
    if (lefts + rights > SHAPE_MEMBERS_MAX)
        return ERR_LIMIT;
    names.items = ARENA_ARRAY(names.arena, struct shape_name, lefts + rights + 1);
    out->slots = ARENA_ARRAY(names.arena, uint16_t, rights + 1);
    if (!names.items || !out->slots || add_left(join, &names, left) ||
        add_right(join, &names, left, right, out->slots))
        return ERR_NOMEM;
    out->shape = shape_intern(batch->shapes, names.arena, names.items, names.count);
    out->left = left ? left->id : 0;
    out->right = right ? right->id : 0;
    out->left_count = lefts;
    out->right_count = rights;
    return out->shape ? 0 : ERR_NOMEM;
}

// Keeps what was made beyond its batch, where its shape lives that long.
static const struct join_merge *keep(struct join_merge *place, const struct join_merge *made)
{
    if (!(made->shape->flags & SHAPE_INTERNED))
        return made;
    uint16_t *slots = mem_array(made->right_count + 1, sizeof *slots);
    if (!slots)
        return made;
    memcpy(slots, made->slots, made->right_count * sizeof *slots);
    mem_free(place->slots);
    *place = *made;
    place->slots = slots;
    return place;
}

const struct join_merge *join_merge_find(struct join *join, struct batch *batch,
                                         const struct shape *left, const struct shape *right,
                                         struct join_merge *scratch)
{
    uint64_t left_id = left ? left->id : 0, right_id = right ? right->id : 0;
    struct join_merge *place = &join->merges[(left_id * 31 + right_id) % JOIN_MERGES];
    if (place->shape && place->left == left_id && place->right == right_id)
        return place;
    if (make(join, batch, left, right, scratch))
        return NULL;
    return keep(place, scratch);
}

void join_merges_free(struct join *join)
{
    for (uint32_t i = 0; i < JOIN_MERGES; i++)
        mem_free(join->merges[i].slots);
}
