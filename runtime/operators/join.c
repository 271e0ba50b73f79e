// SPDX-License-Identifier: MIT
#include "operators/join.h"
#include "base/alloc.h"
#include "operators/cursor.h"
#include "time/watermark.h"

enum { PORT_LATE = 1, RECORDS_PER_LOOK = 64 };

static const char *const port_names[] = {"late", NULL};

// -- a record --

// A key that is null, or has no window, meets nobody.
static enum op_status leave_alone(struct join *join, struct batch *batch, enum join_side side,
                                  struct outputs *outputs, struct error *err)
{
    struct record *record = &batch->records[batch->cursor];
    struct join_row *row;
    if (!join->outer[side] || (join->kind == &join_tables && side == join->table)) {
        join->op.stats.filtered++;
        batch->cursor++;
        return OP_DONE;
    }
    if (row_make(join, batch, record, &row, err))
        return cursor_failed(batch, outputs, err);
    enum op_status status = join_alone(join, outputs, row, side, record->time, NULL);
    join_forget_shown(join);
    row_free(join, row);
    if (status != OP_DONE)
        return status;
    join->op.stats.absorbed++;
    batch->cursor++;
    return OP_DONE;
}

static int check_record(const struct join *join, enum join_side side, const struct record *record,
                        struct error *err)
{
    if (record->time == TIME_NONE)
        return error_set(err, ERR_DATA, "the record has no event time");
    if (record->flags & RECORD_RETRACT)
        return error_set(err, ERR_DATA, "a join cannot take back what it has paired");
    if ((record->flags & RECORD_TOMBSTONE) && !(join->kind == &join_tables && side == join->table))
        return error_set(err, ERR_DATA, "the record has no value to join");
    return 0;
}

static int read_record(struct join *join, enum join_side side, struct batch *batch, bool *null,
                       struct error *err)
{
    struct record *record = &batch->records[batch->cursor];
    int rc = check_record(join, side, record, err);
    *null = false;
    if (rc)
        return rc;
    if (record->flags & RECORD_TOMBSTONE)
        return join_tombstone_key(join, record, err);
    return join_read_key(join, side, batch, record, null, err);
}

static void set_key(const struct join *join, struct table_key *key)
{
    table_key_set(key, join->key.data ? join->key.data : "", (uint32_t)join->key.len);
}

// The record is in hand: its row goes in.
static enum op_status go_on(struct join *join, struct batch *batch, struct outputs *outputs,
                            struct error *err)
{
    struct table_key key;
    set_key(join, &key);
    enum op_status status = join->kind->add(join, &key, outputs, err);
    if (status == OP_AGAIN)
        return status;
    join->now.busy = false;
    join_forget_shown(join);
    if (status == OP_DONE) {
        join->op.stats.absorbed++;
        batch->cursor++;
        return status;
    }
    if (!join->now.row)
        return status; // it is in: a result stopped the pipeline
    row_free(join, join->now.row);
    join->now.row = NULL;
    return err->len ? cursor_failed(batch, outputs, err) : status;
}

static enum op_status take(struct join *join, enum join_side side, struct batch *batch,
                           struct outputs *outputs, struct error *err)
{
    struct record *record = &batch->records[batch->cursor];
    struct table_key key;
    bool null;
    if (read_record(join, side, batch, &null, err))
        return cursor_failed(batch, outputs, err);
    struct join_now *now = &join->now;
    *now =
        (struct join_now){.side = side, .time = record->time, .rows = now->rows, .at = UINT32_MAX};
    if (null)
        return leave_alone(join, batch, side, outputs, err);
    set_key(join, &key);
    enum join_fate fate = join->kind->fate(join, &key);
    if (fate == JOIN_LATE)
        return cursor_late(&join->op, batch, PORT_LATE, outputs);
    if (fate == JOIN_NOWHERE)
        return leave_alone(join, batch, side, outputs, err);
    if (row_make(join, batch, record, &now->row, err))
        return cursor_failed(batch, outputs, err);
    now->busy = true;
    return go_on(join, batch, outputs, err);
}

static enum op_status process(struct op *op, uint32_t input, struct batch *batch,
                              struct outputs *outputs)
{
    struct join *join = (struct join *)op;
    struct error err;
    enum op_status status = OP_DONE;
    join_forget_shown(join);
    for (uint32_t done = 1; batch->cursor < batch->count && status == OP_DONE; done++) {
        error_clear(&err);
        status = join->now.busy
                     ? go_on(join, batch, outputs, &err)
                     : take(join, (enum join_side)join->side_of[input], batch, outputs, &err);
        if (done % RECORDS_PER_LOOK == 0 && batch->cursor < batch->count && outputs_late(outputs))
            return status == OP_DONE ? OP_AGAIN : status;
    }
    return status;
}

// -- time --

static enum op_status watermark(struct op *op, int64_t at, struct outputs *outputs)
{
    struct join *join = (struct join *)op;
    int64_t progress = at == WATERMARK_END ? at : join_add(at, -join->lateness_ms);
    if (progress > join->progress)
        join->progress = progress;
    join_forget_shown(join);
    return join->kind->due(join, outputs);
}

// -- making --

// Both sides by their key. A tombstone does not have the fields of its key: tables are in one lane.
static void share(const struct node_spec *node, uint32_t input, struct op_share *out)
{
    const struct tide_config *on = setting_at(node->options, "on");
    const char *side = input < node->input_count ? node->inputs[input].side : NULL;
    if (on && on->is_map)
        on = side ? setting_at(on, side) : NULL;
    out->how = !on || setting_at(node->options, "table") ? OP_SHARE_ONE : OP_SHARE_KEY;
    out->keys = out->how == OP_SHARE_KEY ? on : NULL;
}

static void measure(const struct op *op, struct operator_state *out)
{
    const struct join *join = (const struct join *)op;
    *out = (struct operator_state){.bytes = join->budget->used_bytes,
                                   .keys = join->keys_table.count + keyed_entries(&join->keyed),
                                   .windows = keyed_windows(&join->keyed)};
}

static void join_free(struct op *op)
{
    struct join *join = (struct join *)op;
    if (!join)
        return;
    row_free(join, join->now.row);
    if (join->kind)
        join->kind->free(join);
    keyed_deinit(&join->keyed);
    join_merges_free(join);
    for (uint32_t i = 0; i < join->select_count; i++)
        path_deinit(&join->select[i].path);
    mem_free(join->select);
    for (enum join_side side = JOIN_LEFT; side < JOIN_SIDES; side++)
        for (uint32_t i = 0; i < KEY_FIELDS_MAX; i++)
            path_deinit(&join->keys[side][i]);
    for (int i = 0; i < 2; i++)
        if (join->readers[i])
            json_reader_free(join->readers[i]);
    mem_free(join->now.rows);
    mem_free(join->side_of);
    buf_deinit(&join->key);
    buf_deinit(&join->text);
    image_deinit(&join->gone);
    mem_free(join);
}

static int build(struct op **out, const struct operator_spec *spec, struct error *err)
{
    struct join *join = mem_zalloc(sizeof *join);
    if (!join)
        return error_nomem(err);
    join->op = (struct op){.class = &join_class,
                           .ports = port_names,
                           .process = process,
                           .watermark = watermark,
                           .save = join_save,
                           .load = join_load,
                           .measure = measure,
                           .free = join_free};
    join->progress = WATERMARK_NONE;
    int rc = join_configure(join, spec, err);
    if (rc) {
        join_free(&join->op);
        return rc;
    }
    if (join->kind->by_key) {
        join->op.track = join_track;
        join->op.save_changes = join_save_changes;
    }
    *out = &join->op;
    return 0;
}

const struct operator_class join_class = {
    .type = "join",
    .help = "pairs of records of two sides with the same key",
    .entry = {.options = join_options, .ports = port_names, .has_out = true, .sides = true},
    .stateful = true,
    .share = share,
    .build = build,
};
