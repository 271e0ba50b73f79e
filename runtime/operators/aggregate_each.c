// SPDX-License-Identifier: MIT
#include "operators/aggregate_gap.h"

// The general way: record by record, each into all the slots that its kind of window finds for it.
// A record that fails has changed none of them.

// Adds to all targets. What can fail is tried first.
static int add_native(struct aggregate *agg, const struct agg_values *values, struct error *err)
{
    for (uint32_t i = 0; i < agg->target_count && agg->target_count > 1; i++) {
        int rc = program_fits(&agg->program, agg_slot(agg->targets[i].head), values, err);
        if (rc)
            return rc;
    }
    for (uint32_t i = 0; i < agg->target_count; i++) {
        int rc = program_add(&agg->program, agg_slot(agg->targets[i].head), values, err);
        if (rc) {
            explain_state_error(agg, rc, err);
            return i ? ERR_FATAL : rc; // in some and not in others: only memory can do that
        }
    }
    return 0;
}

static enum op_status failed(struct batch *batch, struct outputs *outputs, int rc,
                             const struct error *err)
{
    if (rc != ERR_FATAL)
        return cursor_failed(batch, outputs, err);
    (void)outputs_error_free(outputs, err);
    return OP_STOP;
}

// The record is in its slots. `in` false: it was skipped.
static enum op_status add(struct aggregate *agg, struct batch *batch,
                          const struct agg_values *values, struct outputs *outputs, bool *in,
                          struct error *err)
{
    *in = true;
    if (agg->by_hand)
        return fold_record(agg, batch, outputs, in);
    int rc = add_native(agg, values, err);
    if (!rc)
        return OP_DONE;
    *in = false;
    return failed(batch, outputs, rc, err);
}

static enum op_status take(struct aggregate *agg, struct batch *batch, int64_t time,
                           const struct agg_values *values, struct outputs *outputs,
                           struct error *err)
{
    bool in;
    enum op_status status = add(agg, batch, values, outputs, &in, err);
    if (!in && agg->kind->undo)
        agg->kind->undo(agg);
    if (status != OP_DONE || !in)
        return status;
    for (uint32_t i = 0; i < agg->target_count; i++)
        slot_added(agg, agg->targets[i].head, time);
    agg->op.stats.absorbed++;
    batch->cursor++;
    status = agg->kind->placed(agg, outputs);
    return status == OP_DONE ? fire_again(agg, outputs) : status;
}

// The session that the record would be on its own is as long as its gap.
static int read_gap(struct aggregate *agg, struct batch *batch, struct error *err)
{
    int64_t ms;
    int rc = gap_read(agg->gap, batch, &ms, err);
    if (!rc)
        agg->windows.size =
            agg->session_max_ms && ms > agg->session_max_ms ? agg->session_max_ms : ms;
    return rc;
}

static int read(struct aggregate *agg, struct batch *batch, struct record *record, int64_t *time,
                struct agg_values *values, struct error *err)
{
    int rc = read_time(agg, record, time, err);
    if (!rc)
        rc = read_key(agg, batch, record, err);
    if (!rc && agg->gap)
        rc = read_gap(agg, batch, err);
    if (!rc && !agg->by_hand)
        rc = program_read(&agg->program, batch, record, values, err);
    return rc;
}

static enum op_status each(struct op *op, struct batch *batch, struct outputs *outputs)
{
    struct aggregate *agg = (struct aggregate *)op;
    struct agg_values values;
    struct table_key key;
    int64_t time;
    enum agg_fate fate = FATE_TAKE;
    struct error err;
    error_clear(&err);
    if (read(agg, batch, &batch->records[batch->cursor], &time, &values, &err))
        return cursor_failed(batch, outputs, &err);
    table_key_set(&key, agg->key.data ? agg->key.data : "", (uint32_t)agg->key.len);
    agg->target_count = 0;
    enum op_status status = agg->kind->place(agg, &key, time, &fate, outputs, &err);
    if (status == OP_STOP)
        return cursor_failed(batch, outputs, &err);
    if (status != OP_DONE)
        return status;
    if (fate == FATE_LATE)
        return cursor_late(op, batch, AGG_LATE, outputs);
    if (fate == FATE_TAKE)
        return take(agg, batch, time, &values, outputs, &err);
    op->stats.filtered++;
    batch->cursor++;
    return OP_DONE;
}

enum op_status aggregate_each(struct aggregate *agg, struct batch *batch, struct outputs *outputs)
{
    enum op_status status = fire_again(agg, outputs);
    if (agg->gap)
        gap_forget(agg->gap);
    return status == OP_DONE ? cursor_each(&agg->op, batch, outputs, each) : status;
}
