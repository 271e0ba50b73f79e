// SPDX-License-Identifier: MIT
#pragma once
#include "base/arena.h"
#include "config/problems.h"

// YAML as read: scalars, lists and maps, each with its place, without types. All nodes of one
// configuration live in one pool, which bounds their number: a file that multiplies itself by
// aliases, includes or defaults hits the bound, not the memory. A node belongs to one parent only
// (aliases are copied), so that trees may be changed in place.

enum { TREE_DEPTH_MAX = 64, TREE_NODES_MAX = 100000, TREE_KEYS_MAX = 10000 };

struct tree_pool {
    struct arena arena;
    uint32_t nodes;
    bool full; // a node was refused because of TREE_NODES_MAX
};

enum tree_kind { TREE_SCALAR, TREE_LIST, TREE_MAP };

struct tree_item {
    const char *key; // of a map; NULL in a list
    uint32_t hash;   // of the key
    bool weak;       // comes from `defaults` or from before the type changed: ignored when unknown
    bool implied;    // the key was not written: `checkpoint: 5s` has `every`
    struct place place; // of the key
    struct tree *value;
};

struct tree {
    enum tree_kind kind;
    bool quoted;       // scalar: not written plain
    bool interpolated; // scalar: something was put in
    bool secret;       // scalar: from a secret
    uint32_t count, cap;
    const char *text; // scalar
    struct tree_item *items;
    struct place place;
};

// Of pools made from now on. A seam for tests: with 1 each allocation in a pool can be told to
// fail.
extern size_t tree_pool_block_bytes;

void tree_pool_init(struct tree_pool *pool);
void tree_pool_deinit(struct tree_pool *pool);
// NULL: out of memory, or pool->full.
struct tree *tree_new(struct tree_pool *pool, enum tree_kind kind, struct place place);
struct tree *tree_scalar(struct tree_pool *pool, const char *text, size_t len, struct place place);
struct tree *tree_copy(struct tree_pool *pool, const struct tree *tree);
// The code for a failed call above.
int tree_failure(const struct tree_pool *pool); // ERR_LIMIT or ERR_NOMEM

// Appends; `key` lives in the pool. The item is valid until the next one. NULL: out of memory.
struct tree_item *tree_add(struct tree_pool *pool, struct tree *tree, const char *key,
                           struct place place, struct tree *value);
struct tree_item *tree_find(const struct tree *map, const char *key);
struct tree *tree_at(const struct tree *map, const char *key); // the value, or NULL
void tree_remove(struct tree *map, struct tree_item *item);

// Written as `null` or `~`. An empty value is tree_is_empty.
bool tree_is_null(const struct tree *tree);
bool tree_is_empty(const struct tree *tree);
// "a map", "a list", "text"
const char *tree_kind_name(const struct tree *tree);

// Lays `over` over `base`: maps key by key, all else (and `on_error`, whose members exclude each
// other) is replaced, `null` removes. Where two maps have different `type`s, what remains of the
// base is weak. Both are used up; *out is one of them.
int tree_merge(struct tree_pool *pool, struct tree *base, struct tree *over, struct tree **out);
// Applies `<<` of a map that is complete (its own keys win, then the first named map).
int tree_apply_merge_key(struct tree_pool *pool, struct tree *map, struct problems *problems);
