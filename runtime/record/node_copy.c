// SPDX-License-Identifier: MIT
#include "record/node_copy.h"
#include "base/error.h"
#include "record/batch.h"

struct copier {
    struct batch *batch;
    bool bytes; // copy them as well: the copy is for another batch
    uint32_t depth;
};

static int copy_value(struct copier *copier, struct value *value);

static int copy_bytes(const struct copier *copier, const char **bytes, uint32_t len)
{
    if (!copier->bytes || !*bytes)
        return 0;
    *bytes = batch_copy(copier->batch, *bytes, len);
    return *bytes ? 0 : ERR_NOMEM;
}

static int copy_member(struct copier *copier, struct node *node, struct node_member *member)
{
    int code = copy_bytes(copier, &member->name, member->name_len);
    if (!code && member->wire)
        code = copy_bytes(copier, &member->wire, member->wire_len);
    if (!code)
        code = copy_value(copier, &member->value);
    if (!code && (member->value.flags & VALUE_IS_NODE))
        member->value.node->parent = node;
    return code;
}

static int copy_tree(struct copier *copier, struct value *value)
{
    const struct node *from = value->node;
    if (copier->depth == NODE_DEPTH_MAX)
        return ERR_LIMIT;
    struct node *node = node_new(copier->batch, from->is_array);
    if (!node)
        return ERR_NOMEM;
    if (from->count) {
        node->members = ARENA_ARRAY(&copier->batch->arena, struct node_member, from->count);
        if (!node->members)
            return ERR_NOMEM;
        memcpy(node->members, from->members, from->count * sizeof *node->members);
    }
    node->count = node->cap = from->count;
    copier->depth++;
    for (uint32_t i = 0; i < node->count; i++) {
        int code = copy_member(copier, node, &node->members[i]);
        if (code)
            return code;
    }
    copier->depth--;
    value->node = node;
    return 0;
}

static int copy_value(struct copier *copier, struct value *value)
{
    if (value->type != VALUE_STRING && value->type != VALUE_ARRAY && value->type != VALUE_OBJECT)
        return 0;
    if (value->flags & VALUE_IS_NODE) {
        const struct node *node = value->node;
        if (!node->text)
            return copy_tree(copier, value);
        *value = (struct value){.type = value->type,
                                .flags = node->big_text ? VALUE_BIG_TEXT : 0,
                                .len = node->text_len,
                                .bytes = node->text};
    }
    return copy_bytes(copier, &value->bytes, value->len);
}

int value_copy(struct batch *batch, struct value value, struct value *out)
{
    struct copier copier = {.batch = batch, .bytes = true};
    *out = value;
    return copy_value(&copier, out);
}

int node_detach(struct batch *batch, struct value *value)
{
    struct copier copier = {.batch = batch};
    return copy_value(&copier, value);
}
