// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "engine/engine.h"
#include "operators/operator.h"
#include <string.h>

// What can stand in a pipeline: plugins by what they offer, operators by their classes. Made once,
// from the registry; the entries of plugins are kept here.

struct entry {
    const char *name;
    enum node_kind kind;
    struct catalogue_entry entry;
};

struct contents {
    struct entry *entries;
    size_t count, cap;
    const char **names[NODE_CONNECTION + 1];
    const struct registry *registry;
};

static const struct catalogue_entry *find(const struct catalogue *catalogue, enum node_kind kind,
                                          const char *type)
{
    const struct contents *contents = catalogue->arg;
    for (size_t i = 0; i < contents->count; i++)
        if (contents->entries[i].kind == kind && !strcmp(contents->entries[i].name, type))
            return &contents->entries[i].entry;
    return NULL;
}

static const char *const *names(const struct catalogue *catalogue, enum node_kind kind)
{
    const struct contents *contents = catalogue->arg;
    return (const char *const *)contents->names[kind];
}

static const char *refusal(const struct catalogue *catalogue, const char *type)
{
    const struct contents *contents = catalogue->arg;
    return registry_refusal(contents->registry, type);
}

static int add(struct contents *contents, const char *name, enum node_kind kind,
               struct catalogue_entry entry)
{
    if (mem_grow(&contents->entries, &contents->cap, contents->count + 1,
                 sizeof *contents->entries))
        return ERR_NOMEM;
    contents->entries[contents->count++] = (struct entry){name, kind, entry};
    return 0;
}

static int add_plugin(struct contents *contents, const tide_plugin *plugin)
{
    struct catalogue_entry entry = {.has_out = true};
    int rc = 0;
    if (plugin->source) {
        entry.options = plugin->source->options;
        rc = add(contents, plugin->name, NODE_SOURCE, entry);
    }
    if (!rc && plugin->sink) {
        entry.options = plugin->sink->options;
        rc = add(contents, plugin->name, NODE_SINK, entry);
    }
    if (!rc && plugin->connection) {
        entry.options = plugin->connection->options;
        rc = add(contents, plugin->name, NODE_CONNECTION, entry);
    }
    return rc;
}

static int list_names(struct contents *contents)
{
    for (int kind = NODE_SOURCE; kind <= NODE_CONNECTION; kind++) {
        const char **list = mem_zalloc(sizeof *list * (contents->count + 1));
        if (!list)
            return ERR_NOMEM;
        contents->names[kind] = list;
        for (size_t i = 0; i < contents->count; i++)
            if ((int)contents->entries[i].kind == kind)
                *list++ = contents->entries[i].name;
    }
    return 0;
}

static int fill(struct contents *contents, const struct registry *registry)
{
    int rc = 0;
    contents->registry = registry;
    for (const struct operator_class *const *c = operator_classes; !rc && *c; c++)
        rc = add(contents, (*c)->type, NODE_OPERATOR, (*c)->entry);
    for (uint32_t i = 0; !rc && i < registry_count(registry); i++)
        if (registry_at(registry, i)->plugin)
            rc = add_plugin(contents, registry_at(registry, i)->plugin);
    return rc ? rc : list_names(contents);
}

int engine_catalogue(struct catalogue **out, struct registry *registry, struct error *err)
{
    struct catalogue *catalogue = mem_zalloc(sizeof *catalogue);
    struct contents *contents = mem_zalloc(sizeof *contents);
    if (!catalogue || !contents || fill(contents, registry)) {
        if (catalogue)
            catalogue->arg = contents;
        else
            mem_free(contents);
        engine_catalogue_free(catalogue);
        return error_nomem(err);
    }
    *catalogue =
        (struct catalogue){.find = find, .names = names, .refusal = refusal, .arg = contents};
    *out = catalogue;
    return 0;
}

void engine_catalogue_free(struct catalogue *catalogue)
{
    if (!catalogue)
        return;
    struct contents *contents = catalogue->arg;
    if (contents) {
        for (int kind = NODE_SOURCE; kind <= NODE_CONNECTION; kind++)
            mem_free(contents->names[kind]);
        mem_free(contents->entries);
        mem_free(contents);
    }
    mem_free(catalogue);
}
