// SPDX-License-Identifier: MIT
#include "operators/aggregate.h"
#include "operators/scripted.h"

// By hand: the accumulator of a key and window is JSON bytes in its slot. Rows go through the
// script in runs: a run is rows that all go in, and ends behind a row that must fire its window
// again (the next row may be of the same key).

struct run {
    struct aggregate *agg;
    struct outputs *outputs;
    struct batch *batch;
    uint32_t first; // record number of row 0
};

static struct table_entry *row_entry(const struct agg_row *row)
{
    return table_at(&row->window->table, row->entry);
}

// The budget learns how the accumulator has grown. It may go beyond its limit by one call's growth:
// then the next new key is refused.
static void count_acc(struct aggregate *agg, struct agg_acc *acc)
{
    agg->keyed.budget.used_bytes += acc->json.cap - acc->counted;
    acc->counted = acc->json.cap;
}

// Makes sure that the row's slot is there, with an accumulator in it.
static int prepare_row(struct aggregate *agg, struct agg_row *row, struct error *err)
{
    struct table_entry *entry;
    bool made;
    int rc = table_take(&row->window->table, &row->key, &entry, &made);
    if (rc) {
        explain_state_error(agg, rc, err);
        return rc;
    }
    row->entry = table_number(&row->window->table, entry);
    struct agg_acc *acc = agg_acc(entry);
    if (made)
        buf_init(&acc->json, AGG_ACC_MAX);
    if (acc->json.len > 0)
        return 0;
    rc = script_init(agg->script, &acc->json, err);
    if (rc)
        buf_clear(&acc->json);
    count_acc(agg, acc);
    return rc;
}

static struct buf *next(void *arg, uint32_t index, uint32_t round)
{
    struct run *run = arg;
    if (round > 0)
        return NULL; // one record, one window
    return &agg_acc(row_entry(&run->agg->rows[index - run->first]))->json;
}

static enum script_verdict failed(void *arg, uint32_t index, const struct error *err)
{
    struct run *run = arg;
    run->agg->rows[index - run->first].failed = true;
    return scripted_verdict(outputs_error(run->outputs, run->batch, index, err));
}

// The rows that are done have their record in them.
static void settle(struct run *run, uint32_t from)
{
    struct aggregate *agg = run->agg;
    for (uint32_t i = from; i < run->batch->cursor; i++) {
        struct agg_row *row = &agg->rows[i - run->first];
        if (row->failed)
            continue;
        agg_head(row_entry(row))->live = 1;
        count_acc(agg, agg_acc(row_entry(row)));
        agg->op.stats.absorbed++;
    }
}

// Records batch->cursor to `end` through add.
static enum op_status run_script(struct run *run, uint32_t end)
{
    struct batch *batch = run->batch;
    struct script_fold fold = {.arg = run, .next = next, .failed = failed};
    struct error err = ERROR_INIT;
    uint32_t from = batch->cursor, count = batch->count;
    batch->count = end;
    int rc = script_fold(run->agg->script, batch, &fold, &err);
    batch->count = count;
    settle(run, from);
    if (!rc)
        return batch->cursor == end ? OP_DONE : OP_AGAIN;
    if (rc != ERR_FATAL) // the VM itself cannot go on; FATAL: on_error has said stop
        (void)outputs_error_free(run->outputs, &err);
    return OP_STOP;
}

// Prepares rows from `at` on for one run; *end is behind the last of it.
static int prepare_run(struct run *run, uint32_t at, uint32_t count, uint32_t *end,
                       struct error *err)
{
    struct aggregate *agg = run->agg;
    for (*end = at; *end < count; (*end)++) {
        struct agg_row *row = &agg->rows[*end];
        if (row->fate != FATE_TAKE)
            return 0;
        int rc = prepare_row(agg, row, err);
        if (rc)
            return *end > at ? 0 : rc; // the rows before it first
        if (fires_again(agg, row->window)) {
            (*end)++;
            return 0;
        }
    }
    return 0;
}

static enum op_status take_run(struct run *run, uint32_t count)
{
    struct aggregate *agg = run->agg;
    struct error err = ERROR_INIT;
    uint32_t end;
    if (prepare_run(run, run->batch->cursor - run->first, count, &end, &err))
        return row_failed(run->batch, run->outputs, &err);
    enum op_status status = run_script(run, run->first + end);
    if (status != OP_DONE)
        return status;
    const struct agg_row *last = &agg->rows[end - 1];
    if (last->failed || !fires_again(agg, last->window))
        return OP_DONE;
    agg->again_window = last->window;
    agg->again_entry = row_entry(last);
    return fire_again(agg, run->outputs);
}

enum op_status fold_rows(struct aggregate *agg, struct batch *batch, uint32_t count,
                         struct outputs *outputs)
{
    struct run run = {agg, outputs, batch, batch->cursor};
    while (batch->cursor - run.first < count) {
        const struct agg_row *row = &agg->rows[batch->cursor - run.first];
        enum op_status status =
            row->fate == FATE_TAKE ? take_run(&run, count) : row_leaves(agg, batch, row, outputs);
        if (status != OP_DONE)
            return status;
    }
    return OP_DONE;
}
