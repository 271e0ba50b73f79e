// SPDX-License-Identifier: MIT
#include "record/json.h"
#include "record/json_text.h"
#include "record/record_inline.h"

static int decode_name(struct batch *batch, const struct json_member *from,
                       struct node_member *member)
{
    member->name = from->name;
    member->name_len = from->name_len;
    member->name_plain = !from->name_escaped;
    if (!from->name_escaped)
        return 0;
    struct value name = json_text_unescape(batch, from->name, from->name_len);
    member->name = name.bytes;
    member->name_len = name.len;
    return name.type == VALUE_ABSENT ? ERR_NOMEM : 0;
}

static int decode_member(struct batch *batch, const struct json_walk *walk,
                         const struct json_member *from, struct node_member *member)
{
    const char *text = walk->text;
    struct span span = from->value;
    uint32_t quotes = span.kind == SPAN_STRING || span.kind == SPAN_ESCAPED;
    *member = (struct node_member){.wire = text + span.at - quotes,
                                   .wire_len = (uint32_t)span.len + 2 * quotes};
    if (from->name && decode_name(batch, from, member))
        return ERR_NOMEM;
    int64_t i;
    uint32_t end = span.at + span.len;
    if (span.kind == SPAN_INT && parse_int_fast(text + end, span.len, end, &i))
        member->value = value_int(i);
    else
        member->value = span_decode(batch, text, span);
    if (walk->big_text && span.kind >= SPAN_ARRAY)
        member->value.flags |= VALUE_BIG_TEXT;
    return member->value.type == VALUE_ABSENT ? ERR_NOMEM : 0;
}

int json_index_node(struct batch *batch, struct node *node)
{
    struct json_walk walk;
    struct json_member member;
    json_walk_start(&walk, node->text, node->text_len, node->big_text);
    while (json_walk_next(&walk, &member)) {
        if (node_make_room(batch, node))
            return ERR_NOMEM;
        if (decode_member(batch, &walk, &member, &node->members[node->count]))
            return ERR_NOMEM;
        node->count++;
    }
    return 0;
}
