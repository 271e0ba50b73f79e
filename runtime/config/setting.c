// SPDX-License-Identifier: MIT
#include "config/setting.h"
#include "config/text.h"

#include <string.h>

static const struct tide_config *member(const struct tide_config *map, const char *name, size_t len)
{
    for (uint32_t i = 0; map->is_map && i < map->count; i++) {
        const char *other = map->items[i].name;
        if (strncmp(other, name, len) == 0 && !other[len])
            return &map->items[i];
    }
    return NULL;
}

const struct tide_config *setting_at(const struct tide_config *map, const char *path)
{
    while (map && *path) {
        size_t len = strcspn(path, ".");
        map = member(map, path, len);
        path += len;
        path += *path == '.';
    }
    return map;
}

const char *setting_text(const struct tide_config *map, const char *path)
{
    const struct tide_config *setting = setting_at(map, path);
    return setting ? setting->text : NULL;
}

int64_t setting_int(const struct tide_config *map, const char *path, int64_t absent)
{
    const struct tide_config *setting = setting_at(map, path);
    return setting ? setting->integer : absent;
}

double setting_number(const struct tide_config *map, const char *path, double absent)
{
    const struct tide_config *setting = setting_at(map, path);
    return setting ? setting->number : absent;
}

bool setting_bool(const struct tide_config *map, const char *path, bool absent)
{
    const struct tide_config *setting = setting_at(map, path);
    return setting ? setting->flag : absent;
}

static int json_scalar(const struct tide_config *setting, bool redact, struct buf *out)
{
    if (redact && setting->secret)
        return buf_puts(out, "\"***\"");
    if (setting->look == LOOKS_NULL)
        return buf_puts(out, "null");
    // Numbers keep their digits: what was read by this layer's rules is JSON as it stands.
    if (setting->look != LOOKS_TEXT)
        return buf_puts(out, setting->text);
    return text_json(setting->text ? setting->text : "", out);
}

int setting_json(const struct tide_config *setting, bool redact, struct buf *out)
{
    if (!setting->is_map && !setting->is_list)
        return json_scalar(setting, redact, out);
    int code = buf_putc(out, setting->is_map ? '{' : '[');
    for (uint32_t i = 0; i < setting->count && !code; i++) {
        code = i ? buf_putc(out, ',') : 0;
        if (!code && setting->is_map)
            code = text_json(setting->items[i].name, out);
        if (!code && setting->is_map)
            code = buf_putc(out, ':');
        if (!code)
            code = setting_json(&setting->items[i], redact, out);
    }
    return code ? code : buf_putc(out, setting->is_map ? '}' : ']');
}
