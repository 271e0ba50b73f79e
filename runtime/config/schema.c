// SPDX-License-Identifier: MIT
#include "config/schema.h"
#include "base/error.h"
#include "config/yaml.h"

#include <stdio.h>
#include <string.h>

const char *where_text(struct schema *schema, const struct where *where)
{
    size_t len = 0;
    for (const struct where *at = where; at; at = at->up)
        len += *at->name ? strlen(at->name) + 1 : 0;
    char *text = arena_alloc(schema->arena, len + 1, 1);
    if (!text || !len)
        return "";
    char *end = text + len - 1;
    *end = 0;
    for (const struct where *at = where; at; at = at->up) {
        size_t part = strlen(at->name);
        end -= part;
        memcpy(end, at->name, part);
        if (part && end > text)
            *--end = '.';
    }
    return text;
}

void schema_say(struct schema *schema, struct place place, const struct where *where,
                enum reason reason, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    problem_add(schema->problems, place, reason, "%s: %s", where_text(schema, where), text);
}

// A default as in YAML: scalars as they are, "[...]" and "{...}" read.
static int make_default(struct schema *schema, const tide_option *row, struct place place,
                        const struct where *where, struct tide_config *out, bool *good)
{
    struct tree *tree = NULL;
    int code = 0;
    if (*row->default_text == '[' || *row->default_text == '{')
        code = yaml_read(&tree, schema->pool, place.file, false, row->default_text,
                         strlen(row->default_text), schema->problems);
    else if (!(tree =
                   tree_scalar(schema->pool, row->default_text, strlen(row->default_text), place)))
        code = ERR_NOMEM;
    if (code)
        return code;
    tree->place = place;
    tree->quoted = true; // an empty default is an empty text
    out->given = false;
    return schema_value(schema, row, row->type, tree, where, out, good);
}

static int hide_secret(struct schema *schema, const struct tree *tree)
{
    int code = 0;
    if (tree->kind == TREE_SCALAR && !tree->interpolated)
        code = problems_hide(schema->problems, tree->text);
    for (uint32_t i = 0; i < tree->count && !code; i++)
        code = hide_secret(schema, tree->items[i].value);
    return code;
}

static void warn_deprecated(struct schema *schema, const tide_option *row, struct place place,
                            const struct where *where)
{
    if (row->flags & TIDE_OPTION_DEPRECATED)
        problem_warn(schema->problems, place, REASON_DEPRECATED, "%s is deprecated%s%s",
                     where_text(schema, where), row->help ? ": " : "", row->help ? row->help : "");
}

// One row of a table: given, by default or absent (*good false).
static int make_row(struct schema *schema, const tide_option *row, const struct tree *map,
                    struct place place, const struct where *up, struct tide_config *out, bool *good)
{
    const struct tree_item *item = map ? tree_find(map, row->name) : NULL;
    const struct where where = {up, item && item->implied ? "" : row->name};
    *good = true;
    *out = (struct tide_config){.name = row->name,
                                .option = row,
                                .given = true,
                                .secret = (row->flags & TIDE_OPTION_SECRET) != 0};
    if (item && (!tree_is_null(item->value) || schema_null_is_choice(row, item->value))) {
        warn_deprecated(schema, row, item->place, &where);
        int code = row->flags & TIDE_OPTION_SECRET ? hide_secret(schema, item->value) : 0;
        return code ? code : schema_value(schema, row, row->type, item->value, &where, out, good);
    }
    if (row->default_text)
        return make_default(schema, row, place, &where, out, good);
    *good = false;
    if (row->flags & TIDE_OPTION_REQUIRED)
        problem_add(schema->problems, place, REASON_MISSING_KEY, "%s%s'%s'%s%s%s",
                    where_text(schema, up), up ? " needs " : "missing ", row->name,
                    row->help ? " (" : "", row->help ? row->help : "", row->help ? ")" : "");
    return 0;
}

static int make_table(struct schema *schema, const tide_option *table, const struct tree *map,
                      struct place place, const struct where *where, struct tide_config *out)
{
    uint32_t rows = 0;
    while (table && table[rows].name)
        rows++;
    *out = (struct tide_config){.is_map = true, .given = true, .place = place};
    out->items = ARENA_ARRAY(schema->arena, struct tide_config, rows ? rows : 1);
    if (!out->items)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < rows; i++) {
        bool good;
        int code = make_row(schema, &table[i], map, place, where, &out->items[out->count], &good);
        if (code)
            return code;
        out->count += good;
    }
    return 0;
}

static const tide_option *find_row(const tide_option *table, const char *name)
{
    for (; table && table->name; table++)
        if (strcmp(table->name, name) == 0)
            return table;
    return NULL;
}

// "window.lateness" for a member that was written a level too high; NULL: none.
static const tide_option *find_inner(const tide_option *table, const char *name)
{
    for (; table && table->name; table++)
        if (table->type == TIDE_MAP && find_row(table->members, name))
            return table;
    return NULL;
}

static void say_unknown(struct schema *schema, const struct tree_item *item,
                        const struct where *where, const tide_option *const *tables, uint32_t count)
{
    enum { MAX = 128 };
    const char *names[MAX + 1];
    uint32_t n = 0;
    const tide_option *outer = NULL;
    for (uint32_t i = 0; i < count; i++) {
        for (const tide_option *row = tables[i]; row && row->name && n < MAX; row++)
            names[n++] = row->name;
        if (!outer)
            outer = find_inner(tables[i], item->key);
    }
    names[n] = NULL;
    const char *place = where ? where_text(schema, where) : "the pipeline";
    const char *near = nearest_name(item->key, names);
    if (outer)
        problem_add(schema->problems, item->place, REASON_UNKNOWN_KEY,
                    "unknown key '%s' in %s; did you mean '%s.%s'?", item->key, place, outer->name,
                    item->key);
    else if (near)
        problem_add(schema->problems, item->place, REASON_UNKNOWN_KEY,
                    "unknown key '%s' in %s; did you mean '%s'?", item->key, place, near);
    else
        problem_add(schema->problems, item->place, REASON_UNKNOWN_KEY, "unknown key '%s' in %s",
                    item->key, place);
}

void schema_keys(struct schema *schema, const struct tree *map, const struct where *where,
                 const tide_option *const *tables, uint32_t count)
{
    for (uint32_t i = 0; i < map->count; i++) {
        bool known = map->items[i].weak;
        for (uint32_t t = 0; t < count && !known; t++)
            known = find_row(tables[t], map->items[i].key) != NULL;
        if (!known)
            say_unknown(schema, &map->items[i], where, tables, count);
    }
}

int schema_check(struct schema *schema, const struct tree *map, struct place place,
                 const struct where *where, const tide_option *const *tables, uint32_t count,
                 bool open, struct tide_config **out)
{
    if (map && !open)
        schema_keys(schema, map, where, tables, count);
    for (uint32_t i = 0; i < count; i++) {
        out[i] = ARENA_NEW(schema->arena, struct tide_config);
        if (!out[i])
            return ERR_NOMEM;
        int code = make_table(schema, tables[i], map, place, where, out[i]);
        if (code)
            return code;
    }
    return schema->failure;
}
