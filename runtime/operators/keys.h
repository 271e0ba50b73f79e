// SPDX-License-Identifier: MIT
#pragma once
#include "config/setting.h"
#include "record/keycode.h"

// The key of a record as operators read it: fields named by an option (`key_by`, `on`), in their
// canonical encoding (record/keycode.h). Errors name the field and the option.

// The fields that the option lists; *count counts those that are compiled, also after an error.
// ERR_INPUT: none, more than KEY_FIELDS_MAX, or one that is no path.
int keys_compile(struct path paths[KEY_FIELDS_MAX], uint32_t *count,
                 const struct tide_config *fields, const char *option, struct error *err);

// The story of a value that could not be added: ERR_DATA (absent, no key), ERR_LIMIT, ERR_NOMEM.
int key_refused(const struct path *path, struct value value, const char *option,
                const struct buf *key, int rc, struct error *err);

// Appends a field's value to `key`. ERR_DATA also where it is absent.
static inline int key_add(const struct path *path, struct value value, const char *option,
                          struct buf *key, struct error *err)
{
    int rc = value.type == VALUE_ABSENT ? ERR_DATA : key_encode_value(value, key);
    return __builtin_expect(rc == 0, 1) ? 0 : key_refused(path, value, option, key, rc, err);
}
