// SPDX-License-Identifier: MIT
#include "config/defaults.h"
#include "base/error.h"

#include <string.h>

const char *const section_names[] = {"connections", "sources", "operators", "sinks", NULL};

// A node with `under` laid under it.
static int apply_to_node(struct tree_pool *pool, const struct tree *under, struct tree **node)
{
    struct tree *base = tree_copy(pool, under);
    if (!base)
        return tree_failure(pool);
    for (uint32_t i = 0; i < base->count; i++)
        base->items[i].weak = true;
    base->place = (*node)->place;
    return tree_merge(pool, base, *node, node);
}

static int apply_to_section(struct tree_pool *pool, const struct tree *under, struct tree *section)
{
    int code = 0;
    for (uint32_t i = 0; section && section->kind == TREE_MAP && i < section->count && !code; i++)
        if (section->items[i].value->kind == TREE_MAP)
            code = apply_to_node(pool, under, &section->items[i].value);
    return code;
}

int defaults_apply(struct tree_pool *pool, struct tree *top, struct problems *problems)
{
    const struct tree *defaults = tree_at(top, "defaults");
    if (!defaults)
        return 0;
    if (defaults->kind != TREE_MAP) {
        problem_add(problems, defaults->place, REASON_WRONG_VALUE,
                    "defaults: expected a map of sections (sources, operators, sinks), found %s",
                    tree_kind_name(defaults));
        return 0;
    }
    int code = 0;
    for (uint32_t i = 0; i < defaults->count && !code; i++) {
        const struct tree_item *item = &defaults->items[i];
        const char *const *name = section_names;
        while (*name && strcmp(*name, item->key) != 0)
            name++;
        if (!*name) {
            const char *near = nearest_name(item->key, section_names);
            problem_add(problems, item->place, REASON_UNKNOWN_KEY,
                        "unknown section '%s' in defaults%s%s%s", item->key,
                        near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
        } else if (item->value->kind != TREE_MAP) {
            problem_add(problems, item->value->place, REASON_WRONG_VALUE,
                        "defaults.%s: expected a map, found %s", item->key,
                        tree_kind_name(item->value));
        } else {
            code = apply_to_section(pool, item->value, tree_at(top, item->key));
        }
    }
    return code;
}
