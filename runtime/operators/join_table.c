// SPDX-License-Identifier: MIT
#include "operators/join.h"

// table: each key has the versions of its value on the side of the table, in the order of time, and
// on the other side the records of the stream that wait for their moment. Of the versions that the
// watermark has passed, the last is kept; a tombstone only as long as it hides another.
//
// A version that comes late is taken when it is newer than the one in force: what it would have
// changed is told, but not what comes.

enum { ROWS_PER_LOOK = 64 };

static struct join_rows *versions_of(const struct join *join, struct join_key *key)
{
    return &key->rows[join->table];
}

static struct join_rows *waiting_of(const struct join *join, struct join_key *key)
{
    return &key->rows[join_other(join->table)];
}

// The version in force at `time`; NULL: there is none.
static struct join_row *version_at(const struct join_rows *versions, int64_t time)
{
    uint32_t at = time == INT64_MAX ? versions->to : rows_from(versions, time + 1);
    struct join_row *found = at > versions->from ? versions->items[at - 1] : NULL;
    return found && !found->tombstone ? found : NULL;
}

static enum join_fate fate(struct join *join, const struct table_key *key)
{
    const struct join_now *now = &join->now;
    if (!join_passed(join, now->time))
        return JOIN_TAKE;
    if (now->side != join->table)
        return JOIN_LATE;
    struct join_key *rows = key_find(join, key);
    if (!rows || rows_empty(versions_of(join, rows)))
        return JOIN_TAKE;
    const struct join_rows *versions = versions_of(join, rows);
    int64_t first = versions->items[versions->from]->time;
    return join_passed(join, first) && first > now->time ? JOIN_LATE : JOIN_TAKE;
}

// -- what is over --

// Those in front of the last that the watermark has passed; and a tombstone that hides nothing.
static void forget_versions(struct join *join, struct join_key *key)
{
    struct join_rows *versions = versions_of(join, key);
    while (versions->to - versions->from > 1 &&
           join_passed(join, versions->items[versions->from + 1]->time))
        rows_drop_first(join, versions);
    if (!rows_empty(versions) && versions->items[versions->from]->tombstone &&
        join_passed(join, versions->items[versions->from]->time))
        rows_drop_first(join, versions);
}

static int64_t due_of(const struct join *join, struct join_key *key)
{
    const struct join_rows *versions = versions_of(join, key), *waiting = waiting_of(join, key);
    int64_t due = INT64_MAX;
    if (!rows_empty(waiting))
        due = waiting->items[waiting->from]->time;
    if (rows_empty(versions))
        return due;
    uint32_t over = versions->items[versions->from]->tombstone ? 0 : 1;
    if (versions->to - versions->from > over && versions->items[versions->from + over]->time < due)
        due = versions->items[versions->from + over]->time;
    return due;
}

static void settle(struct join *join, struct join_key *key)
{
    if (rows_empty(versions_of(join, key)) && rows_empty(waiting_of(join, key)))
        key_drop(join, key);
    else
        due_move(&join->heap, &key->due, due_of(join, key));
}

// -- records --

static enum op_status add(struct join *join, const struct table_key *key, struct outputs *outputs,
                          struct error *err)
{
    struct join_now *now = &join->now;
    struct join_key *rows;
    (void)outputs;
    int rc = key_take(join, key, &rows);
    if (!rc) {
        rc = rows_room(join, &rows->rows[now->side], 1);
        if (rc)
            settle(join, rows);
    }
    join_explain(join, rc, err);
    if (rc)
        return OP_STOP;
    rows_insert(&rows->rows[now->side], now->row);
    now->row = NULL;
    if (now->side == join->table && join_passed(join, now->time))
        forget_versions(join, rows); // who waits is ahead of the watermark
    settle(join, rows);
    return OP_DONE;
}

static enum op_status meet(struct join *join, struct join_key *key, struct outputs *outputs)
{
    struct join_rows *waiting = waiting_of(join, key);
    enum join_side stream = join_other(join->table);
    for (uint32_t done = 1; !rows_empty(waiting); done++) {
        struct join_row *row = waiting->items[waiting->from];
        enum op_status status = OP_DONE;
        if (!join_passed(join, row->time))
            break;
        struct join_row *version = version_at(versions_of(join, key), row->time);
        if (version)
            status = join_pair(join, outputs, row, version, stream, NULL);
        else if (join->outer[stream])
            status = join_alone(join, outputs, row, stream, row->time, NULL);
        if (status != OP_DONE)
            return status;
        rows_drop_first(join, waiting);
        if (done % ROWS_PER_LOOK == 0 && outputs_late(outputs))
            return OP_AGAIN;
    }
    return OP_DONE;
}

static enum op_status due(struct join *join, struct outputs *outputs)
{
    struct due *first;
    for (uint32_t done = 1; (first = due_first(&join->heap)) && join_passed(join, first->at);
         done++) {
        struct join_key *key = (struct join_key *)(void *)first;
        bool last = first->at == INT64_MAX;
        table_touch(&join->keys_table, key->entry);
        enum op_status status = meet(join, key, outputs);
        if (status != OP_DONE)
            return status;
        forget_versions(join, key);
        settle(join, key);
        if (last)
            break; // the end: only versions are left
        if (done % ROWS_PER_LOOK == 0 && outputs_late(outputs))
            return OP_AGAIN;
    }
    return OP_DONE;
}

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

const struct join_kind join_tables = {.name = "table",
                                      .fate = fate,
                                      .add = add,
                                      .due = due,
                                      .save = keys_save,
                                      .by_key = true,
                                      .load = load,
                                      .free = keys_free};
