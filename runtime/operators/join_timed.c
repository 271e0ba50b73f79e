// SPDX-License-Identifier: MIT
#include "operators/join.h"

// interval, ttl: each key has its rows of both sides in the order of time. What a record is paired
// with is a stretch of the other side; the oldest rows leave first. A key is due when the first of
// its rows is.

enum { ROWS_PER_LOOK = 64, NOT_BEGUN = UINT32_MAX };

// From this watermark on no record of the other side can come for a row of this time.
static int64_t expires(const struct join *join, enum join_side side, int64_t time)
{
    return join_add(time, side == JOIN_LEFT ? join->high_ms : -join->low_ms);
}

static enum join_fate fate(struct join *join, const struct table_key *key)
{
    (void)key;
    int64_t time = join->now.time;
    return join_passed(join, join->ttl ? expires(join, join->now.side, time) : time) ? JOIN_LATE
                                                                                     : JOIN_TAKE;
}

static int64_t due_of(const struct join *join, const struct join_key *key)
{
    int64_t due = INT64_MAX;
    for (enum join_side side = JOIN_LEFT; side < JOIN_SIDES; side++) {
        const struct join_rows *rows = &key->rows[side];
        if (rows_empty(rows))
            continue;
        int64_t at = expires(join, side, rows->items[rows->from]->time);
        due = at < due ? at : due;
    }
    return due;
}

// The stretch of the other side's times that the record in hand is paired with.
static void reach(const struct join *join, int64_t *low, int64_t *high)
{
    int64_t time = join->now.time;
    bool left = join->now.side == JOIN_LEFT;
    *low = join_add(time, left ? join->low_ms : -join->high_ms);
    *high = join_add(time, left ? join->high_ms : -join->low_ms);
}

static enum op_status pair_all(struct join *join, const struct join_rows *others,
                               struct outputs *outputs)
{
    struct join_now *now = &join->now;
    int64_t low, high;
    reach(join, &low, &high);
    if (now->at == NOT_BEGUN)
        now->at = rows_from(others, low);
    for (uint32_t done = 1; now->at < others->to; done++) {
        struct join_row *other = others->items[now->at];
        if (other->time > high)
            break;
        enum op_status status = join_pair(join, outputs, now->row, other, now->side, NULL);
        if (status != OP_DONE)
            return status;
        now->at++;
        if (done % ROWS_PER_LOOK == 0 && outputs_late(outputs))
            return OP_AGAIN;
    }
    return OP_DONE;
}

static int begin(struct join *join, const struct table_key *key, struct join_key **out,
                 struct error *err)
{
    int rc = key_take(join, key, out);
    if (rc) {
        join_explain(join, rc, err);
        return rc;
    }
    rc = rows_room(join, &(*out)->rows[join->now.side], 1);
    if (rc && rows_empty(&(*out)->rows[JOIN_LEFT]) && rows_empty(&(*out)->rows[JOIN_RIGHT]))
        key_drop(join, *out);
    join_explain(join, rc, err);
    return rc;
}

static enum op_status add(struct join *join, const struct table_key *key, struct outputs *outputs,
                          struct error *err)
{
    struct join_now *now = &join->now;
    struct join_key *rows;
    if (begin(join, key, &rows, err))
        return OP_STOP;
    enum op_status status = pair_all(join, &rows->rows[join_other(now->side)], outputs);
    if (status != OP_DONE)
        return status;
    rows_insert(&rows->rows[now->side], now->row);
    now->row = NULL;
    due_move(&join->heap, &rows->due, due_of(join, rows));
    return OP_DONE;
}

// -- what leaves --

static enum op_status expire_side(struct join *join, struct join_key *key, enum join_side side,
                                  struct outputs *outputs)
{
    struct join_rows *rows = &key->rows[side];
    for (uint32_t done = 1; !rows_empty(rows); done++) {
        struct join_row *row = rows->items[rows->from];
        int64_t at = expires(join, side, row->time);
        if (!join_passed(join, at))
            break;
        if (join->outer[side] && !row->matched) {
            int64_t time = at > row->time ? at : row->time;
            enum op_status status = join_alone(join, outputs, row, side, time, NULL);
            if (status != OP_DONE)
                return status;
        }
        rows_drop_first(join, rows);
        if (done % ROWS_PER_LOOK == 0 && outputs_late(outputs))
            return OP_AGAIN;
    }
    return OP_DONE;
}

static enum op_status expire(struct join *join, struct join_key *key, struct outputs *outputs)
{
    table_touch(&join->keys_table, key->entry);
    for (enum join_side side = JOIN_LEFT; side < JOIN_SIDES; side++) {
        enum op_status status = expire_side(join, key, side, outputs);
        if (status != OP_DONE)
            return status;
    }
    if (rows_empty(&key->rows[JOIN_LEFT]) && rows_empty(&key->rows[JOIN_RIGHT]))
        key_drop(join, key);
    else
        due_move(&join->heap, &key->due, due_of(join, key));
    return OP_DONE;
}

static enum op_status due(struct join *join, struct outputs *outputs)
{
    struct due *first;
    for (uint32_t done = 1; (first = due_first(&join->heap)) && join_passed(join, first->at);
         done++) {
        enum op_status status = expire(join, (struct join_key *)(void *)first, outputs);
        if (status != OP_DONE)
            return status;
        if (done % ROWS_PER_LOOK == 0 && outputs_late(outputs))
            return OP_AGAIN;
    }
    return OP_DONE;
}

// -- as bytes --

static int load(struct join *join, const struct table_key *key, enum join_side side,
                struct window window, struct join_row *row)
{
    struct join_key *rows;
    (void)window;
    int rc = key_put_row(join, key, side, row, &rows);
    if (!rc)
        due_move(&join->heap, &rows->due, due_of(join, rows));
    return rc;
}

const struct join_kind join_timed = {.name = "timed",
                                     .fate = fate,
                                     .add = add,
                                     .due = due,
                                     .save = keys_save,
                                     .by_key = true,
                                     .load = load,
                                     .free = keys_free};
