// SPDX-License-Identifier: MIT
#include "operators/top.h"
#include "base/alloc.h"
#include "operators/aggregate_cell.h"
#include "operators/kept.h"
#include "time/window.h"

// top: the `n` records of a key and tumbling window that have the greatest (or least) number in the
// field `by`, told when the watermark passes the end of the window: the records themselves with
// `rank` (from 1), `start` and `end`. Of records with the same number the one with the smaller
// event time comes first, then as they came. At most n records are kept for each key and window.

enum { SECTION_RECORD, PORT_LATE = 1, LOOK_EVERY = 64, TOP_MAX = 10000 };
enum { START_BYTES = 9 }; // of an integer in a key

struct ranked {
    struct value number;
    struct kept *kept;
};

// The state of a key in one window; in the table its key is that of the records, and then the
// window's start.
struct top_key {
    struct native_key key; // first; due at the window's last instant
    int64_t start;
    uint32_t count, cap;
    uint32_t told;   // so many are out
    uint32_t before; // and so many were, when the rest was saved
    struct ranked *items;
};

struct top {
    struct native native; // first
    struct keeper keeper;
    struct path by;
    bool least;
    uint32_t n;
    struct window_assigner windows;
    struct field rank, start, end;
};

static bool before(const struct top *top, const struct ranked *a, const struct ranked *b)
{
    int order = number_compare(a->number, b->number);
    if (order != 0)
        return top->least ? order < 0 : order > 0;
    return a->kept->time < b->kept->time;
}

// -- one record --

static int room(struct top *top, struct top_key *state)
{
    if (state->count < state->cap)
        return 0;
    uint32_t cap = state->cap ? state->cap * 2 : 1;
    cap = cap < top->n ? cap : top->n;
    size_t more = (cap - state->cap) * sizeof *state->items;
    int rc = budget_take(&top->native.budget, more);
    if (rc)
        return rc;
    struct ranked *items = mem_realloc(state->items, cap * sizeof *items);
    if (!items) {
        budget_give(&top->native.budget, more);
        return ERR_NOMEM;
    }
    state->items = items;
    state->cap = cap;
    return 0;
}

// Takes the reference of `item`; there is room.
static void insert(struct top *top, struct top_key *state, struct ranked item)
{
    if (state->count == top->n)
        kept_unref(&top->keeper, state->items[--state->count].kept);
    uint32_t at = state->count++;
    for (; at > 0 && before(top, &item, &state->items[at - 1]); at--)
        state->items[at] = state->items[at - 1];
    state->items[at] = item;
}

static bool wins(const struct top *top, const struct top_key *state, struct value number,
                 int64_t time)
{
    struct kept like = {.time = time};
    struct ranked item = {number, &like};
    return state->count < top->n || before(top, &item, &state->items[state->count - 1]);
}

static int read_number(struct top *top, struct batch *batch, struct record *record,
                       struct value *out, struct error *err)
{
    *out = path_read(batch, record, &top->by);
    if (out->type == VALUE_INT || out->type == VALUE_FLOAT || out->type == VALUE_ABSENT ||
        out->type == VALUE_NULL)
        return 0;
    return error_set(err, ERR_DATA, "field '%s' (by) is no number but %s", top->by.text,
                     value_type_name((enum value_type)out->type));
}

// The record's key and the window's start.
static int read_key(struct top *top, struct batch *batch, struct record *record, int64_t start,
                    struct table_key *key, struct error *err)
{
    struct native *native = &top->native;
    int rc = native_read_key(native, batch, record, key, err);
    if (!rc)
        rc = key_encode_value(value_int(start), &native->key);
    if (!rc)
        table_key_set(key, native->key.data, (uint32_t)native->key.len);
    return rc;
}

static int take_key(struct top *top, const struct table_key *key, int64_t start,
                    struct top_key **out)
{
    void *found;
    bool made;
    int rc = native_take(&top->native, key, &found, &made);
    if (rc)
        return rc;
    *out = found;
    (*out)->start = start;
    native_move(&top->native, found, native_add(start, top->windows.size - 1));
    return 0;
}

static int take(struct top *top, struct batch *batch, struct record *record, struct value number,
                struct error *err)
{
    int64_t start = window_newest(&top->windows, record->time).start;
    struct table_key key;
    struct top_key *state;
    struct kept *kept;
    int rc = read_key(top, batch, record, start, &key, err);
    if (!rc)
        rc = take_key(top, &key, start, &state);
    if (rc || !wins(top, state, number, record->time))
        return rc;
    rc = state->count < top->n ? room(top, state) : 0;
    if (!rc)
        rc = kept_new(&top->keeper, batch, record, &kept, err);
    if (!rc)
        insert(top, state, (struct ranked){number, kept});
    else if (!state->count)
        native_drop(&top->native, state);
    return rc;
}

static enum op_status one(struct op *op, struct batch *batch, struct outputs *outputs)
{
    struct top *top = (struct top *)op;
    struct record *record = &batch->records[batch->cursor];
    struct error err;
    error_clear(&err);
    struct value number;
    int64_t time;
    int rc = native_read_time(&top->native, record, &time, &err);
    if (!rc && window_last(window_newest(&top->windows, time)) <= top->native.progress)
        return cursor_late(&top->native.op, batch, PORT_LATE, outputs);
    if (!rc)
        rc = read_number(top, batch, record, &number, &err);
    if (!rc && number.type >= VALUE_INT)
        rc = take(top, batch, record, number, &err);
    if (rc) {
        native_explain(&top->native, rc, &err);
        return cursor_failed(batch, outputs, &err);
    }
    if (number.type >= VALUE_INT)
        top->native.op.stats.absorbed++;
    else
        top->native.op.stats.filtered++; // nothing to compare
    batch->cursor++;
    return OP_DONE;
}

static enum op_status process(struct op *op, uint32_t input, struct batch *batch,
                              struct outputs *outputs)
{
    (void)input;
    return cursor_each(op, batch, outputs, one);
}

// -- results --

static enum op_status tell(struct top *top, struct top_key *state, struct outputs *outputs)
{
    for (; state->told < state->count; state->told++) {
        struct batch *out = outputs_batch(outputs, PORT_OUT);
        const struct ranked *item = &state->items[state->told];
        struct record *record = out ? kept_put(&top->keeper, item->kept, out) : NULL;
        if (!record)
            return OP_AGAIN;
        int64_t end = native_add(state->start, top->windows.size);
        if (record_set_field(out, record, &top->rank,
                             value_int((int64_t)state->before + state->told + 1)) ||
            record_set_field(out, record, &top->start, value_int(state->start)) ||
            record_set_field(out, record, &top->end, value_int(end))) {
            out->count--;
            return OP_AGAIN;
        }
        top->native.op.stats.created++;
    }
    return OP_DONE;
}

static enum op_status watermark(struct op *op, int64_t at, struct outputs *outputs)
{
    struct top *top = (struct top *)op;
    struct top_key *first;
    if (at > top->native.progress)
        top->native.progress = at;
    while ((first = native_first(&top->native)) && first->key.due.at <= top->native.progress) {
        enum op_status status = tell(top, first, outputs);
        if (status != OP_DONE)
            return status;
        native_drop(&top->native, first);
        if (outputs_late(outputs))
            return OP_AGAIN;
    }
    return OP_DONE;
}

// -- as bytes --

static int save(struct op *op, struct image *image)
{
    const struct top *top = (const struct top *)op;
    native_save_progress(&top->native, image);
    for (uint32_t i = 0; i < top->native.table.count; i++) {
        const struct top_key *state = native_at(&top->native, i);
        uint32_t len;
        const char *key = native_key_bytes(&top->native, state, &len);
        for (uint32_t k = state->told; k < state->count; k++) {
            const struct ranked *item = &state->items[k];
            image_i64(image, state->start);
            image_u64(image, state->before + state->told);
            image_u64(image, item->number.type == VALUE_FLOAT);
            image_i64(image, item->number.i); // the bits of a float
            kept_save(image, item->kept);
            image_end(image, SECTION_RECORD, key, len - START_BYTES);
        }
    }
    return image->rc;
}

// The table's key again: `saved` and the window's start.
static int load_state(struct top *top, const struct table_key *saved, int64_t start,
                      struct top_key **out)
{
    struct buf *text = &top->native.key;
    struct table_key key;
    uint32_t len;
    const char *bytes = table_key_bytes(saved, &len);
    buf_clear(text);
    int rc = buf_append(text, bytes, len);
    if (!rc)
        rc = key_encode_value(value_int(start), text);
    table_key_set(&key, text->data, (uint32_t)text->len);
    if (!rc)
        rc = take_key(top, &key, start, out);
    return rc ? rc : room(top, *out);
}

static int load_record(struct top *top, struct image_entry *entry, const struct table_key *key,
                       struct error *err)
{
    struct top_key *state;
    struct ranked item = {0};
    int64_t start = entry_i64(entry);
    uint32_t told = (uint32_t)entry_u64(entry);
    bool is_float = entry_u64(entry) != 0;
    item.number = value_int(entry_i64(entry));
    item.number.type = is_float ? VALUE_FLOAT : VALUE_INT;
    int rc = kept_load(&top->keeper, entry, &item.kept);
    if (rc)
        return native_explain(&top->native, rc, err);
    rc = entry_done(entry, err);
    if (!rc) {
        rc = load_state(top, key, start, &state);
        native_explain(&top->native, rc, err);
    }
    if (rc) {
        kept_unref(&top->keeper, item.kept);
        return rc;
    }
    state->before = told;
    insert(top, state, item);
    return 0;
}

static int load(struct op *op, struct image_entry *entry, struct error *err)
{
    struct top *top = (struct top *)op;
    struct table_key key;
    int rc = native_load_progress(&top->native, entry, err);
    if (rc)
        return rc < 0 ? rc : 0;
    rc = native_load_key(&top->native, entry, SECTION_RECORD, &key, "top", err);
    return rc ? rc : load_record(top, entry, &key, err);
}

// -- building --

static void key_free(struct native *native, void *key)
{
    struct top *top = (struct top *)native;
    struct top_key *state = key;
    for (uint32_t i = 0; i < state->count; i++)
        kept_unref(&top->keeper, state->items[i].kept);
    budget_give(&native->budget, state->cap * sizeof *state->items);
    mem_free(state->items);
}

static void top_free(struct op *op)
{
    struct top *top = (struct top *)op;
    native_deinit(&top->native);
    keeper_deinit(&top->keeper);
    if (top->by.text)
        path_deinit(&top->by);
    mem_free(top);
}

static const char *const port_names[] = {"late", NULL};

static int configure(struct top *top, const struct operator_spec *spec, struct error *err)
{
    const struct tide_config *options = spec->node->options;
    top->n = (uint32_t)setting_int(options, "n", 1);
    top->least = strcmp(setting_text(options, "order"), "least") == 0;
    top->windows = (struct window_assigner){.kind = WINDOW_TUMBLING,
                                            .size = setting_int(options, "window", 1),
                                            .every = setting_int(options, "window", 1)};
    field_init(&top->rank, "rank", 4);
    field_init(&top->start, "start", 5);
    field_init(&top->end, "end", 3);
    top->native.key_free = key_free;
    int rc = native_init(&top->native, spec, "event", sizeof(struct top_key), err);
    if (!rc)
        rc = keeper_init(&top->keeper, &top->native, spec->shapes, err);
    if (!rc && path_compile(&top->by, setting_text(options, "by"), err))
        rc = error_prefix(err, "by");
    return rc;
}

static int build(struct op **out, const struct operator_spec *spec, struct error *err)
{
    struct top *top = mem_zalloc(sizeof *top);
    if (!top)
        return error_nomem(err);
    top->native.op = (struct op){.class = &top_class,
                                 .ports = port_names,
                                 .process = process,
                                 .watermark = watermark,
                                 .save = save,
                                 .load = load,
                                 .measure = native_measure,
                                 .free = top_free};
    int rc = configure(top, spec, err);
    if (rc) {
        top_free(&top->native.op);
        return rc;
    }
    *out = &top->native.op;
    return 0;
}

static const tide_option options[] = {
    {.name = "key_by",
     .type = TIDE_LIST,
     .item = TIDE_TEXT,
     .help = "the field, or fields, of which each value has a ranking of its own"},
    {.name = "by",
     .type = TIDE_TEXT,
     .flags = TIDE_OPTION_REQUIRED,
     .help = "the field whose number decides; records without it are left out"},
    {.name = "n",
     .type = TIDE_INT,
     .flags = TIDE_OPTION_REQUIRED,
     .min = 1,
     .max = TOP_MAX,
     .help = "how many records are told"},
    {.name = "window",
     .type = TIDE_DURATION,
     .flags = TIDE_OPTION_REQUIRED,
     .min = 1,
     .max = 1e15,
     .help = "the length of the windows of event time, one behind the other"},
    {.name = "order",
     .type = TIDE_CHOICE,
     .choices = "greatest|least",
     .default_text = "greatest",
     .help = "which numbers come first"},
    {.name = NULL},
};

const struct operator_class top_class = {
    .type = "top",
    .help = "the records with the greatest numbers, per key and window",
    .entry = {.options = options, .ports = port_names, .has_out = true},
    .stateful = true,
    .build = build,
};
