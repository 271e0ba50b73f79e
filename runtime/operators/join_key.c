// SPDX-License-Identifier: MIT
#include "operators/join.h"
#include "operators/keys.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

// Keys of both sides. 1 and "1" are two keys: when all that one side has had there are texts and
// all of the other numbers, nothing will ever meet, and that is an error instead of a silence.

enum { KIND_NUMBER = 1, KIND_TEXT = 2, KIND_BOOL = 4 };
enum { NUMBER_TEXT_MAX = 20 }; // bytes of an int64

static uint32_t kind_of(struct value value)
{
    switch ((enum value_type)value.type) {
    case VALUE_INT:
    case VALUE_FLOAT:
        return KIND_NUMBER;
    case VALUE_STRING:
        return KIND_TEXT;
    case VALUE_BOOL:
        return KIND_BOOL;
    default:
        return 0;
    }
}

static const char *kinds_name(uint32_t kinds)
{
    switch (kinds) {
    case KIND_NUMBER:
        return "numbers";
    case KIND_TEXT:
        return "strings";
    case KIND_BOOL:
        return "booleans";
    default:
        return "values of other types";
    }
}

static const char *side_name(enum join_side side)
{
    return side == JOIN_LEFT ? "left" : "right";
}

static int check_type(struct join *join, enum join_side side, uint32_t field, struct value value,
                      struct error *err)
{
    enum join_side other = join_other(side);
    uint32_t kind = kind_of(value);
    uint32_t mine = join->key_types[side][field] | kind, theirs = join->key_types[other][field];
    join->key_types[side][field] = mine;
    if (!theirs || !kind || (mine & theirs))
        return 0;
    return error_set(err, ERR_DATA,
                     "field '%s' (on, %s) is a %s, but '%s' of the %s side has only been %s: they "
                     "never match; convert one of them (tonumber, tostring) before the join",
                     join->keys[side][field].text, side_name(side),
                     value_type_name((enum value_type)value.type), join->keys[other][field].text,
                     side_name(other), kinds_name(theirs));
}

static int add_field(struct join *join, enum join_side side, uint32_t field, struct value value,
                     struct error *err)
{
    const struct path *path = &join->keys[side][field];
    int rc = key_add(path, value, side == JOIN_LEFT ? "on, left" : "on, right", &join->key, err);
    if (rc)
        return rc;
    return check_type(join, side, field, value, err);
}

int join_read_key(struct join *join, enum join_side side, struct batch *batch,
                  struct record *record, bool *null, struct error *err)
{
    *null = false;
    buf_clear(&join->key);
    for (uint32_t i = 0; i < join->key_count; i++) {
        struct value value = path_read(batch, record, &join->keys[side][i]);
        int rc = add_field(join, side, i, value, err);
        if (rc)
            return rc;
        *null |= value.type == VALUE_NULL;
    }
    return 0;
}

static bool reads_as_int(const char *bytes, size_t len, int64_t *out)
{
    char text[NUMBER_TEXT_MAX + 1], *end;
    if (len == 0 || len > NUMBER_TEXT_MAX || bytes[0] == '+' || bytes[0] == ' ')
        return false;
    memcpy(text, bytes, len);
    text[len] = 0;
    errno = 0;
    *out = strtoll(text, &end, 10);
    return !errno && *end == 0;
}

int join_tombstone_key(struct join *join, const struct record *record, struct error *err)
{
    const struct record_meta *meta = record->meta;
    if (!meta || !meta->key)
        return error_set(err, ERR_DATA,
                         "a record without a value deletes its key, but it has no message key");
    if (join->key_count != 1)
        return error_set(err, ERR_DATA,
                         "a record without a value cannot say which of the keys of %u fields it "
                         "deletes: `on` has to be one field for that",
                         join->key_count);
    struct value value = value_string(meta->key, meta->key_len);
    int64_t number;
    if (join->key_types[join->table][0] == KIND_NUMBER &&
        reads_as_int(meta->key, meta->key_len, &number))
        value = value_int(number);
    buf_clear(&join->key);
    int rc = key_encode_value(value, &join->key);
    return rc ? error_set(err, rc, "the message key cannot be used") : 0;
}
