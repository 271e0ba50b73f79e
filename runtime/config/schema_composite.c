// SPDX-License-Identifier: MIT
#include "config/schema.h"
#include "base/error.h"
#include "config/text.h"

#include <stdio.h>
#include <string.h>

// Lists, maps and ranges by a row of a table.

static void wrong_kind(struct schema *schema, const struct tree *tree, const struct where *where,
                       const char *expected)
{
    bool empty = tree_is_empty(tree) || tree_is_null(tree);
    schema_say(schema, tree->place, where, REASON_WRONG_VALUE, "expected %s, found %s", expected,
               empty ? "nothing" : tree_kind_name(tree));
}

// A list; anything else stands for a list of one.
static int make_list(struct schema *schema, const tide_option *row, const struct tree *tree,
                     const struct where *where, struct tide_config *out, bool *good)
{
    uint32_t count = tree->kind == TREE_LIST ? tree->count : 1;
    out->is_list = true;
    out->items = ARENA_ARRAY(schema->arena, struct tide_config, count ? count : 1);
    if (!out->items)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < count; i++) {
        const struct tree *value = tree->kind == TREE_LIST ? tree->items[i].value : tree;
        char number[16];
        (void)snprintf(number, sizeof number, "%u", i + 1);
        const struct where here = {where, number};
        struct tide_config *item = &out->items[out->count];
        *item = (struct tide_config){.option = row, .given = out->given, .secret = out->secret};
        bool fits = true;
        int code = schema_value(schema, row, row->item ? row->item : TIDE_TEXT, value,
                                tree->kind == TREE_LIST ? &here : where, item, &fits);
        if (code)
            return code;
        out->count += fits;
        *good &= fits;
    }
    return 0;
}

static int make_free_map(struct schema *schema, const tide_option *row, const struct tree *tree,
                         const struct where *where, struct tide_config *out)
{
    out->is_map = true;
    out->items = ARENA_ARRAY(schema->arena, struct tide_config, tree->count ? tree->count : 1);
    if (!out->items)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < tree->count; i++) {
        const struct tree *value = tree->items[i].value;
        const struct where here = {where, tree->items[i].key};
        if (value->kind != TREE_SCALAR) {
            wrong_kind(schema, value, &here, "text");
            continue;
        }
        if (!schema_template(schema, row, value, &here))
            continue;
        out->items[out->count++] = (struct tide_config){.name = tree->items[i].key,
                                                        .option = row,
                                                        .text = value->text,
                                                        .given = out->given,
                                                        .secret = out->secret || value->secret,
                                                        .place = value->place};
    }
    return 0;
}

static const tide_option range_members[] = {
    {.name = "from", .type = TIDE_DURATION, .flags = TIDE_OPTION_REQUIRED},
    {.name = "to", .type = TIDE_DURATION, .flags = TIDE_OPTION_REQUIRED},
    {.name = NULL},
};

static bool parse_range(const char *text, int64_t *from, int64_t *to)
{
    char first[64];
    const char *dots = strstr(text, "..");
    size_t len = dots ? (size_t)(dots - text) : strlen(text);
    if (len >= sizeof first)
        return false;
    memcpy(first, text, len);
    first[len] = 0;
    return text_parse_duration(first, from) && text_parse_duration(dots ? dots + 2 : first, to);
}

// "200ms..30s" as a map of `from` and `to`; one duration is both.
static int make_range(struct schema *schema, const struct tree *tree, const struct where *where,
                      struct tide_config *out, bool *good)
{
    int64_t from = 0, to = 0;
    bool fits = parse_range(tree->text, &from, &to);
    *good = fits && from <= to;
    if (!*good) {
        schema_say(schema, tree->place, where, REASON_WRONG_VALUE, "expected %s, found '%s'",
                   fits ? "the smaller duration first" : schema_expected(TIDE_RANGE),
                   tree->secret ? "***" : tree->text);
        return 0;
    }
    out->is_map = true;
    out->text = NULL;
    out->count = 2;
    out->items = ARENA_ARRAY(schema->arena, struct tide_config, 2);
    if (!out->items)
        return ERR_NOMEM;
    for (int i = 0; i < 2; i++) {
        int64_t ms = i ? to : from;
        char text[TEXT_UNIT_MAX];
        text_format_duration(ms, text);
        char *copy = arena_copy(schema->arena, text, strlen(text) + 1);
        if (!copy)
            return ERR_NOMEM;
        out->items[i] = (struct tide_config){.name = range_members[i].name,
                                             .option = &range_members[i],
                                             .text = copy,
                                             .integer = ms,
                                             .number = (double)ms,
                                             .given = out->given,
                                             .secret = out->secret,
                                             .place = tree->place};
    }
    return 0;
}

// A map with a fault in it counts as absent, so that nothing follows from the fault.
static int make_map(struct schema *schema, const tide_option *members, const struct tree *tree,
                    const struct where *where, struct tide_config *out, bool *good)
{
    struct tide_config *map;
    size_t errors = schema->problems->errors;
    int code = schema_check(schema, tree, tree->place, where, &members, 1, false, &map);
    if (code)
        return code;
    out->is_map = true;
    out->count = map->count;
    out->items = map->items;
    *good = schema->problems->errors == errors;
    return 0;
}

static int make_range_of_map(struct schema *schema, const struct tree *tree,
                             const struct where *where, struct tide_config *out, bool *good)
{
    int code = make_map(schema, range_members, tree, where, out, good);
    if (code || !*good)
        return code;
    *good = setting_int(out, "from", 0) <= setting_int(out, "to", 0);
    if (!*good)
        schema_say(schema, tree->place, where, REASON_WRONG_VALUE, "'from' is larger than 'to'");
    return 0;
}

// `checkpoint: 5s` as `checkpoint: { every: 5s }`.
static int make_short(struct schema *schema, const tide_option *row, const struct tree *tree,
                      const struct where *where, struct tide_config *out, bool *good)
{
    struct tree *map = tree_new(schema->pool, TREE_MAP, tree->place);
    struct tree_item *item = NULL;
    if (map)
        item = tree_add(schema->pool, map, row->members[0].name, tree->place,
                        (struct tree *)(uintptr_t)tree); // only read from here on
    if (!item)
        return tree_failure(schema->pool);
    item->implied = true;
    return make_map(schema, row->members, map, where, out, good);
}

static void wrong_map(struct schema *schema, const tide_option *row, const struct tree *tree,
                      const struct where *where)
{
    char expected[256] = "a map of ";
    for (const tide_option *member = row->members; member->name; member++) {
        size_t len = strlen(expected);
        (void)snprintf(expected + len, sizeof expected - len, "%s%s",
                       member == row->members ? "" : ", ", member->name);
    }
    wrong_kind(schema, tree, where, expected);
}

static int make_composite(struct schema *schema, const tide_option *row, int32_t type,
                          const struct tree *tree, const struct where *where,
                          struct tide_config *out, bool *good)
{
    bool is_map = tree->kind == TREE_MAP;
    if (type == TIDE_DATA_MAP && (is_map || (row->flags & TIDE_OPTION_ANY)))
        return schema_data(schema, tree, out);
    if (type == TIDE_FREE_MAP && is_map)
        return make_free_map(schema, row, tree, where, out);
    if (type == TIDE_RANGE && is_map)
        return make_range_of_map(schema, tree, where, out, good);
    if (type == TIDE_RANGE && tree->kind == TREE_SCALAR && !tree_is_empty(tree))
        return make_range(schema, tree, where, out, good);
    if (type == TIDE_MAP && is_map)
        return make_map(schema, row->members, tree, where, out, good);
    if (type == TIDE_MAP && (row->flags & TIDE_OPTION_SHORT) && !tree_is_empty(tree))
        return make_short(schema, row, tree, where, out, good);
    *good = false;
    if (type == TIDE_MAP && row->members)
        wrong_map(schema, row, tree, where);
    else
        wrong_kind(schema, tree, where, schema_expected(type));
    return 0;
}

int schema_value(struct schema *schema, const tide_option *row, int32_t type,
                 const struct tree *tree, const struct where *where, struct tide_config *out,
                 bool *good)
{
    out->place = tree->place;
    out->secret |= tree->secret;
    if (type == TIDE_LIST)
        return make_list(schema, row, tree, where, out, good);
    if (type == TIDE_MAP || type == TIDE_FREE_MAP || type == TIDE_DATA_MAP || type == TIDE_RANGE)
        return make_composite(schema, row, type, tree, where, out, good);
    bool null = tree_is_null(tree) && !schema_null_is_choice(row, tree);
    if (tree->kind != TREE_SCALAR || null || tree_is_empty(tree)) {
        wrong_kind(schema, tree, where, schema_expected(type));
        *good = false;
        return 0;
    }
    *good = schema_scalar(schema, row, type, tree, where, out);
    return 0;
}
