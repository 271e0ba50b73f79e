// SPDX-License-Identifier: MIT
#include "operators/keys.h"

int keys_compile(struct path paths[KEY_FIELDS_MAX], uint32_t *count,
                 const struct tide_config *fields, const char *option, struct error *err)
{
    *count = 0;
    if (fields->count == 0 || fields->count > KEY_FIELDS_MAX)
        return error_set(err, ERR_INPUT, "%s: %u fields; there are 1 to %d", option, fields->count,
                         KEY_FIELDS_MAX);
    for (uint32_t i = 0; i < fields->count; i++) {
        int rc = path_compile(&paths[i], fields->items[i].text, err);
        if (rc)
            return error_prefix(err, "%s", option);
        ++*count;
    }
    return 0;
}

int key_refused(const struct path *path, struct value value, const char *option,
                const struct buf *key, int rc, struct error *err)
{
    if (value.type == VALUE_ABSENT)
        return error_set(err, ERR_DATA, "field '%s' (%s) is absent", path->text, option);
    if (rc == ERR_DATA)
        return error_set(err, rc, "field '%s' (%s): %s is no key", path->text, option,
                         value_type_name((enum value_type)value.type));
    if (rc == ERR_LIMIT)
        return error_set(err, rc, "the key is longer than %zu bytes", key->max);
    return error_nomem(err);
}
