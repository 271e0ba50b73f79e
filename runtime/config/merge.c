// SPDX-License-Identifier: MIT
#include "config/tree.h"
#include "base/error.h"

#include <string.h>

// A connection that becomes another type by an overlay keeps options that both types know; those
// that only the old one knew must not be errors.
static void weaken_on_new_type(struct tree *base, const struct tree *over)
{
    const struct tree *was = tree_at(base, "type"), *is = tree_at(over, "type");
    if (!was || !is || was->kind != TREE_SCALAR || is->kind != TREE_SCALAR ||
        strcmp(was->text, is->text) == 0)
        return;
    for (uint32_t i = 0; i < base->count; i++)
        base->items[i].weak = true;
}

static int merge_item(struct tree_pool *pool, struct tree *base, const struct tree_item *over)
{
    struct tree_item *mine = tree_find(base, over->key);
    if (mine && tree_is_null(over->value)) {
        tree_remove(base, mine);
        return 0;
    }
    if (!mine)
        return tree_add(pool, base, over->key, over->place, over->value) ? 0 : tree_failure(pool);
    struct tree *merged = over->value;
    // Its members exclude each other: { retry } over { dlq } must not become both.
    bool whole = strcmp(over->key, "on_error") == 0;
    int code = whole ? 0 : tree_merge(pool, mine->value, over->value, &merged);
    if (code)
        return code;
    if (merged == over->value) // a map that was merged stays where it began
        mine->place = over->place;
    mine->value = merged;
    mine->weak = over->weak;
    return 0;
}

int tree_merge(struct tree_pool *pool, struct tree *base, struct tree *over, struct tree **out)
{
    *out = over;
    if (base->kind != TREE_MAP || over->kind != TREE_MAP)
        return 0;
    weaken_on_new_type(base, over);
    int code = 0;
    for (uint32_t i = 0; i < over->count && !code; i++)
        code = merge_item(pool, base, &over->items[i]);
    *out = base;
    return code;
}

// Items of `from` that `map` has not.
static int take_missing(struct tree_pool *pool, struct tree *map, const struct tree *from)
{
    for (uint32_t i = 0; i < from->count; i++) {
        const struct tree_item *item = &from->items[i];
        if (!tree_find(map, item->key) && !tree_add(pool, map, item->key, item->place, item->value))
            return tree_failure(pool);
    }
    return 0;
}

int tree_apply_merge_key(struct tree_pool *pool, struct tree *map, struct problems *problems)
{
    struct tree_item *merge = tree_find(map, "<<");
    if (!merge)
        return 0;
    const struct tree *from = merge->value;
    struct place place = merge->place;
    tree_remove(map, merge);
    if (from->kind == TREE_MAP)
        return take_missing(pool, map, from);
    bool fits = from->kind == TREE_LIST;
    for (uint32_t i = 0; fits && i < from->count; i++)
        fits = from->items[i].value->kind == TREE_MAP;
    if (!fits)
        problem_add(problems, place, REASON_MERGE_KEY,
                    "'<<' takes a map or a list of maps, such as *name");
    int code = 0;
    for (uint32_t i = 0; fits && i < from->count && !code; i++)
        code = take_missing(pool, map, from->items[i].value);
    return code;
}
