// SPDX-License-Identifier: MIT
#include "operators/aggregate.h"
#include "record/json.h"
#include "time/timestamp.h"
#include "time/watermark.h"
#include <stdio.h>

enum { NOMEM_TRIES = 1000 }; // of one result, between which the engine sends and frees what it can

// What is being told: a slot of a window and key, or that what was told no longer holds.
struct told {
    struct window window;
    const struct table_key *key;
    struct agg_head *slot; // whose slot it is; its head is not looked at
    uint32_t pane;
    bool retraction;
    int64_t time;   // of the result
    double seconds; // from the first to the last moment; 0: unknown
};

// -- one result --

// The key's fields as cells; their bytes are copied into the batch, as the window may go first.
static int key_cells(struct aggregate *agg, struct batch *out, const struct table_key *key,
                     struct value *cells)
{
    uint32_t len;
    const char *bytes = table_key_bytes(key, &len);
    const char *copy = batch_copy(out, bytes, len);
    if (!copy)
        return ERR_NOMEM;
    int fields = key_decode(copy, len, cells, KEY_FIELDS_MAX);
    return fields == (int)agg->key_count ? 0 : ERR_BUG;
}

static int column_cells(struct aggregate *agg, struct batch *out, const struct told *told,
                        struct value *cells)
{
    for (uint32_t i = 0; i < agg->columns.count; i++) {
        int rc = program_result(&agg->program, agg_slot(told->slot), i, told->seconds, &cells[i]);
        if (rc)
            return rc;
        if (cells[i].type < VALUE_STRING)
            continue;
        cells[i].bytes = batch_copy(out, cells[i].bytes, cells[i].len);
        if (!cells[i].bytes)
            return ERR_NOMEM;
    }
    return 0;
}

static struct value bound(int64_t ms)
{
    return ms == INT64_MIN || ms == INT64_MAX ? value_null() : value_int(ms);
}

// Key fields, start, end, columns as a new record at the end of `out`.
static int make_result(struct aggregate *agg, struct batch *out, const struct told *told)
{
    uint32_t count = agg->shape->count, keys = agg->key_count;
    struct value decoded[KEY_FIELDS_MAX];
    struct value *cells = ARENA_ARRAY(&out->arena, struct value, count);
    if (!cells || key_cells(agg, out, told->key, decoded))
        return ERR_NOMEM;
    memcpy(cells, decoded, keys * sizeof *cells);
    cells[keys] = bound(told->window.start);
    cells[keys + 1] = bound(told->window.end);
    if (column_cells(agg, out, told, cells + keys + 2))
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
static int write_key(struct aggregate *agg, const struct table_key *key)
{
    uint32_t len;
    struct value fields[KEY_FIELDS_MAX];
    const char *bytes = table_key_bytes(key, &len);
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

static int run_finish(struct aggregate *agg, struct batch *out, const struct told *told, bool *kept,
                      struct error *err)
{
    int rc = write_key(agg, told->key);
    if (rc)
        return rc;
    struct script_window w = {.start = told->window.start,
                              .end = told->window.end,
                              .pane = told->pane,
                              .key_json = buf_cstr(&agg->key_json)};
    if (agg->by_hand)
        return script_finish(agg->script, &agg_acc(told->slot)->json, &w, out, kept, err);
    return script_agg_finish(agg->script, out, out->count - 1, &w, kept, err);
}

// Which of a window's results this is, in headers: `pane`, and `op: retract`.
static int add_headers(struct batch *out, struct record *record, const struct told *told)
{
    struct record_meta *meta = ARENA_NEW(&out->arena, struct record_meta);
    struct header *headers = ARENA_ARRAY(&out->arena, struct header, 2);
    char number[16];
    uint32_t len = (uint32_t)snprintf(number, sizeof number, "%u", told->pane);
    const char *pane = batch_copy(out, number, len);
    if (!meta || !headers || !pane)
        return ERR_NOMEM;
    headers[0] = (struct header){.name = "pane", .bytes = pane, .len = len};
    headers[1] = (struct header){.name = "op", .bytes = "retract", .len = 7};
    *meta = (struct record_meta){.headers = headers, .header_count = told->retraction ? 2 : 1};
    record->meta = meta;
    if (told->retraction)
        record->flags |= RECORD_RETRACT;
    return 0;
}

static int finish_result(struct aggregate *agg, struct batch *out, const struct told *told,
                         bool *kept, struct error *err)
{
    uint32_t index = out->count;
    int rc = agg->by_hand ? 0 : make_result(agg, out, told);
    if (!rc && (agg->by_hand || agg->has_finish))
        rc = run_finish(agg, out, told, kept, err);
    if (!rc && *kept) {
        struct record *record = &out->records[index];
        record->time = told->time;
        record->offset = -1;
        rc = agg->many_panes ? add_headers(out, record, told) : 0;
    }
    if (rc || !*kept)
        out->count = index;
    return rc;
}

enum op_status fire_failed(struct aggregate *agg, const struct agg_target *target,
                           struct outputs *outputs, struct error *err)
{
    char start[TIMESTAMP_TEXT_MAX];
    timestamp_format(target->window.start, start);
    if (write_key(agg, target->key))
        buf_clear(&agg->key_json);
    error_prefix(err, "window %s of key %s", start, buf_cstr(&agg->key_json));
    return result_failed(outputs, err);
}

static enum op_status tell(struct aggregate *agg, const struct told *told, struct outputs *outputs)
{
    struct batch *out = outputs_batch(outputs, PORT_OUT);
    if (!out)
        return OP_AGAIN;
    struct error err;
    error_clear(&err);
    bool kept = true;
    int rc = finish_result(agg, out, told, &kept, &err);
    if (rc == ERR_NOMEM) {
        if (++agg->nomem_tries < NOMEM_TRIES)
            return OP_AGAIN;
        error_nomem(&err);
    }
    agg->nomem_tries = 0;
    if (rc)
        return fire_failed(agg, &(struct agg_target){told->window, told->key, NULL, NULL}, outputs,
                           &err);
    if (kept)
        agg->op.stats.created++;
    return OP_DONE;
}

// -- panes --

// The last instant of a window; where it has none, of its records.
static int64_t result_time(const struct aggregate *agg, struct window window, struct agg_head *head)
{
    if (!agg->times_at)
        return window.end - 1;
    const struct agg_times *times = agg_times(agg, head);
    return times->seen ? times->max : TIME_NONE;
}

// Of the window; where it has none, of its records.
static double seconds_of(const struct aggregate *agg, struct window window, struct agg_head *head)
{
    if (!agg->times_at)
        return (double)(window.end - window.start) / 1000;
    const struct agg_times *times = agg_times(agg, head);
    return times->seen ? (double)(times->max - times->min) / 1000 : 0;
}

static struct told telling(const struct aggregate *agg, const struct agg_target *target)
{
    return (struct told){.window = target->window,
                         .key = target->key,
                         .slot = target->head,
                         .pane = target->head->panes,
                         .time = result_time(agg, target->window, target->head),
                         .seconds = seconds_of(agg, target->window, target->head)};
}

enum op_status fire_retraction(struct aggregate *agg, const struct agg_target *target,
                               struct outputs *outputs)
{
    struct told told = telling(agg, target);
    if (target->told) {
        told.window = *target->told;
        told.time = result_time(agg, told.window, target->head);
        told.seconds = seconds_of(agg, told.window, target->head);
    }
    told.slot = agg_last(agg, target->head);
    told.pane--;
    told.retraction = true;
    return tell(agg, &told, outputs);
}

// What was told is kept, to be taken back.
static enum op_status remember(struct aggregate *agg, const struct agg_target *target,
                               struct outputs *outputs)
{
    struct agg_head *last = agg_last(agg, target->head);
    struct error err;
    error_clear(&err);
    slot_clear(agg, last);
    int rc = slot_copy(agg, last, target->head, &err);
    if (!rc)
        return OP_DONE;
    explain_state_error(agg, rc, &err);
    return fire_failed(agg, target, outputs, &err) == OP_DONE ? OP_DONE : OP_STOP;
}

enum op_status fire(struct aggregate *agg, const struct agg_target *target, struct outputs *outputs)
{
    struct agg_head *head = target->head;
    if (!head->since)
        return OP_DONE;
    enum op_status status = OP_DONE;
    if (agg->panes == PANES_RETRACT && head->panes && !agg->retracted) {
        status = fire_retraction(agg, target, outputs);
        if (status != OP_DONE)
            return status;
        agg->retracted = true;
    }
    struct told told = telling(agg, target);
    status = tell(agg, &told, outputs);
    if (status != OP_DONE)
        return status;
    agg->retracted = false;
    if (agg->panes == PANES_RETRACT)
        status = remember(agg, target, outputs);
    else if (agg->panes == PANES_DISCARD)
        slot_release(agg, head);
    head->panes++;
    head->since = 0;
    if (target->told)
        *target->told = target->window;
    return status;
}

void fire_later(struct aggregate *agg, const struct agg_target *target)
{
    agg->again[agg->again_count++] = *target; // as large as targets
}

enum op_status fire_again(struct aggregate *agg, struct outputs *outputs)
{
    for (; agg->again_at < agg->again_count; agg->again_at++) {
        enum op_status status = fire(agg, &agg->again[agg->again_at], outputs);
        if (status != OP_DONE)
            return status;
    }
    agg->again_at = agg->again_count = 0;
    return OP_DONE;
}
