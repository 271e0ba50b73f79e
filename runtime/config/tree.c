// SPDX-License-Identifier: MIT
#include "config/tree.h"
#include "base/error.h"

#include <string.h>

enum { FIRST_ITEMS = 4 };

size_t tree_pool_block_bytes = 16 << 10;

void tree_pool_init(struct tree_pool *pool)
{
    memset(pool, 0, sizeof *pool);
    arena_init(&pool->arena, tree_pool_block_bytes);
}

void tree_pool_deinit(struct tree_pool *pool)
{
    arena_deinit(&pool->arena);
}

int tree_failure(const struct tree_pool *pool)
{
    return pool->full ? ERR_LIMIT : ERR_NOMEM;
}

struct tree *tree_new(struct tree_pool *pool, enum tree_kind kind, struct place place)
{
    if (pool->nodes >= TREE_NODES_MAX) {
        pool->full = true;
        return NULL;
    }
    struct tree *tree = ARENA_NEW(&pool->arena, struct tree);
    if (!tree)
        return NULL;
    *tree = (struct tree){.kind = kind, .place = place};
    pool->nodes++;
    return tree;
}

struct tree *tree_scalar(struct tree_pool *pool, const char *text, size_t len, struct place place)
{
    struct tree *tree = tree_new(pool, TREE_SCALAR, place);
    if (!tree)
        return NULL;
    char *copy = arena_alloc(&pool->arena, len + 1, 1);
    if (!copy)
        return NULL;
    memcpy(copy, text, len);
    copy[len] = 0;
    tree->text = copy;
    return tree;
}

struct tree *tree_copy(struct tree_pool *pool, const struct tree *tree)
{
    struct tree *copy = tree_new(pool, tree->kind, tree->place);
    if (!copy)
        return NULL;
    copy->text = tree->text;
    copy->quoted = tree->quoted;
    copy->interpolated = tree->interpolated;
    copy->secret = tree->secret;
    for (uint32_t i = 0; i < tree->count; i++) {
        struct tree *value = tree_copy(pool, tree->items[i].value);
        struct tree_item *item =
            value ? tree_add(pool, copy, tree->items[i].key, tree->items[i].place, value) : NULL;
        if (!item)
            return NULL;
        item->weak = tree->items[i].weak;
    }
    return copy;
}

static uint32_t hash_of(const char *key)
{
    uint32_t hash = 2166136261u;
    for (; *key; key++)
        hash = (hash ^ (unsigned char)*key) * 16777619u;
    return hash;
}

struct tree_item *tree_add(struct tree_pool *pool, struct tree *tree, const char *key,
                           struct place place, struct tree *value)
{
    if (tree->count == tree->cap) {
        uint32_t cap = tree->cap ? tree->cap * 2 : FIRST_ITEMS;
        struct tree_item *items = ARENA_ARRAY(&pool->arena, struct tree_item, cap);
        if (!items)
            return NULL;
        if (tree->count)
            memcpy(items, tree->items, tree->count * sizeof *items);
        tree->items = items;
        tree->cap = cap;
    }
    struct tree_item *item = &tree->items[tree->count++];
    *item = (struct tree_item){
        .key = key, .hash = key ? hash_of(key) : 0, .place = place, .value = value};
    return item;
}

struct tree_item *tree_find(const struct tree *map, const char *key)
{
    if (map->kind != TREE_MAP)
        return NULL;
    uint32_t hash = hash_of(key);
    for (uint32_t i = 0; i < map->count; i++)
        if (map->items[i].hash == hash && strcmp(map->items[i].key, key) == 0)
            return &map->items[i];
    return NULL;
}

struct tree *tree_at(const struct tree *map, const char *key)
{
    struct tree_item *item = tree_find(map, key);
    return item ? item->value : NULL;
}

void tree_remove(struct tree *map, struct tree_item *item)
{
    size_t after = map->count - (size_t)(item - map->items) - 1;
    memmove(item, item + 1, after * sizeof *item);
    map->count--;
}

bool tree_is_null(const struct tree *tree)
{
    return tree->kind == TREE_SCALAR && !tree->quoted && !tree->interpolated &&
           (strcmp(tree->text, "null") == 0 || strcmp(tree->text, "~") == 0);
}

bool tree_is_empty(const struct tree *tree)
{
    return tree->kind == TREE_SCALAR && !tree->quoted && !tree->interpolated && !*tree->text;
}

const char *tree_kind_name(const struct tree *tree)
{
    return tree->kind == TREE_MAP ? "a map" : tree->kind == TREE_LIST ? "a list" : "text";
}
