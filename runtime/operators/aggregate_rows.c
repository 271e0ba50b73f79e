// SPDX-License-Identifier: MIT
#include "operators/aggregate_bucket.h"
#include "operators/keys.h"
#include "record/record_inline.h"

// The short way: each record is in one bucket, so the keys and windows of many records are read
// first and what they need of the tables is fetched, before any of them is added.

enum { PREFETCH_FROM = 256 }; // keys from which a table does not fit the caches

// -- what a row needs --

int read_key(struct aggregate *agg, struct batch *batch, struct record *record, struct error *err)
{
    buf_clear(&agg->key);
    for (uint32_t i = 0; i < agg->key_count; i++) {
        struct path *path = &agg->keys[i];
        struct value value = record_read_field(batch, record, &path->field);
        if (path->count > 1)
            value = path_walk(batch, record, path, value);
        int rc = key_add(path, value, "key_by", &agg->key, err);
        if (rc)
            return rc;
    }
    return 0;
}

int read_time(struct aggregate *agg, const struct record *record, int64_t *time, struct error *err)
{
    *time = agg->processing ? agg->progress : record->time;
    if (*time == TIME_NONE && agg->windows.kind < WINDOW_COUNT)
        return error_set(err, ERR_DATA, "the record has no event time");
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
    struct window found = window_newest(&agg->windows, time);
    struct keyed_window *window = NULL;
    bool late = window_gone_at(found, agg->windows.lateness_ms) <= agg->progress;
    int rc = late ? 0 : bucket_open(agg, found, &window);
    if (rc)
        return rc;
    agg->near = found;
    agg->near_window = window;
    agg->near_late = late;
    return 0;
}

static int read_row(struct aggregate *agg, struct batch *batch, struct record *record,
                    struct agg_row *row, struct error *err)
{
    int64_t time;
    row->failed = false;
    int rc = read_time(agg, record, &time, err);
    if (!rc)
        rc = read_key(agg, batch, record, err);
    if (rc)
        return rc;
    if (!window_holds(agg->near, time) || !agg->near_window)
        rc = find_window(agg, time);
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
                  agg->budget->limit_bytes, (unsigned long long)keyed_entries(keyed),
                  keyed_windows(keyed));
}

enum op_status row_leaves(struct aggregate *agg, struct batch *batch, const struct agg_row *row,
                          struct outputs *outputs)
{
    if (row->fate == FATE_LATE)
        return cursor_late(&agg->op, batch, AGG_LATE, outputs);
    struct error err = ERROR_INIT;
    struct agg_row again;
    int rc = read_row(agg, batch, &batch->records[batch->cursor], &again, &err);
    if (!rc)
        return OP_AGAIN; // memory is there again: the row is read once more
    return cursor_failed(batch, outputs, &err);
}

enum op_status aggregate_rows(struct aggregate *agg, struct batch *batch, struct outputs *outputs)
{
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
