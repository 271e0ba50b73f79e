// SPDX-License-Identifier: MIT
#include "operators/aggregate_build.h"
#include "base/alloc.h"
#include "record/record_inline.h"
#include "time/watermark.h"

enum { PORT_LATE = 1, PREFETCH_FROM = 256 }; // keys from which a table does not fit the caches

static const char *const port_names[] = {"late", NULL};

// -- rows: key and window of each record --

static int read_key(struct aggregate *agg, struct batch *batch, struct record *record,
                    struct error *err)
{
    buf_clear(&agg->key);
    for (uint32_t i = 0; i < agg->key_count; i++) {
        struct path *path = &agg->keys[i];
        struct value value = record_read_field(batch, record, &path->field);
        if (path->count > 1)
            value = path_walk(batch, record, path, value);
        if (value.type == VALUE_ABSENT)
            return error_set(err, ERR_DATA, "field '%s' (key_by) is absent", path->text);
        int rc = key_encode_value(value, &agg->key);
        if (rc == ERR_DATA)
            return error_set(err, rc, "field '%s' (key_by): %s is no key", path->text,
                             value_type_name((enum value_type)value.type));
        if (rc)
            return rc == ERR_NOMEM
                       ? error_nomem(err)
                       : error_set(err, rc, "the key is longer than %zu bytes", agg->key.max);
    }
    return 0;
}

// The key into the row. Long keys are kept in the batch, as the scratch buffer is used again.
static int set_key(struct aggregate *agg, struct batch *batch, struct agg_row *row)
{
    const char *bytes = agg->key.data;
    uint32_t len = (uint32_t)agg->key.len;
    if (len > TABLE_KEY_NEAR) {
        bytes = batch_copy(batch, bytes, len);
        if (!bytes)
            return ERR_NOMEM;
    }
    table_key_set(&row->key, bytes ? bytes : "", len);
    return 0;
}

// Makes agg->near the window of `time`, opening it unless it is late.
static int find_window(struct aggregate *agg, int64_t time)
{
    struct window found[WINDOWS_MAX];
    window_assign(&agg->windows, time, found);
    int64_t gone_at = window_gone_at(found[0], agg->windows.lateness_ms);
    struct keyed_window *window = NULL;
    bool late = gone_at <= agg->watermark;
    if (!late) {
        window = keyed_find(&agg->keyed, found[0].start);
        if (!window) {
            int64_t last = window_last(found[0]);
            bool passed = last <= agg->watermark;
            int rc = keyed_open(&agg->keyed, found[0].start, found[0].end, passed ? gone_at : last,
                                &window);
            if (rc)
                return rc;
            window->fired = passed;
        }
    }
    agg->near = found[0];
    agg->near_window = window;
    agg->near_late = late;
    return 0;
}

static int read_row(struct aggregate *agg, struct batch *batch, struct record *record,
                    struct agg_row *row, struct error *err)
{
    row->failed = false;
    if (record->time == TIME_NONE)
        return error_set(err, ERR_DATA, "the record has no event time");
    int rc = read_key(agg, batch, record, err);
    if (rc)
        return rc;
    if (!window_holds(agg->near, record->time))
        rc = find_window(agg, record->time);
    if (rc) {
        explain_state_error(agg, rc, err);
        return rc;
    }
    row->window = agg->near_window;
    row->fate = agg->near_late ? FATE_LATE : FATE_TAKE;
    return agg->near_late ? 0 : set_key(agg, batch, row);
}

// Reads up to AGG_ROWS rows and fetches what they need of the tables.
static uint32_t read_rows(struct aggregate *agg, struct batch *batch)
{
    uint32_t count = batch->count - batch->cursor;
    bool large = false;
    count = count < AGG_ROWS ? count : AGG_ROWS;
    for (uint32_t i = 0; i < count; i++) {
        struct agg_row *row = &agg->rows[i];
        if (read_row(agg, batch, &batch->records[batch->cursor + i], row, NULL)) {
            row->fate = FATE_BAD;
        } else if (row->fate == FATE_TAKE) {
            table_prefetch(&row->window->table, row->key.hash);
            large |= row->window->table.count > PREFETCH_FROM;
        }
    }
    if (large)
        for (uint32_t i = 0; i < count; i++)
            if (agg->rows[i].fate == FATE_TAKE)
                table_guess(&agg->rows[i].window->table, agg->rows[i].key.hash);
    return count;
}

// -- records that do not go in --

void explain_state_error(struct aggregate *agg, int rc, struct error *err)
{
    const struct keyed *keyed = &agg->keyed;
    if (rc == ERR_NOMEM)
        error_nomem(err);
    else if (rc == ERR_LIMIT)
        error_set(err, rc,
                  "the state has reached its limit of %zu bytes (%llu keys in %u windows); raise "
                  "`limits: { state: ... }`",
                  keyed->budget.limit_bytes, (unsigned long long)keyed_entries(keyed),
                  keyed->count);
}

enum op_status row_failed(struct batch *batch, struct outputs *outputs, const struct error *err)
{
    switch (outputs_error(outputs, batch, batch->cursor, err)) {
    case ERROR_SKIP:
        batch->cursor++;
        return OP_DONE;
    case ERROR_RETRY:
        return OP_AGAIN;
    case ERROR_STOP:
        break;
    }
    return OP_STOP;
}

enum op_status row_leaves(struct aggregate *agg, struct batch *batch, const struct agg_row *row,
                          struct outputs *outputs)
{
    struct record *record = &batch->records[batch->cursor];
    if (row->fate == FATE_LATE) {
        if (outputs_wanted(outputs, PORT_LATE) && !outputs_share(outputs, PORT_LATE, batch, record))
            return OP_AGAIN;
        agg->op.stats.late++;
        batch->cursor++;
        return OP_DONE;
    }
    struct error err = ERROR_INIT;
    struct agg_row again;
    int rc = read_row(agg, batch, record, &again, &err);
    if (!rc)
        return OP_AGAIN; // memory is there again: the row is read once more
    return row_failed(batch, outputs, &err);
}

// -- the operator --

static enum op_status process(struct op *op, uint32_t input, struct batch *batch,
                              struct outputs *outputs)
{
    struct aggregate *agg = (struct aggregate *)op;
    (void)input;
    enum op_status status = fire_again(agg, outputs);
    while (status == OP_DONE && batch->cursor < batch->count) {
        uint32_t count = read_rows(agg, batch);
        status = agg->by_hand ? fold_rows(agg, batch, count, outputs)
                              : native_rows(agg, batch, count, outputs);
        if (status == OP_DONE && batch->cursor < batch->count && outputs_late(outputs))
            status = OP_AGAIN;
    }
    return status;
}

static enum op_status watermark(struct op *op, int64_t at, struct outputs *outputs)
{
    struct aggregate *agg = (struct aggregate *)op;
    enum op_status status = fire_again(agg, outputs);
    if (status != OP_DONE)
        return status;
    if (at > agg->watermark)
        agg->watermark = at;
    // What is known about the window of the last row may no longer hold.
    agg->near = (struct window){0, 0};
    return fire_due(agg, outputs);
}

static void columns_free(struct agg_columns *columns)
{
    for (uint32_t i = 0; columns->own_fields && i < columns->count; i++)
        mem_free((void *)(uintptr_t)columns->items[i].field);
    mem_free(columns->items);
}

static void aggregate_free(struct op *op)
{
    struct aggregate *agg = (struct aggregate *)op;
    if (!agg)
        return;
    for (uint32_t i = 0; i < agg->keyed.count; i++)
        release_window(agg, agg->keyed.heap[i]);
    keyed_deinit(&agg->keyed);
    program_deinit(&agg->program);
    columns_free(&agg->columns);
    for (uint32_t i = 0; i < agg->key_count; i++)
        path_deinit(&agg->keys[i]);
    script_free(agg->script);
    buf_deinit(&agg->key);
    buf_deinit(&agg->key_json);
    mem_free(agg);
}

static int build(struct op **out, const struct operator_spec *spec, struct error *err)
{
    struct aggregate *agg = mem_zalloc(sizeof *agg);
    if (!agg)
        return error_nomem(err);
    agg->op = (struct op){.class = &aggregate_class,
                          .ports = port_names,
                          .process = process,
                          .watermark = watermark,
                          .free = aggregate_free};
    agg->watermark = WATERMARK_NONE;
    int rc = aggregate_configure(agg, spec, err);
    if (rc) {
        aggregate_free(&agg->op);
        return rc;
    }
    *out = &agg->op;
    return 0;
}

const struct operator_class aggregate_class = {
    .type = "aggregate",
    .help = "one result per key and window",
    .entry = {.options = aggregate_options, .ports = port_names, .has_out = true},
    .stateful = true,
    .build = build,
};
