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

// It may go beyond its limit by one call's growth: then the next new key is refused.
void fold_count(struct aggregate *agg, struct agg_acc *acc)
{
    agg->budget->used_bytes += acc->json.cap - acc->counted;
    acc->counted = acc->json.cap;
}

int fold_prepare(struct aggregate *agg, struct agg_head *head, struct error *err)
{
    struct agg_acc *acc = agg_acc(head);
    if (acc->json.max == 0)
        buf_init(&acc->json, AGG_ACC_MAX);
    if (acc->json.len > 0)
        return 0;
    int rc = script_init(agg->script, &acc->json, err);
    if (rc)
        buf_clear(&acc->json);
    fold_count(agg, acc);
    return rc;
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
    return fold_prepare(agg, agg_head(entry), err);
}

static struct agg_head *row_head(const struct agg_row *row)
{
    return agg_head(row_entry(row));
}

static struct buf *next(void *arg, uint32_t index, uint32_t round)
{
    struct run *run = arg;
    if (round > 0)
        return NULL; // one record, one window
    return &agg_acc(row_head(&run->agg->rows[index - run->first]))->json;
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
        slot_added(agg, row_head(row), run->batch->records[i].time);
        fold_count(agg, agg_acc(row_head(row)));
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

// When a count fires, each record may be the last of its pane.
static bool row_fires(const struct aggregate *agg, const struct agg_row *row)
{
    return agg->early_count || window_last(agg_bounds(row->window)) <= agg->progress;
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
        if (row_fires(agg, row)) {
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
        return cursor_failed(run->batch, run->outputs, &err);
    enum op_status status = run_script(run, run->first + end);
    if (status != OP_DONE)
        return status;
    const struct agg_row *last = &agg->rows[end - 1];
    struct window window = agg_bounds(last->window);
    if (last->failed || !fires_again(agg, window, row_head(last)))
        return OP_DONE;
    fire_later(agg, &(struct agg_target){window, &row_entry(last)->key, row_head(last), NULL});
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

// -- one record, several slots --

struct one {
    struct aggregate *agg;
    struct outputs *outputs;
    struct batch *batch;
    bool failed;
};

static struct buf *next_target(void *arg, uint32_t index, uint32_t round)
{
    const struct aggregate *agg = ((struct one *)arg)->agg;
    (void)index;
    return round < agg->target_count ? &agg_acc(agg->targets[round].head)->json : NULL;
}

static enum script_verdict one_failed(void *arg, uint32_t index, const struct error *err)
{
    struct one *one = arg;
    one->failed = true;
    return scripted_verdict(outputs_error(one->outputs, one->batch, index, err));
}

static int prepare_targets(struct aggregate *agg, struct error *err)
{
    for (uint32_t i = 0; i < agg->target_count; i++) {
        int rc = fold_prepare(agg, agg->targets[i].head, err);
        if (rc)
            return rc;
    }
    return 0;
}

// The accumulators as they were, so that a record that fails in one window is in none.
static int keep_targets(struct aggregate *agg)
{
    buf_clear(&agg->undo);
    for (uint32_t i = 0; i < agg->target_count && agg->target_count > 1; i++) {
        const struct buf *json = &agg_acc(agg->targets[i].head)->json;
        if (buf_append(&agg->undo, &json->len, sizeof json->len) ||
            buf_append(&agg->undo, json->data, json->len))
            return ERR_NOMEM;
    }
    return 0;
}

static void undo_targets(struct aggregate *agg)
{
    const char *at = agg->undo.data;
    for (uint32_t i = 0; i < agg->target_count && agg->target_count > 1; i++) {
        struct buf *json = &agg_acc(agg->targets[i].head)->json;
        size_t len;
        memcpy(&len, at, sizeof len);
        buf_clear(json);
        (void)buf_append(json, at + sizeof len, len); // it had room for that
        at += sizeof len + len;
    }
}

enum op_status fold_record(struct aggregate *agg, struct batch *batch, struct outputs *outputs,
                           bool *in)
{
    struct one one = {agg, outputs, batch, false};
    struct script_fold fold = {.arg = &one, .next = next_target, .failed = one_failed};
    struct error err;
    error_clear(&err);
    uint32_t at = batch->cursor, count = batch->count;
    *in = false;
    if (prepare_targets(agg, &err))
        return cursor_failed(batch, outputs, &err);
    if (keep_targets(agg)) {
        error_nomem(&err);
        return cursor_failed(batch, outputs, &err);
    }
    batch->count = at + 1;
    int rc = script_fold(agg->script, batch, &fold, &err);
    batch->count = count;
    if (one.failed && batch->cursor > at)
        undo_targets(agg);
    for (uint32_t i = 0; i < agg->target_count; i++)
        fold_count(agg, agg_acc(agg->targets[i].head));
    if (rc) {
        if (rc != ERR_FATAL)
            (void)outputs_error_free(outputs, &err);
        return OP_STOP;
    }
    if (batch->cursor == at)
        return OP_AGAIN;
    *in = !one.failed;
    if (*in)
        batch->cursor = at; // the caller moves it
    return OP_DONE;
}
