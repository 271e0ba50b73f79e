// SPDX-License-Identifier: MIT
#include "config/load.h"
#include "base/alloc.h"
#include "base/error.h"
#include "config/defaults.h"
#include "config/interpolate.h"
#include "config/set.h"
#include "config/text.h"
#include "config/yaml.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { INCLUDE_DEPTH_MAX = 16, FILES_MAX = 64 };

struct loader {
    struct tree_pool *pool;
    struct problems *problems;
    struct interpolation interpolation;
    const char *open[INCLUDE_DEPTH_MAX]; // files being read, outermost first; as realpath gives
    uint32_t depth;
    uint32_t files;
};

static int load_file(struct loader *loader, const char *name, const char *text,
                     struct place named_at, struct tree **out);

static int read_text(struct loader *loader, const char *name, const char *text,
                     struct place named_at, struct tree **out)
{
    struct buf content;
    struct error err = ERROR_INIT;
    buf_init(&content, TEXT_FILE_MAX);
    int code = 0;
    if (!text) {
        code = text_read_file(name, &content, &err);
        if (code == ERR_INPUT)
            problem_add(loader->problems, named_at,
                        err.reason ? err.reason : REASON_UNREADABLE_FILE, "%s", err.text);
        text = content.data ? content.data : "";
    } else {
        code = buf_append(&content, text, strlen(text));
        text = content.data ? content.data : "";
        if (code == ERR_LIMIT) {
            problem_add(loader->problems, (struct place){name, 0, 0}, REASON_TOO_LARGE,
                        "larger than 1024 KiB");
            code = ERR_INPUT;
        }
    }
    if (!code)
        code = yaml_read(out, loader->pool, name, true, text, content.len, loader->problems);
    buf_deinit(&content);
    return code;
}

static int merge_include(struct loader *loader, struct tree *entry, struct tree **under)
{
    int code = interpolate(&loader->interpolation, entry);
    if (code)
        return code;
    if (entry->kind != TREE_SCALAR || !*entry->text) {
        problem_add(loader->problems, entry->place, REASON_INCLUDE,
                    "include: expected a file name");
        return 0;
    }
    char *dir = text_dirname(entry->place.file), *joined = NULL, *name = NULL;
    if (dir && (joined = text_join(dir, entry->text)))
        name = arena_copy(&loader->pool->arena, joined, strlen(joined) + 1);
    mem_free(dir);
    mem_free(joined);
    struct tree *included = NULL;
    code = name ? load_file(loader, name, NULL, entry->place, &included) : ERR_NOMEM;
    if (!code && included)
        code = tree_merge(loader->pool, *under, included, under);
    return code == ERR_INPUT ? 0 : code; // said; the rest is still worth checking
}

// Later includes win over earlier ones, the including file over all.
static int merge_includes(struct loader *loader, struct tree **tree)
{
    struct tree_item *item = tree_find(*tree, "include");
    if (!item)
        return 0;
    struct tree *list = item->value;
    tree_remove(*tree, item);
    struct tree *under = tree_new(loader->pool, TREE_MAP, (*tree)->place);
    if (!under)
        return tree_failure(loader->pool);
    int code = 0;
    if (list->kind != TREE_LIST)
        code = merge_include(loader, list, &under);
    for (uint32_t i = 0; list->kind == TREE_LIST && i < list->count && !code; i++)
        code = merge_include(loader, list->items[i].value, &under);
    return code ? code : tree_merge(loader->pool, under, *tree, tree);
}

// ERR_INPUT (said) when the file is being read already, or there are too many.
static int enter(struct loader *loader, const char *real, struct place named_at)
{
    for (uint32_t i = 0; i < loader->depth; i++)
        if (strcmp(loader->open[i], real) == 0) {
            problem_add(loader->problems, named_at, REASON_INCLUDE, "include: '%s' includes itself",
                        real);
            return ERR_INPUT;
        }
    if (loader->depth == INCLUDE_DEPTH_MAX || ++loader->files > FILES_MAX) {
        problem_add(loader->problems, named_at, REASON_INCLUDE,
                    "include: more than %d files, or %d levels", FILES_MAX, INCLUDE_DEPTH_MAX);
        return ERR_INPUT;
    }
    loader->open[loader->depth++] = real;
    return 0;
}

static int load_entered(struct loader *loader, const char *name, const char *text,
                        struct place named_at, struct tree **out)
{
    struct tree *tree = NULL;
    int code = problems_file(loader->problems, name, text);
    if (!code)
        code = read_text(loader, name, text, named_at, &tree);
    if (code)
        return code;
    if (!tree || tree->kind != TREE_MAP) {
        bool empty = !tree || tree_is_null(tree) || tree_is_empty(tree);
        problem_add(loader->problems, (struct place){name, 1, 1}, REASON_WRONG_VALUE,
                    "expected a map with 'pipeline:', 'sources:' and so on, found %s",
                    empty ? "nothing" : tree_kind_name(tree));
        return ERR_INPUT;
    }
    code = merge_includes(loader, &tree);
    *out = tree;
    return code;
}

static int load_file(struct loader *loader, const char *name, const char *text,
                     struct place named_at, struct tree **out)
{
    char real[PATH_MAX]; // the same file by another name is still the same
    int code = enter(loader, !text && realpath(name, real) ? real : name, named_at);
    if (!code) {
        code = load_entered(loader, name, text, named_at, out);
        loader->depth--;
    }
    return code;
}

static void drop_extensions(struct tree *tree)
{
    for (uint32_t i = tree->count; i-- > 0;)
        if (strncmp(tree->items[i].key, "x-", 2) == 0)
            tree_remove(tree, &tree->items[i]);
}

static int load_all(struct loader *loader, const struct topology_input *input, struct tree **out)
{
    int code = 0;
    bool failed = false;
    for (uint32_t i = 0; i < input->file_count && (!code || code == ERR_INPUT); i++) {
        struct tree *tree = NULL;
        code = load_file(loader, input->files[i], i ? NULL : input->text, (struct place){0}, &tree);
        failed |= code == ERR_INPUT;
        if (!code && *out)
            code = tree_merge(loader->pool, *out, tree, out);
        else if (!code)
            *out = tree;
    }
    if (code && code != ERR_INPUT)
        return code;
    if (failed || !*out)
        return ERR_INPUT;
    for (uint32_t i = 0; i < input->set_count; i++) {
        code = set_apply(loader->pool, out, input->sets[i], loader->problems);
        if (code && code != ERR_INPUT)
            return code;
    }
    return 0;
}

int load_tree(struct tree **out, struct tree_pool *pool, const struct topology_input *input,
              struct problems *problems)
{
    struct loader loader = {
        .pool = pool, .problems = problems, .interpolation = {.pool = pool, .problems = problems}};
    *out = NULL;
    if (!input->file_count) {
        problem_add(problems, (struct place){0}, REASON_USAGE, "no file");
        return ERR_INPUT;
    }
    int code = load_all(&loader, input, out);
    if (!code) {
        drop_extensions(*out);
        code = defaults_apply(pool, *out, problems);
    }
    if (!code)
        code = interpolate(&loader.interpolation, *out);
    if (code != ERR_LIMIT)
        return code;
    problem_add(problems, (struct place){input->files[0], 0, 0}, REASON_TOO_LARGE,
                "too large: more than %d values after merging", TREE_NODES_MAX);
    return ERR_INPUT;
}
