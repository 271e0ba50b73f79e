// SPDX-License-Identifier: MIT
#include "plugin/registry.h"
#include "base/alloc.h"
#include "plugin/loader.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct registry {
    struct registry_item *items;
    size_t count, cap;
};

int registry_new(struct registry **out, struct error *err)
{
    *out = mem_zalloc(sizeof **out);
    return *out ? 0 : error_nomem(err);
}

void registry_free(struct registry *registry)
{
    if (!registry)
        return;
    for (size_t i = 0; i < registry->count; i++) {
        mem_free((void *)registry->items[i].path);
        mem_free((void *)registry->items[i].error);
    }
    mem_free(registry->items);
    mem_free(registry);
}

// "dir/x.so" names x.
static bool file_is_named(const char *path, const char *name)
{
    const char *base = strrchr(path, '/');
    base = base ? base + 1 : path;
    size_t len = strlen(name);
    return !strncmp(base, name, len) && !strcmp(base + len, ".so");
}

static int keep(struct registry *registry, const char *path, const tide_plugin *plugin,
                const char *error, struct error *err)
{
    if (mem_grow(&registry->items, &registry->cap, registry->count + 1, sizeof *registry->items))
        return error_nomem(err);
    struct registry_item item = {.path = mem_strdup(path), .plugin = plugin};
    if (error)
        item.error = mem_strdup(error);
    if (!item.path || (error && !item.error)) {
        mem_free((void *)item.path);
        mem_free((void *)item.error);
        return error_nomem(err);
    }
    registry->items[registry->count++] = item;
    return 0;
}

static int add(struct registry *registry, const char *path, struct error *why, struct error *err)
{
    const tide_plugin *plugin = NULL;
    if (!loader_open(path, &plugin, why)) {
        if (!registry_find(registry, plugin->name))
            return keep(registry, path, plugin, NULL, err);
        error_set(why, ERR_INPUT, "%s: a plugin named '%s' is loaded already", path, plugin->name);
    }
    return keep(registry, path, NULL, why->text, err);
}

int registry_add_file(struct registry *registry, const char *path, struct error *err)
{
    struct error why = ERROR_INIT;
    int rc = add(registry, path, &why, err);
    if (!rc && why.code)
        return error_set(err, why.code, "%s", why.text);
    return rc;
}

int registry_add_plugin(struct registry *registry, const tide_plugin *plugin, struct error *err)
{
    if (registry_find(registry, plugin->name))
        return error_set(err, ERR_INPUT, "a plugin named '%s' is there already", plugin->name);
    return keep(registry, "(built in)", plugin, NULL, err);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

// Names of the *.so files, sorted, so that the order does not depend on the disk.
static int list_dir(const char *dir, char ***names, size_t *count, struct error *err)
{
    DIR *stream = opendir(dir);
    if (!stream)
        return error_errno(err, ERR_INPUT, errno, "plugin directory %s", dir);
    size_t cap = 0;
    int rc = 0;
    for (struct dirent *entry; !rc && (entry = readdir(stream));) {
        size_t len = strlen(entry->d_name);
        if (len < 4 || strcmp(entry->d_name + len - 3, ".so") != 0)
            continue;
        if (mem_grow(names, &cap, *count + 1, sizeof **names) ||
            !((*names)[*count] = mem_strdup(entry->d_name)))
            rc = error_nomem(err);
        else
            ++*count;
    }
    closedir(stream);
    if (*count)
        qsort(*names, *count, sizeof **names, by_name);
    return rc;
}

int registry_add_dir(struct registry *registry, const char *dir, struct error *err)
{
    char **names = NULL;
    size_t count = 0;
    int rc = list_dir(dir, &names, &count, err);
    for (size_t i = 0; i < count; i++) {
        char path[4096];
        struct error why = ERROR_INIT;
        if (!rc && snprintf(path, sizeof path, "%s/%s", dir, names[i]) >= (int)sizeof path)
            rc = error_set(err, ERR_INPUT, "plugin directory %s: path is too long", dir);
        if (!rc)
            rc = add(registry, path, &why, err);
        mem_free(names[i]);
    }
    mem_free(names);
    return rc;
}

static int add_list(struct registry *registry, const char *list, struct error *err)
{
    char *copy = mem_strdup(list), *rest = copy;
    int rc = copy ? 0 : error_nomem(err);
    for (char *dir; !rc && (dir = strsep(&rest, ":"));)
        if (*dir)
            rc = registry_add_dir(registry, dir, err);
    mem_free(copy);
    return rc;
}

int registry_add_defaults(struct registry *registry, struct error *err)
{
    const char *list = getenv("TIDEMILL_PLUGINS");
    if (list && *list)
        return add_list(registry, list, err);
    char path[4096];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 32);
    if (len <= 0)
        return error_errno(err, ERR_INPUT, errno, "where is this program? /proc/self/exe");
    path[len] = '\0';
    char *slash = strrchr(path, '/');
    strncpy(slash, "/plugins", 32);
    if (!access(path, R_OK | X_OK))
        return registry_add_dir(registry, path, err);
    strncpy(slash, "/../lib/tidemill/plugins", 32);
    return registry_add_dir(registry, path, err);
}

const tide_plugin *registry_find(const struct registry *registry, const char *name)
{
    for (size_t i = 0; i < registry->count; i++)
        if (registry->items[i].plugin && !strcmp(registry->items[i].plugin->name, name))
            return registry->items[i].plugin;
    return NULL;
}

const char *registry_refusal(const struct registry *registry, const char *name)
{
    for (size_t i = 0; i < registry->count; i++)
        if (registry->items[i].error && file_is_named(registry->items[i].path, name))
            return registry->items[i].error;
    return NULL;
}

uint32_t registry_count(const struct registry *registry)
{
    return (uint32_t)registry->count;
}

const struct registry_item *registry_at(const struct registry *registry, uint32_t index)
{
    return &registry->items[index];
}
