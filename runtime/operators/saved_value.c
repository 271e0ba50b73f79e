// SPDX-License-Identifier: MIT
#include "operators/saved_value.h"

void value_save(struct image *image, struct value value)
{
    image_u64(image, value.type);
    if (value.type == VALUE_FLOAT)
        image_f64(image, value.f);
    else if (value.type == VALUE_INT)
        image_i64(image, value.i);
    else if (value.type == VALUE_BOOL)
        image_u64(image, value.b);
    else if (value.type >= VALUE_STRING)
        image_bytes(image, value.bytes, value.len);
}

struct value value_load(struct image_entry *entry)
{
    uint64_t type = entry_u64(entry);
    size_t len;
    struct value value = {.type = (uint8_t)type};
    switch (type) {
    case VALUE_FLOAT:
        return value_float(entry_f64(entry));
    case VALUE_INT:
        return value_int(entry_i64(entry));
    case VALUE_BOOL:
        return value_bool(entry_u64(entry) != 0);
    case VALUE_STRING:
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        value.bytes = entry_bytes(entry, &len);
        value.len = (uint32_t)len;
        return value;
    case VALUE_ABSENT:
    case VALUE_NULL:
        return value;
    default:
        entry->bad = true;
        return value_null();
    }
}

void pick_save(struct image *image, const struct agg_pick *pick)
{
    value_save(image, pick->value);
    image_i64(image, pick->time);
    image_i64(image, pick->offset);
    image_u64(image, pick->split);
}

int pick_load(struct state_budget *budget, struct image_entry *entry, struct agg_pick *out)
{
    struct value value = value_load(entry);
    int rc = entry->bad ? 0 : value_own(budget, value, &out->value);
    if (rc)
        return rc;
    out->time = entry_i64(entry);
    out->offset = entry_i64(entry);
    out->split = entry_u64(entry);
    return 0;
}
