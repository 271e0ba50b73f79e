// SPDX-License-Identifier: MIT
#include "record/json_layout.h"
#include "base/alloc.h"
#include "record/json_text.h"

struct builder {
    struct json_layout *layout;
    const char *text;
    uint32_t last_end; // of the last leaf
    uint32_t depth, depth_max;
};

static bool set_prefix(struct builder *builder, uint32_t end)
{
    struct json_leaf *leaf = &builder->layout->leaves[builder->layout->leaf_count];
    uint32_t len = end - builder->last_end;
    if (len > PREFIX_MAX)
        return false;
    *leaf = (struct json_leaf){.len = len, .mask = len == 64 ? ~0ull : (1ull << len) - 1};
    memcpy(leaf->prefix, builder->text + builder->last_end, len);
    if (memchr(leaf->prefix, '\n', len) || memchr(leaf->prefix, '\r', len))
        builder->layout->flags |= RECORD_LINES;
    return true;
}

static bool is_string(struct span value)
{
    return value.kind == SPAN_STRING || value.kind == SPAN_ESCAPED;
}

static bool add_leaf(struct builder *builder, struct span value, uint32_t slot)
{
    struct json_layout *layout = builder->layout;
    if (layout->leaf_count == LEAVES_MAX || !set_prefix(builder, value.at - is_string(value)))
        return false;
    struct json_leaf *leaf = &layout->leaves[layout->leaf_count++];
    leaf->slot = slot;
    leaf->name_at = slot < layout->slots ? value.name_at - builder->last_end : 0;
    leaf->array_fits = builder->depth < builder->depth_max;
    builder->last_end = value.at + value.len + is_string(value);
    return true;
}

static bool is_plain_array(const char *text, struct span value)
{
    struct json_walk walk;
    struct json_member member;
    if (value.kind != SPAN_ARRAY)
        return false;
    json_walk_start(&walk, text + value.at, value.len, false);
    while (json_walk_next(&walk, &member))
        if (member.value.kind == SPAN_ARRAY || member.value.kind == SPAN_OBJECT)
            return false;
    return true;
}

static bool add_members(struct builder *builder, struct span container);

static bool add_value(struct builder *builder, struct span value, uint32_t slot)
{
    struct json_layout *layout = builder->layout;
    if (value.kind < SPAN_ARRAY || is_plain_array(builder->text, value))
        return add_leaf(builder, value, slot);
    if (slot >= layout->slots)
        return add_members(builder, value);
    if (layout->nested_count == NESTED_MAX)
        return false;
    struct json_nested *nested = &layout->nested[layout->nested_count++];
    nested->slot = slot;
    nested->kind = value.kind;
    nested->first_leaf = layout->leaf_count;
    nested->name_at = value.name_at - builder->last_end;
    nested->at = value.at - builder->last_end;
    if (!add_members(builder, value))
        return false;
    nested->last_leaf = layout->leaf_count;
    nested->end = value.at + value.len - builder->last_end;
    return true;
}

// What is in an object or array that is itself inside a top-level member.
static bool add_members(struct builder *builder, struct span container)
{
    struct json_walk walk;
    struct json_member member;
    builder->depth++;
    json_walk_start(&walk, builder->text + container.at, container.len, false);
    while (json_walk_next(&walk, &member)) {
        member.value.at += container.at;
        if (!add_value(builder, member.value, builder->layout->slots))
            return false;
    }
    builder->depth--;
    return true;
}

static bool build(struct builder *builder, uint32_t len, const struct record *record)
{
    builder->depth = 1;
    for (uint32_t i = 0; i < record->wire; i++)
        if (!add_value(builder, record->spans[i], i))
            return false;
    return set_prefix(builder, len);
}

// mem_alloc does not promise the alignment of a leaf.
static struct json_layout *allocate(uint32_t leaves)
{
    const size_t align = _Alignof(struct json_layout);
    char *block = mem_alloc(sizeof(struct json_layout) + leaves * sizeof(struct json_leaf) + align);
    if (!block)
        return NULL;
    struct json_layout *layout = (void *)(block + (align - (uintptr_t)block % align));
    layout->block = block;
    return layout;
}

struct json_layout *json_layout_new(const char *text, uint32_t len, const struct record *record,
                                    const struct json_limits *limits)
{
    struct json_layout *big = allocate(LEAVES_MAX + 1), *layout = NULL;
    if (!big)
        return NULL;
    *big = (struct json_layout){.block = big->block,
                                .shape = record->shape,
                                .slots = record->wire,
                                .big_ints = limits->big_ints};
    struct builder builder = {.layout = big, .text = text, .depth_max = limits->depth};
    if (build(&builder, len, record)) {
        layout = allocate(big->leaf_count + 1);
        if (layout) {
            void *block = layout->block;
            memcpy(layout, big, sizeof *big + (big->leaf_count + 1) * sizeof(struct json_leaf));
            layout->block = block;
        }
    }
    json_layout_free(big);
    return layout;
}

void json_layout_free(struct json_layout *layout)
{
    if (layout)
        mem_free(layout->block);
}
