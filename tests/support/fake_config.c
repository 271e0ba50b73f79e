// SPDX-License-Identifier: MIT
#include "support/fake_parts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

// Options as a tree of maps, lists and scalars, all text; read as numbers when asked to.

static struct tide_config *find(const struct tide_config *map, const char *name, size_t len)
{
    for (uint32_t i = 0; map && i < map->count; i++) {
        struct tide_config *item = &map->items[i];
        if (item->name && strlen(item->name) == len && !memcmp(item->name, name, len))
            return item;
    }
    return NULL;
}

static struct tide_config *add_item(struct tide_config *to, const char *name, size_t len)
{
    to->items = fake_more(to->items, to->count, sizeof *to->items);
    struct tide_config *item = &to->items[to->count++];
    if (name)
        item->name = strndup(name, len);
    return item;
}

static struct tide_config *walk(struct tide_config *map, const char *path, bool make)
{
    bool whole = false; // behind a colon the rest is one name
    while (map && *path) {
        size_t len = whole ? strlen(path) : strcspn(path, ".:");
        struct tide_config *next = find(map, path, len);
        if (!next && make) {
            map->is_map = true;
            next = add_item(map, path, len);
        }
        map = next;
        whole = path[len] == ':';
        path += len + (path[len] != '\0');
    }
    return map;
}

void fake_set(struct fake_host *host, const char *path, const char *text)
{
    struct tide_config *item = walk(host->config, path, true);
    free(item->text);
    item->text = strdup(text);
}

void fake_add(struct fake_host *host, const char *path, const char *text)
{
    add_item(walk(host->config, path, true), NULL, 0)->text = strdup(text);
}

void fake_defaults(struct fake_host *host, const tide_option *options)
{
    for (const tide_option *option = options; option && option->name; option++) {
        if (option->default_text && !walk(host->config, option->name, false))
            fake_set(host, option->name, option->default_text);
    }
}

static const struct {
    const char *unit;
    double factor;
} units[] = {
    {"", 1},     {"ms", 1},     {"s", 1000},  {"m", 60e3},      {"h", 3600e3}, {"d", 86400e3},
    {"B", 1},    {"KiB", 1024}, {"kB", 1000}, {"MiB", 1048576}, {"MB", 1e6},   {"GiB", 1073741824},
    {"GB", 1e9},
};

// "1m30s", "64MiB", "-5", "2.5".
static double number_of(const char *text)
{
    double sum = 0;
    while (text && *text) {
        char *end;
        double part = strtod(text, &end);
        size_t len = 0;
        while (isalpha((unsigned char)end[len]))
            len++;
        bool known = false;
        for (size_t i = 0; i < sizeof units / sizeof units[0] && !known; i++) {
            known = strlen(units[i].unit) == len && !memcmp(units[i].unit, end, len);
            if (known)
                sum += part * units[i].factor;
        }
        if (!known || end == text)
            fake_die("option value '%s' is no number", text);
        text = end + len;
    }
    return sum;
}

static const char *config_text(const tide_config *config)
{
    return config->text;
}

static double config_number(const tide_config *config)
{
    return number_of(config->text);
}

static int64_t config_int(const tide_config *config)
{
    char *end;
    long long whole = strtoll(config->text ? config->text : "", &end, 10);
    return *end ? (int64_t)number_of(config->text) : whole;
}

static uint32_t config_len(const tide_config *config)
{
    return config->count;
}

static const tide_config *config_item(const tide_config *config, uint32_t index)
{
    return index < config->count ? &config->items[index] : NULL;
}

static const char *config_name(const tide_config *config, uint32_t index)
{
    return index < config->count ? config->items[index].name : NULL;
}

static const tide_config *config_at(const tide_config *map, const char *name)
{
    return find(map, name, strlen(name));
}

static const tide_config *config(tide_ctx *ctx, const char *path)
{
    return walk(host_of(ctx)->config, path, false);
}

static int opt_given(tide_ctx *ctx, const char *path)
{
    return config(ctx, path) != NULL;
}

static const char *opt_text(tide_ctx *ctx, const char *path)
{
    const tide_config *at = config(ctx, path);
    return at ? at->text : NULL;
}

static int64_t opt_int(tide_ctx *ctx, const char *path)
{
    const tide_config *at = config(ctx, path);
    return at && at->text ? config_int(at) : 0;
}

static double opt_number(tide_ctx *ctx, const char *path)
{
    const tide_config *at = config(ctx, path);
    return at && at->text ? config_number(at) : 0;
}

static int opt_bool(tide_ctx *ctx, const char *path)
{
    const char *text = opt_text(ctx, path);
    return text && !strcmp(text, "true");
}

void fake_config_init(struct fake_host *host)
{
    host->config = fake_more(NULL, 0, sizeof *host->config);
    host->config->is_map = true;
    tide_host *table = &host->table;
    table->opt_given = opt_given;
    table->opt_text = opt_text;
    table->opt_int = opt_int;
    table->opt_number = opt_number;
    table->opt_bool = opt_bool;
    table->config = config;
    table->config_len = config_len;
    table->config_item = config_item;
    table->config_name = config_name;
    table->config_at = config_at;
    table->config_text = config_text;
    table->config_int = config_int;
    table->config_number = config_number;
}

static void free_config(struct tide_config *item)
{
    for (uint32_t i = 0; i < item->count; i++)
        free_config(&item->items[i]);
    free(item->items);
    free(item->name);
    free(item->text);
}

void fake_config_deinit(struct fake_host *host)
{
    free_config(host->config);
    free(host->config);
}
