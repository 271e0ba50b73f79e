// SPDX-License-Identifier: MIT
#include "operators/pattern.h"
#include "time/watermark.h"

// A result: the key's fields, start and end (the times of the first and the last record), and the
// record of each step under the step's name; null where a match ran out of time before it.

static int check_names(const struct shape_name *names, uint32_t count, struct error *err)
{
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < i; k++)
            if (names[i].len == names[k].len &&
                memcmp(names[i].bytes, names[k].bytes, names[i].len) == 0)
                return error_set(err, ERR_INPUT,
                                 "the result would have two members '%.*s' (it has the key fields "
                                 "by their last name, start, end and the steps)",
                                 (int)names[i].len, names[i].bytes);
    return 0;
}

int pattern_make_shape(struct pattern *pattern, struct shape_table *shapes, struct error *err)
{
    struct shape_name names[KEY_FIELDS_MAX + 2 + PATTERN_STEPS_MAX] = {{0}};
    uint32_t count = 0;
    for (uint32_t i = 0; i < pattern->native.key_count; i++, count++) {
        const struct path *path = &pattern->native.keys[i];
        names[count].bytes = path->steps[path->count - 1].name;
        names[count].len = path->steps[path->count - 1].len;
    }
    names[count++] = (struct shape_name){.bytes = "start", .len = 5};
    names[count++] = (struct shape_name){.bytes = "end", .len = 3};
    for (uint32_t i = 0; i < pattern->steps; i++, count++)
        names[count] = (struct shape_name){.bytes = pattern->names[i],
                                           .len = (uint32_t)strlen(pattern->names[i])};
    int rc = check_names(names, count, err);
    if (rc)
        return rc;
    pattern->shape = shape_intern(shapes, NULL, names, count);
    return pattern->shape ? 0 : error_nomem(err);
}

// The record's text as a value. One that is no object (and no array) has no place in a result.
static int step_value(const struct kept *kept, struct batch *out, struct value *value)
{
    *value = value_null();
    if (!kept || kept->json_len == 0 || (kept->bytes[0] != '{' && kept->bytes[0] != '['))
        return 0;
    *value = (struct value){
        .type = kept->bytes[0] == '{' ? VALUE_OBJECT : VALUE_ARRAY,
        .flags = kept->flags & RECORD_BIG_TEXT ? VALUE_BIG_TEXT : 0,
        .len = kept->json_len,
        .bytes = batch_copy(out, kept->bytes, kept->json_len),
    };
    return value->bytes ? 0 : ERR_NOMEM;
}

static int fill_cells(const struct pattern *pattern, const struct match *match, struct batch *out,
                      struct value *cells)
{
    const char *key = batch_copy(out, &match->steps[pattern->steps], match->key_len);
    if (!key)
        return ERR_NOMEM;
    int fields = key_decode(key, match->key_len, cells, KEY_FIELDS_MAX);
    if (fields != (int)pattern->native.key_count)
        return ERR_BUG;
    cells += fields;
    *cells++ = value_int(match->steps[0]->time);
    *cells++ = value_int(match->steps[match->matched - 1]->time);
    for (uint32_t i = 0; i < pattern->steps; i++)
        if (step_value(match->steps[i], out, cells++))
            return ERR_NOMEM;
    return 0;
}

static bool make_result(struct pattern *pattern, const struct match *match, struct batch *out)
{
    struct value cells[KEY_FIELDS_MAX + 2 + PATTERN_STEPS_MAX];
    size_t bytes = pattern->shape->count * sizeof *cells;
    int rc = fill_cells(pattern, match, out, cells);
    if (rc == ERR_BUG)
        return true; // a key that was damaged where it was saved
    struct value *own = rc ? NULL : ARENA_ARRAY(&out->arena, struct value, pattern->shape->count);
    struct record *record = own ? batch_add(out) : NULL;
    if (!record)
        return false;
    memcpy(own, cells, bytes);
    record->shape = pattern->shape;
    record->cells = own;
    record->cell_cap = (uint16_t)pattern->shape->count;
    record->time = match->steps[match->matched - 1]->time;
    record->offset = -1;
    pattern->native.op.stats.created++;
    return true;
}

enum op_status pattern_tell(struct pattern *pattern, struct outputs *outputs)
{
    struct match *match;
    while ((match = pattern->tell.first)) {
        uint32_t port = match->state == MATCH_DONE ? PORT_OUT : PATTERN_TIMEOUT;
        if (port == PORT_OUT || outputs_wanted(outputs, port)) {
            struct batch *out = outputs_batch(outputs, port);
            if (!out || !make_result(pattern, match, out))
                return OP_AGAIN;
        }
        pattern->tell.first = match->next;
        match_free(pattern, match);
    }
    return OP_DONE;
}
