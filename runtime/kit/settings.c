// SPDX-License-Identifier: MIT
#include "kit/settings.h"
#include "base/alloc.h"
#include "config/schema.h"
#include "config/set.h"
#include "kit/child.h"

#include <stdio.h>
#include <string.h>

// One pool for all: the process is short.
static struct tree_pool *pool_of_child(void)
{
    static struct tree_pool pool;
    static bool ready;
    if (!ready)
        tree_pool_init(&pool);
    ready = true;
    return &pool;
}

static bool table_has(const tide_option *table, const char *set)
{
    size_t len = strcspn(set, ".=");
    for (; table && table->name; table++)
        if (strlen(table->name) == len && !memcmp(table->name, set, len))
            return true;
    return false;
}

// The value without the part's name in front; NULL: it is not for this part.
static const char *for_part(const char *set, const char *part, const tide_option *table)
{
    size_t len = strlen(part);
    if (!strncmp(set, part, len) && set[len] == '.' && strchr(set + len, '='))
        return set + len + 1;
    return table_has(table, set) ? set : NULL;
}

static void first_problem(const struct problems *problems, char *why, size_t cap)
{
    const struct problem *first = problems->count ? &problems->items[0] : NULL;
    if (first && first->place.file)
        (void)snprintf(why, cap, "%s: %s", first->place.file, first->text);
    else
        (void)snprintf(why, cap, "%s", first ? first->text : "out of memory");
}

static const struct tide_config *check(struct tree_pool *pool, const struct tree *tree,
                                       const char *part, const tide_option *table,
                                       struct problems *problems)
{
    struct schema schema = {.arena = &pool->arena, .pool = pool, .problems = problems};
    const struct where where = {NULL, part};
    struct tide_config *out = NULL;
    const struct place place = {NULL, 0, 0};
    int code = schema_check(&schema, tree, place, &where, &table, 1, false, &out);
    return code || problems->errors ? NULL : out;
}

const struct tide_config *settings_make(const struct kit_options *options, const char *part,
                                        const tide_option *table, const char *extra, char *why,
                                        size_t cap)
{
    struct tree_pool *pool = pool_of_child();
    const struct place place = {NULL, 0, 0};
    struct problems problems;
    problems_init(&problems);
    struct tree *tree = tree_new(pool, TREE_MAP, place);
    int code = tree ? 0 : ERR_NOMEM;
    for (uint32_t i = 0; !code && i < options->set_count; i++) {
        const char *set = for_part(options->sets[i], part, table);
        code = set ? set_apply(pool, &tree, set, &problems) : 0;
    }
    if (!code && extra)
        code = set_apply(pool, &tree, extra, &problems);
    const struct tide_config *out = code ? NULL : check(pool, tree, part, table, &problems);
    if (!out)
        first_problem(&problems, why, cap);
    problems_deinit(&problems);
    return out;
}

bool settings_default_fault(const tide_option *row, char *why, size_t cap)
{
    tide_option table[2] = {*row, {.name = NULL}};
    struct problems problems;
    problems_init(&problems);
    bool bad = !check(pool_of_child(), NULL, "default", table, &problems);
    if (bad)
        first_problem(&problems, why, cap);
    problems_deinit(&problems);
    return bad;
}

static bool is_for(const char *set, const char *part, int there, const tide_option *table)
{
    return there && for_part(set, part, table);
}

const char *settings_stray(const struct kit_options *options, const tide_plugin *plugin)
{
    const tide_source *source = plugin->source;
    const tide_sink *sink = plugin->sink;
    const tide_connection *connection = plugin->connection;
    for (uint32_t i = 0; i < options->set_count; i++) {
        const char *set = options->sets[i];
        if (!is_for(set, "source", source != NULL, source ? source->options : NULL) &&
            !is_for(set, "sink", sink != NULL, sink ? sink->options : NULL) &&
            !is_for(set, "connection", connection != NULL, connection ? connection->options : NULL))
            return set;
    }
    return NULL;
}
