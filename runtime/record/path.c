// SPDX-License-Identifier: MIT
#include "record/path.h"
#include "base/alloc.h"
#include "record/batch.h"
#include "record/json_text.h"
#include "record/node.h"
#include "record/record_inline.h"
#include <stdlib.h>

static int32_t array_index(const char *name, uint32_t len)
{
    int32_t index = 0;
    if (len == 0 || len > 9 || (len > 1 && name[0] == '0'))
        return -1;
    for (uint32_t i = 0; i < len; i++) {
        if (name[i] < '0' || name[i] > '9')
            return -1;
        index = index * 10 + (name[i] - '0');
    }
    return index;
}

// One step from *text on, decoded to *to; leaves *text at the dot or the end.
static int read_step(const char **text, char **to, struct path_step *step, struct error *err)
{
    char *start = *to;
    for (; **text && **text != '.'; ++*text) {
        if (**text == '\\') {
            ++*text;
            if (**text != '.' && **text != '\\')
                return error_set(err, ERR_INPUT, "a backslash stands before a dot or a backslash");
        }
        *(*to)++ = **text;
    }
    uint32_t len = (uint32_t)(*to - start);
    *(*to)++ = '\0';
    if (!len)
        return error_set(err, ERR_INPUT, "an empty name");
    *step = (struct path_step){.name = start, .len = len, .index = array_index(start, len)};
    return 0;
}

static int read_steps(struct path *path, const char *text, char *names, struct error *err)
{
    for (;; text++) {
        int code = read_step(&text, &names, &path->steps[path->count++], err);
        if (code)
            return code;
        if (!*text)
            return 0;
    }
}

int path_compile(struct path *path, const char *text, struct error *err)
{
    size_t len = strlen(text), steps = 1;
    for (const char *at = text; (at = strchr(at, '.')); at++)
        steps++;
    *path = (struct path){0};
    path->text = mem_strdup(text);
    // The steps, and behind them their names: never longer than the text, with a NUL for each dot.
    path->steps = mem_alloc(steps * sizeof *path->steps + len + 1);
    if (!path->text || !path->steps) {
        path_deinit(path);
        return error_nomem(err);
    }
    int code = read_steps(path, text, (char *)(path->steps + steps), err);
    if (code) {
        error_prefix(err, "field path '%s'", text);
        path_deinit(path);
        return code;
    }
    field_init(&path->field, path->steps[0].name, path->steps[0].len);
    return 0;
}

void path_deinit(struct path *path)
{
    mem_free(path->text);
    mem_free(path->steps);
    *path = (struct path){0};
}

static bool same_name(struct batch *batch, const struct json_member *member,
                      const struct path_step *step)
{
    if (!member->name_escaped)
        return member->name_len == step->len && memcmp(member->name, step->name, step->len) == 0;
    if (member->name_len < step->len) // an escape is never shorter than what it stands for
        return false;
    struct value name = json_text_unescape(batch, member->name, member->name_len);
    return name.type == VALUE_STRING && name.len == step->len &&
           memcmp(name.bytes, step->name, step->len) == 0;
}

// A step into JSON text; the last member of that name counts.
static struct value step_text(struct batch *batch, struct value value, const struct path_step *step)
{
    struct json_walk walk;
    struct json_member member;
    struct span found = {0};
    bool seen = false;
    json_walk_start(&walk, value.bytes, value.len, value.flags & VALUE_BIG_TEXT);
    for (int32_t i = 0; json_walk_next(&walk, &member); i++) {
        if (walk.is_array ? i != step->index : !same_name(batch, &member, step))
            continue;
        found = member.value;
        seen = true;
        if (walk.is_array)
            break;
    }
    if (!seen)
        return value_absent();
    struct value inner = span_decode(batch, value.bytes, found);
    if (found.kind >= SPAN_ARRAY)
        inner.flags |= value.flags & VALUE_BIG_TEXT;
    return inner;
}

static struct value step_node(struct batch *batch, struct node *node, const struct path_step *step)
{
    if (!node->is_array)
        return node_get(batch, node, step->name, step->len);
    return step->index < 0 ? value_absent() : node_at(batch, node, (uint32_t)step->index);
}

struct value path_walk(struct batch *batch, struct record *record, struct path *path,
                       struct value value)
{
    (void)record;
    for (uint32_t i = 1; i < path->count; i++) {
        if (value.type != VALUE_ARRAY && value.type != VALUE_OBJECT)
            return value_absent();
        value = value.flags & VALUE_IS_NODE ? step_node(batch, value.node, &path->steps[i])
                                            : step_text(batch, value, &path->steps[i]);
    }
    return value;
}
