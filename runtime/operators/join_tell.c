// SPDX-License-Identifier: MIT
#include "operators/cursor.h"
#include "operators/join.h"
#include "base/alloc.h"
#include <string.h>

// One result. Both rows are read where the result is made, so that it points nowhere else: the
// left's bytes stay as they are, the right's members become cells behind them.

void join_forget_shown(struct join *join)
{
    join->shown[JOIN_LEFT].row = join->shown[JOIN_RIGHT].row = NULL;
}

// The row as a record in `out`'s arena (not one of its records).
static int show(struct join *join, struct batch *out, enum join_side side,
                const struct join_row *row, struct record **record, struct error *err)
{
    if (join->shown[side].row == row && join->shown[side].batch == out) {
        *record = &join->shown[side].record;
        return 0;
    }
    *record = &join->shown[side].record;
    join->shown[side].row = NULL;
    char *text = arena_alloc(&out->arena, row->len + CHUNK_PAD, 1);
    if (!text)
        return ERR_NOMEM;
    memcpy(text, row->json, row->len);
    memset(text + row->len, 0, CHUNK_PAD);
    record_init(*record, shape_empty(join->shapes));
    int rc = json_read(join->readers[row->big_text], out, text, row->len, CHUNK_PAD, *record, err);
    if (rc)
        return rc;
    join->shown[side].row = row;
    join->shown[side].batch = out;
    return 0;
}

static int fill_selected(struct join *join, struct batch *out, struct record *made,
                         struct record *const sides[JOIN_SIDES])
{
    struct value *cells = ARENA_ARRAY(&out->arena, struct value, join->select_count);
    if (!cells)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < join->select_count; i++) {
        struct join_select *from = &join->select[i];
        cells[i] =
            sides[from->side] ? path_read(out, sides[from->side], &from->path) : value_absent();
    }
    made->shape = join->select_shape;
    made->cells = cells;
    made->cell_cap = (uint16_t)join->select_count;
    return 0;
}

// The left's bytes as they are; with a prefix its members as cells.
static void fill_left(struct join *join, struct batch *out, struct record *made,
                      struct record *left, uint32_t count)
{
    if (!join->prefix[JOIN_LEFT]) {
        made->raw = left->raw;
        made->raw_len = left->raw_len;
        made->spans = left->spans;
        made->wire = left->wire;
        made->flags = left->flags;
        memset(made->cells, 0, count * sizeof *made->cells); // VALUE_UNSET
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        made->cells[i] = record_get(out, left, (int32_t)i);
}

static int fill_merged(struct join *join, struct batch *out, struct record *made,
                       struct record *const sides[JOIN_SIDES])
{
    struct record *left = sides[JOIN_LEFT], *right = sides[JOIN_RIGHT];
    struct join_merge scratch;
    const struct join_merge *merge = join_merge_find(join, out, left ? left->shape : NULL,
                                                     right ? right->shape : NULL, &scratch);
    if (!merge)
        return ERR_NOMEM;
    uint32_t count = merge->shape->count;
    made->shape = merge->shape;
    made->cells = ARENA_ARRAY(&out->arena, struct value, count ? count : 1);
    if (!made->cells)
        return ERR_NOMEM;
    made->cell_cap = (uint16_t)count;
    if (left)
        fill_left(join, out, made, left, merge->left_count);
    for (uint32_t i = 0; i < merge->right_count; i++)
        if (merge->slots[i] != UINT16_MAX)
            made->cells[merge->slots[i]] = record_get(out, right, (int32_t)i);
    return 0;
}

static struct value bound(int64_t ms)
{
    return ms == INT64_MIN || ms == INT64_MAX ? value_null() : value_int(ms);
}

static int add_bounds(struct batch *out, struct record *made, const struct window *window)
{
    int rc = record_set_name(out, made, "start", 5, bound(window->start));
    return rc ? rc : record_set_name(out, made, "end", 3, bound(window->end));
}

static int make(struct join *join, struct batch *out, const struct join_row *left,
                const struct join_row *right, int64_t time, const struct window *window,
                struct error *err)
{
    struct record *sides[JOIN_SIDES] = {NULL, NULL};
    int rc = left ? show(join, out, JOIN_LEFT, left, &sides[JOIN_LEFT], err) : 0;
    if (!rc && right)
        rc = show(join, out, JOIN_RIGHT, right, &sides[JOIN_RIGHT], err);
    struct record *made = rc ? NULL : batch_add(out);
    if (!made)
        return rc ? rc : ERR_NOMEM;
    rc = join->select ? fill_selected(join, out, made, sides) : fill_merged(join, out, made, sides);
    made->time = time;
    made->offset = -1;
    if (!rc && join->bounds && window)
        rc = add_bounds(out, made, window);
    if (rc)
        out->count--;
    return rc;
}

enum op_status join_tell(struct join *join, struct outputs *outputs, const struct join_row *left,
                         const struct join_row *right, int64_t time, const struct window *window)
{
    struct batch *out = outputs_batch(outputs, PORT_OUT);
    if (!out)
        return OP_AGAIN;
    struct error err;
    error_clear(&err);
    int rc = make(join, out, left, right, time, window, &err);
    if (!rc) {
        join->op.stats.created++;
        return OP_DONE;
    }
    if (!err.len)
        rc == ERR_NOMEM
            ? error_nomem(&err)
            : error_set(&err, rc, "the pair has more than %d members", SHAPE_MEMBERS_MAX);
    return result_failed(outputs, &err);
}

enum op_status join_pair(struct join *join, struct outputs *outputs, struct join_row *row,
                         struct join_row *other, enum join_side side, const struct window *window)
{
    const struct join_row *left = side == JOIN_LEFT ? row : other;
    const struct join_row *right = side == JOIN_LEFT ? other : row;
    int64_t time = row->time > other->time ? row->time : other->time;
    enum op_status status = join_tell(join, outputs, left, right, time, window);
    if (status == OP_DONE)
        row->matched = other->matched = 1;
    return status;
}

enum op_status join_alone(struct join *join, struct outputs *outputs, const struct join_row *row,
                          enum join_side side, int64_t time, const struct window *window)
{
    return join_tell(join, outputs, side == JOIN_LEFT ? row : NULL, side == JOIN_RIGHT ? row : NULL,
                     time, window);
}
