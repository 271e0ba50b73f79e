// SPDX-License-Identifier: MIT
#include "fuzz/json_same.h"
#include "record/batch.h"
#include "record/node.h"
#include <string.h>

static void check_node(struct batch *batch, struct node *node, const json_t *theirs);

static bool same_text(struct value value, const json_t *theirs)
{
    return json_is_string(theirs) && json_string_length(theirs) == value.len &&
           memcmp(json_string_value(theirs), value.bytes, value.len) == 0;
}

// Of what is no array and no object. `wire`: as it came, NULL: not known.
static void check_plain(struct value value, const char *wire, uint32_t wire_len,
                        const json_t *theirs)
{
    char digits[NUMBER_TEXT_MAX];
    switch ((enum value_type)value.type) {
    case VALUE_NULL:
        PROMISE(json_is_null(theirs));
        break;
    case VALUE_BOOL:
        PROMISE(json_is_boolean(theirs) && json_is_true(theirs) == value.b);
        break;
    case VALUE_INT:
        PROMISE(json_is_real(theirs) && json_real_value(theirs) == (double)value.i);
        PROMISE(!wire || (number_format_int(value.i, digits) == wire_len &&
                          memcmp(digits, wire, wire_len) == 0));
        break;
    case VALUE_FLOAT:
        PROMISE(json_is_real(theirs) && json_real_value(theirs) == value.f);
        break;
    case VALUE_STRING:
        PROMISE(same_text(value, theirs));
        break;
    default:
        PROMISE_OF(false, value_type_name((enum value_type)value.type));
    }
}

static bool nests(struct value value)
{
    return value.type == VALUE_ARRAY || value.type == VALUE_OBJECT;
}

static void check_member(struct batch *batch, struct node *node, uint32_t index,
                         const json_t *theirs)
{
    const struct node_member *member = &node->members[index];
    if (nests(member->value))
        check_node(batch, node_enter_member(batch, node, index), theirs);
    else
        check_plain(member->value, member->wire, member->wire_len, theirs);
}

// The last member of that name; UINT32_MAX: none.
static uint32_t find_member(const struct node *node, const char *name, size_t len)
{
    uint32_t found = UINT32_MAX;
    for (uint32_t i = 0; i < node->count; i++)
        if (node->members[i].name_len == len && memcmp(node->members[i].name, name, len) == 0)
            found = i;
    return found;
}

static void check_object(struct batch *batch, struct node *node, const json_t *theirs)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)theirs, name, value) {
        size_t len = strlen(name); // jansson refuses NUL in names
        uint32_t index = find_member(node, name, len);
        PROMISE_OF(index < node->count, name);
        PROMISE(node_get(batch, node, name, (uint32_t)len).type == node->members[index].value.type);
        check_member(batch, node, index, value);
    }
    for (uint32_t i = 0; i < node->count; i++)
        PROMISE(json_object_getn(theirs, node->members[i].name, node->members[i].name_len));
}

static void check_node(struct batch *batch, struct node *node, const json_t *theirs)
{
    PROMISE(node != NULL && node->is_array == json_is_array(theirs));
    if (!node->is_array) {
        check_object(batch, node, theirs);
        return;
    }
    PROMISE(node->count == json_array_size(theirs));
    for (uint32_t i = 0; i < node->count; i++)
        check_member(batch, node, i, json_array_get(theirs, i));
}

static void check_slot(struct batch *batch, struct record *record, int32_t slot,
                       const json_t *theirs)
{
    struct value value = record_get(batch, record, slot);
    const struct span *span = &record->spans[slot];
    if (nests(value))
        check_node(batch, node_enter(batch, record, slot), theirs);
    else
        check_plain(value, record->raw + span->at, span->len, theirs);
}

void json_check_record(struct batch *batch, struct record *record, const json_t *theirs)
{
    const struct shape *shape = record->shape;
    const char *name;
    json_t *value;
    if (!json_is_object(theirs)) {
        PROMISE(shape->count == 1 && (record->flags & RECORD_WHOLE));
        check_slot(batch, record, shape_find(shape, "value", 5), theirs);
        return;
    }
    PROMISE(!(record->flags & RECORD_WHOLE));
    json_object_foreach ((json_t *)(uintptr_t)theirs, name, value) {
        int32_t slot = shape_find(shape, name, (uint32_t)strlen(name));
        PROMISE_OF(slot >= 0, name);
        check_slot(batch, record, slot, value);
    }
    for (uint32_t i = 0; i < shape->count; i++)
        PROMISE(json_object_getn(theirs, shape->names[i].bytes, shape->names[i].len));
}
