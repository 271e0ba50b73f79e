// SPDX-License-Identifier: MIT
#include "record/node.h"
#include "base/error.h"
#include "record/batch.h"
#include "record/json.h"
#include "record/record_cells.h"

struct node *node_new(struct batch *batch, bool is_array)
{
    struct node *node = ARENA_NEW(&batch->arena, struct node);
    if (node)
        *node = (struct node){.is_array = is_array};
    return node;
}

static struct node *enter_text(struct batch *batch, struct value value)
{
    struct node *node = node_new(batch, value.type == VALUE_ARRAY);
    if (!node)
        return NULL;
    node->text = value.bytes;
    node->text_len = value.len;
    node->big_text = value.flags & VALUE_BIG_TEXT;
    return json_index_node(batch, node) ? NULL : node;
}

static bool is_nested(struct value value)
{
    return value.type == VALUE_ARRAY || value.type == VALUE_OBJECT;
}

static struct value node_value(struct node *node)
{
    return (struct value){
        .type = node->is_array ? VALUE_ARRAY : VALUE_OBJECT, .flags = VALUE_IS_NODE, .node = node};
}

struct node *node_enter(struct batch *batch, struct record *record, int32_t slot)
{
    struct value value = record_get(batch, record, slot);
    if (!is_nested(value) || record_own_cells(batch, record, record->shape->count))
        return NULL;
    struct value *cell = &record->cells[slot];
    if (cell->flags & VALUE_IS_NODE)
        return cell->node;
    if (cell->type != VALUE_UNSET)
        value = *cell; // what was a node in shared cells may be text again
    struct node *node = enter_text(batch, value);
    if (!node)
        return NULL;
    *cell = node_value(node);
    node->cell = cell;
    return node;
}

struct node *node_enter_member(struct batch *batch, struct node *node, uint32_t index)
{
    if (index >= node->count || !is_nested(node->members[index].value))
        return NULL;
    struct value *value = &node->members[index].value;
    if (value->flags & VALUE_IS_NODE)
        return value->node;
    struct node *child = enter_text(batch, *value);
    if (!child)
        return NULL;
    child->parent = node;
    *value = node_value(child);
    return child;
}

static int32_t find(const struct node *node, const char *name, uint32_t len)
{
    for (uint32_t i = node->is_array ? 0 : node->count; i-- > 0;)
        if (node->members[i].name_len == len && memcmp(node->members[i].name, name, len) == 0)
            return (int32_t)i;
    return -1;
}

struct value node_get(struct batch *batch, struct node *node, const char *name, uint32_t len)
{
    (void)batch;
    int32_t at = find(node, name, len);
    return at < 0 ? value_absent() : node->members[at].value;
}

struct value node_at(struct batch *batch, struct node *node, uint32_t index)
{
    (void)batch;
    return index < node->count ? node->members[index].value : value_absent();
}

static void touch(struct node *node)
{
    for (; node; node = node->parent)
        node->text = NULL;
}

// A node that is put in must be free, and not around the place it is put in.
static bool can_take(const struct node *node, struct value value)
{
    if (!(value.flags & VALUE_IS_NODE))
        return true;
    if (value.node->parent || value.node->cell)
        return false;
    for (; node; node = node->parent)
        if (node == value.node)
            return false;
    return true;
}

static void put(struct node *node, uint32_t index, struct value value)
{
    struct node_member *member = &node->members[index];
    if (member->value.flags & VALUE_IS_NODE)
        member->value.node->parent = NULL;
    member->value = value;
    member->wire = NULL;
    if (value.flags & VALUE_IS_NODE)
        value.node->parent = node;
    touch(node);
}

static void take_out(struct node *node, uint32_t index)
{
    put(node, index, value_absent());
    node->count--;
    memmove(&node->members[index], &node->members[index + 1],
            (node->count - index) * sizeof *node->members);
}

int node_make_room(struct batch *batch, struct node *node)
{
    if (node->count < node->cap)
        return 0;
    uint32_t cap = node->cap ? node->cap * 2 : 8;
    struct node_member *members = ARENA_ARRAY(&batch->arena, struct node_member, cap);
    if (!members)
        return ERR_NOMEM;
    if (node->count)
        memcpy(members, node->members, node->count * sizeof *members);
    node->members = members;
    node->cap = cap;
    return 0;
}

static int append(struct batch *batch, struct node *node, struct node_member member)
{
    if (node_make_room(batch, node))
        return ERR_NOMEM;
    struct value value = member.value;
    member.value = value_absent();
    node->members[node->count++] = member;
    put(node, node->count - 1, value);
    return 0;
}

static bool is_plain(const char *name, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        if ((unsigned char)name[i] < 0x20 || name[i] == '"' || name[i] == '\\')
            return false;
    return true;
}

int node_set(struct batch *batch, struct node *node, const char *name, uint32_t len,
             struct value value)
{
    if (node->is_array || !can_take(node, value))
        return ERR_INPUT;
    int32_t at = find(node, name, len);
    if (value.type == VALUE_ABSENT) {
        for (; at >= 0; at = find(node, name, len)) // all, if it came several times
            take_out(node, (uint32_t)at);
        return 0;
    }
    if (at >= 0) {
        put(node, (uint32_t)at, value);
        for (uint32_t i = (uint32_t)at; i-- > 0;)
            if (node->members[i].name_len == len && memcmp(node->members[i].name, name, len) == 0)
                take_out(node, i);
        return 0;
    }
    const char *copy = batch_copy(batch, name, len);
    if (!copy)
        return ERR_NOMEM;
    return append(
        batch, node,
        (struct node_member){
            .name = copy, .name_len = len, .name_plain = is_plain(name, len), .value = value});
}

int node_set_at(struct batch *batch, struct node *node, uint32_t index, struct value value)
{
    if (!node->is_array || index > node->count || !can_take(node, value))
        return ERR_INPUT;
    if (value.type == VALUE_ABSENT) {
        if (index == node->count)
            return 0;
        if (index + 1 != node->count)
            return ERR_INPUT; // it would leave a hole
        take_out(node, index);
        return 0;
    }
    if (index == node->count)
        return append(batch, node, (struct node_member){.value = value});
    put(node, index, value);
    return 0;
}
