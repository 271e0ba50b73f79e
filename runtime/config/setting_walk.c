// SPDX-License-Identifier: MIT
#include "config/setting_walk.h"
#include <string.h>

uint32_t walk_len(const tide_config *node)
{
    return node->count;
}

const tide_config *walk_item(const tide_config *node, uint32_t index)
{
    return index < node->count ? &node->items[index] : NULL;
}

const char *walk_name(const tide_config *node, uint32_t index)
{
    return index < node->count ? node->items[index].name : NULL;
}

const tide_config *walk_at(const tide_config *map, const char *name)
{
    for (uint32_t i = 0; i < map->count; i++)
        if (map->items[i].name && !strcmp(map->items[i].name, name))
            return &map->items[i];
    return NULL;
}

const char *walk_text(const tide_config *node)
{
    return node->text;
}

int64_t walk_int(const tide_config *node)
{
    return node->integer;
}

double walk_number(const tide_config *node)
{
    return node->number;
}
