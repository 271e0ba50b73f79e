// SPDX-License-Identifier: MIT
#include "operators/aggregate.h"
#include "record/json.h"
#include "time/timestamp.h"

enum {
    RESULTS_PER_LOOK = 64, // results between two looks at the clock
    NOMEM_TRIES = 1000     // of one result, between which the engine sends and frees what it can
};

// -- one result --

// The key's fields as cells; their bytes are copied into the batch, as the window may go first.
static int key_cells(struct aggregate *agg, struct batch *out, const struct table_entry *entry,
                     struct value *cells)
{
    uint32_t len;
    const char *bytes = table_key_bytes(&entry->key, &len);
    const char *copy = batch_copy(out, bytes, len);
    if (!copy)
        return ERR_NOMEM;
    int fields = key_decode(copy, len, cells, KEY_FIELDS_MAX);
    return fields == (int)agg->key_count ? 0 : ERR_BUG;
}

static int column_cells(struct aggregate *agg, struct batch *out, struct table_entry *entry,
                        struct value *cells)
{
    for (uint32_t i = 0; i < agg->columns.count; i++) {
        cells[i] = program_result(&agg->program, agg_slot(entry), i);
        if (cells[i].type < VALUE_STRING)
            continue;
        cells[i].bytes = batch_copy(out, cells[i].bytes, cells[i].len);
        if (!cells[i].bytes)
            return ERR_NOMEM;
    }
    return 0;
}

// Key fields, start, end, columns as a new record at the end of `out`.
static int make_result(struct aggregate *agg, struct batch *out, const struct keyed_window *window,
                       struct table_entry *entry)
{
    uint32_t count = agg->shape->count, keys = agg->key_count;
    struct value decoded[KEY_FIELDS_MAX];
    struct value *cells = ARENA_ARRAY(&out->arena, struct value, count);
    if (!cells || key_cells(agg, out, entry, decoded))
        return ERR_NOMEM;
    memcpy(cells, decoded, keys * sizeof *cells);
    cells[keys] = value_int(window->start);
    cells[keys + 1] = value_int(window->end);
    if (column_cells(agg, out, entry, cells + keys + 2))
        return ERR_NOMEM;
    struct record *record = batch_add(out);
    if (!record)
        return ERR_NOMEM;
    record->shape = agg->shape;
    record->cells = cells;
    record->cell_cap = (uint16_t)count;
    return 0;
}

// The key as JSON into agg->key_json: the value itself, or an array of several.
static int write_key(struct aggregate *agg, const struct table_entry *entry)
{
    uint32_t len;
    struct value fields[KEY_FIELDS_MAX];
    const char *bytes = table_key_bytes(&entry->key, &len);
    int count = key_decode(bytes, len, fields, KEY_FIELDS_MAX);
    struct buf *out = &agg->key_json;
    buf_clear(out);
    if (count < 0)
        return count;
    if (count == 0)
        return buf_puts(out, "null");
    int rc = count > 1 ? buf_putc(out, '[') : 0;
    for (int i = 0; !rc && i < count; i++) {
        rc = i ? buf_putc(out, ',') : 0;
        if (!rc)
            rc = json_write_value(fields[i], out, NULL);
    }
    if (!rc && count > 1)
        rc = buf_putc(out, ']');
    return rc;
}

static int run_finish(struct aggregate *agg, struct batch *out, const struct keyed_window *window,
                      struct table_entry *entry, bool *kept, struct error *err)
{
    int rc = write_key(agg, entry);
    if (rc)
        return rc;
    struct script_window w = {.start = window->start,
                              .end = window->end,
                              .pane = agg_head(entry)->panes,
                              .key_json = buf_cstr(&agg->key_json)};
    if (agg->by_hand)
        return script_finish(agg->script, &agg_acc(entry)->json, &w, out, kept, err);
    return script_agg_finish(agg->script, out, out->count - 1, &w, kept, err);
}

static int finish_result(struct aggregate *agg, struct batch *out,
                         const struct keyed_window *window, struct table_entry *entry, bool *kept,
                         struct error *err)
{
    uint32_t index = out->count;
    int rc = agg->by_hand ? 0 : make_result(agg, out, window, entry);
    if (!rc && (agg->by_hand || agg->has_finish))
        rc = run_finish(agg, out, window, entry, kept, err);
    if (rc || !*kept) {
        out->count = index;
        return rc;
    }
    struct record *record = &out->records[index];
    record->time = window->end - 1;
    record->offset = -1;
    return 0;
}

static enum op_status finish_failed(struct aggregate *agg, const struct keyed_window *window,
                                    struct outputs *outputs, struct error *err)
{
    char start[TIMESTAMP_TEXT_MAX];
    timestamp_format(window->start, start);
    error_prefix(err, "window %s of key %s", start, buf_cstr(&agg->key_json));
    switch (outputs_error_free(outputs, err)) {
    case ERROR_SKIP:
        return OP_DONE;
    case ERROR_RETRY:
        return OP_AGAIN;
    case ERROR_STOP:
        break;
    }
    return OP_STOP;
}

static enum op_status fire(struct aggregate *agg, const struct keyed_window *window,
                           struct table_entry *entry, struct outputs *outputs)
{
    struct agg_head *head = agg_head(entry);
    if (!head->live)
        return OP_DONE;
    struct batch *out = outputs_batch(outputs, PORT_OUT);
    if (!out)
        return OP_AGAIN;
    struct error err;
    error_clear(&err);
    bool kept = true;
    int rc = finish_result(agg, out, window, entry, &kept, &err);
    if (rc == ERR_NOMEM) {
        if (++agg->nomem_tries < NOMEM_TRIES)
            return OP_AGAIN;
        error_nomem(&err);
    }
    agg->nomem_tries = 0;
    if (rc) {
        enum op_status status = finish_failed(agg, window, outputs, &err);
        if (status != OP_DONE)
            return status;
    } else if (kept) {
        agg->op.stats.created++;
    }
    head->panes++;
    return OP_DONE;
}

// -- firing --

enum op_status fire_again(struct aggregate *agg, struct outputs *outputs)
{
    if (!agg->again_entry)
        return OP_DONE;
    enum op_status status = fire(agg, agg->again_window, agg->again_entry, outputs);
    if (status == OP_DONE)
        agg->again_entry = NULL;
    return status;
}

static enum op_status fire_window(struct aggregate *agg, struct keyed_window *window,
                                  struct outputs *outputs)
{
    while (agg->fire_next < window->table.count) {
        struct table_entry *entry = table_at(&window->table, agg->fire_next);
        enum op_status status = fire(agg, window, entry, outputs);
        if (status != OP_DONE)
            return status;
        agg->fire_next++;
        if (agg->fire_next % RESULTS_PER_LOOK == 0 && outputs_late(outputs))
            return OP_AGAIN;
    }
    agg->fire_next = 0;
    return OP_DONE;
}

enum op_status fire_due(struct aggregate *agg, struct outputs *outputs)
{
    struct keyed_window *window;
    while ((window = keyed_next(&agg->keyed)) && window->due <= agg->watermark) {
        if (window->fired) {
            release_window(agg, window);
            keyed_drop(&agg->keyed, window);
            continue;
        }
        enum op_status status = fire_window(agg, window, outputs);
        if (status != OP_DONE)
            return status;
        window->fired = true;
        struct window bounds = {window->start, window->end};
        keyed_due(&agg->keyed, window, window_gone_at(bounds, agg->windows.lateness_ms));
    }
    return OP_DONE;
}

void release_window(struct aggregate *agg, struct keyed_window *window)
{
    if (!agg->by_hand && agg->program.plain)
        return; // its slots own nothing
    for (uint32_t i = 0; i < window->table.count; i++) {
        struct table_entry *entry = table_at(&window->table, i);
        if (!agg->by_hand) {
            program_release(&agg->program, agg_slot(entry));
            continue;
        }
        budget_give(&agg->keyed.budget, agg_acc(entry)->counted);
        buf_deinit(&agg_acc(entry)->json);
    }
}
