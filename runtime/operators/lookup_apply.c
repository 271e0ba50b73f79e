// SPDX-License-Identifier: MIT
#include "operators/lookup.h"
#include "record/json.h"
#include <string.h>

// An answer into its record: as one member, or its members among the record's.

static const char *text_in(struct batch *batch, const struct enrich_answer *answer)
{
    char *text = arena_alloc(&batch->arena, answer->len + CHUNK_PAD, 1);
    if (!text)
        return NULL;
    memcpy(text, answer->text, answer->len);
    memset(text + answer->len, 0, CHUNK_PAD);
    return text;
}

static bool is_key(const struct lookup *lookup, const struct shape_name *name)
{
    for (uint32_t i = 0; i < lookup->key_count; i++) {
        const struct path *path = &lookup->row_keys[i];
        if (path->count == 1 && path->steps[0].len == name->len &&
            memcmp(path->steps[0].name, name->bytes, name->len) == 0)
            return true;
    }
    return false;
}

static int set_member(struct lookup *lookup, struct batch *batch, struct record *record,
                      const struct shape_name *name, struct value value)
{
    if (!lookup->prefix)
        return record_set_name(batch, record, name->bytes, name->len, value);
    buf_clear(&lookup->name);
    int rc = buf_puts(&lookup->name, lookup->prefix);
    if (!rc)
        rc = buf_append(&lookup->name, name->bytes, name->len);
    if (rc)
        return rc;
    return record_set_name(batch, record, lookup->name.data, (uint32_t)lookup->name.len, value);
}

static int merge(struct lookup *lookup, struct batch *batch, struct record *record,
                 struct record *row)
{
    for (uint32_t i = 0; i < row->shape->count; i++) {
        const struct shape_name *name = &row->shape->names[i];
        if (is_key(lookup, name) || shape_find(row->shape, name->bytes, name->len) != (int32_t)i)
            continue;
        int rc = set_member(lookup, batch, record, name, record_get(batch, row, (int32_t)i));
        if (rc)
            return rc;
    }
    return 0;
}

int lookup_apply(struct lookup *lookup, struct batch *batch, uint32_t index,
                 const struct enrich_answer *answer, struct error *err)
{
    const char *text = text_in(batch, answer);
    struct record row;
    int rc = ERR_NOMEM;
    if (!text)
        return error_nomem(err);
    if (lookup->into) {
        struct value value = {.type = VALUE_OBJECT, .bytes = text, .len = answer->len};
        rc = record_set_name(batch, &batch->records[index], lookup->into,
                             (uint32_t)strlen(lookup->into), value);
    } else {
        record_init(&row, shape_empty(lookup->shapes));
        rc = json_read(lookup->reader, batch, text, answer->len, CHUNK_PAD, &row, err);
        if (rc)
            return rc;
        rc = merge(lookup, batch, &batch->records[index], &row);
    }
    return rc ? error_set(err, rc, "the row cannot be put into the record: %s", error_meaning(rc))
              : 0;
}

int lookup_apply_null(struct lookup *lookup, struct batch *batch, uint32_t index)
{
    if (!lookup->into)
        return 0;
    return record_set_name(batch, &batch->records[index], lookup->into,
                           (uint32_t)strlen(lookup->into), value_null());
}
