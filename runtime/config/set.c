// SPDX-License-Identifier: MIT
#include "config/set.h"
#include "base/error.h"
#include "config/yaml.h"

#include <string.h>

enum { STEPS_MAX = 16 };

struct step {
    const char *name;
    size_t len;
};

// Cuts the path at its dots. The number of steps; 0: not a path.
static uint32_t cut(const char *at, const char *end, struct step steps[STEPS_MAX])
{
    for (uint32_t count = 0; count < STEPS_MAX;) {
        bool quoted = at < end && *at == '"';
        at += quoted;
        const char *stop = memchr(at, quoted ? '"' : '.', (size_t)(end - at));
        if (!stop && quoted)
            return 0;
        stop = stop ? stop : end;
        if (stop == at)
            return 0;
        steps[count++] = (struct step){at, (size_t)(stop - at)};
        at = stop + quoted;
        if (at == end)
            return count;
        if (*at++ != '.')
            return 0;
    }
    return 0;
}

// The `=` behind the path, quotes respected.
static const char *find_equals(const char *set)
{
    bool quoted = false;
    for (; *set && (*set != '=' || quoted); set++)
        quoted ^= *set == '"';
    return *set ? set : NULL;
}

// "--set a.b.c" in the pool: the value might be a secret.
static const char *name_of(struct tree_pool *pool, const char *set, size_t len)
{
    char *name = arena_alloc(&pool->arena, len + 7, 1);
    if (name) {
        memcpy(name, "--set ", 6);
        memcpy(name + 6, set, len);
        name[len + 6] = 0;
    }
    return name;
}

// A map in a map ... around the value.
static int wrap(struct tree_pool *pool, const struct step *steps, uint32_t count,
                struct place place, struct tree **value)
{
    while (count-- > 0) {
        char *key = arena_alloc(&pool->arena, steps[count].len + 1, 1);
        struct tree *map = tree_new(pool, TREE_MAP, place);
        if (!key || !map)
            return tree_failure(pool);
        memcpy(key, steps[count].name, steps[count].len);
        key[steps[count].len] = 0;
        if (!tree_add(pool, map, key, place, *value))
            return tree_failure(pool);
        *value = map;
    }
    return 0;
}

int set_apply(struct tree_pool *pool, struct tree **tree, const char *set,
              struct problems *problems)
{
    struct step steps[STEPS_MAX];
    const char *equals = find_equals(set);
    uint32_t count = equals ? cut(set, equals, steps) : 0;
    const char *name = name_of(pool, set, equals ? (size_t)(equals - set) : strlen(set));
    if (!name)
        return ERR_NOMEM;
    struct place place = {name, 0, 0};
    if (!count) {
        problem_add(problems, place, REASON_SET_OPTION, "expected --set path.to.option=value");
        return ERR_INPUT;
    }
    struct tree *value = NULL;
    int code = yaml_read(&value, pool, name, false, equals + 1, strlen(equals + 1), problems);
    if (!code && !value) {
        value = tree_scalar(pool, "", 0, place);
        if (!value)
            return tree_failure(pool);
        value->quoted = true; // an empty text
    }
    if (code)
        return code;
    code = wrap(pool, steps, count, place, &value);
    return code ? code : tree_merge(pool, *tree, value, tree);
}
