// SPDX-License-Identifier: MIT
#include "operators/aggregate_build.h"
#include "base/alloc.h"
#include "config/text.h"
#include "operators/aggregate_gap.h"
#include "operators/keys.h"
#include "operators/scripted.h"
#include "record/shape.h"

enum { FIELD_TEXT_MAX = 1024, KEY_BYTES_MAX = 1 << 20 };

// -- columns --

static int read_column(const struct tide_config *item, struct agg_column *column, struct error *err)
{
    char field[FIELD_TEXT_MAX];
    int rc = agg_parse(item->text, column, field, sizeof field, err);
    if (rc)
        return error_prefix(err, "compute.%s", item->name);
    column->name = item->name;
    if (!column->field)
        return 0;
    column->field = mem_strdup(column->field);
    return column->field ? 0 : error_nomem(err);
}

static int columns_of_yaml(struct aggregate *agg, const struct tide_config *compute,
                           struct error *err)
{
    if (compute->count == 0)
        return error_set(err, ERR_INPUT, "compute: nothing to compute; e.g. `{ n: count() }`");
    agg->columns.items = mem_array(compute->count, sizeof *agg->columns.items);
    agg->columns.own_fields = true;
    if (!agg->columns.items)
        return error_nomem(err);
    for (uint32_t i = 0; i < compute->count; i++) {
        int rc = read_column(&compute->items[i], &agg->columns.items[i], err);
        if (rc)
            return rc;
        agg->columns.count++;
    }
    return 0;
}

static int columns_of_script(struct aggregate *agg, struct error *err)
{
    const struct agg_column *columns;
    agg->columns.count = script_agg_columns(agg->script, &columns);
    if (agg->columns.count == 0)
        return error_set(err, ERR_INPUT, "agg { ... } computes nothing");
    agg->columns.items = mem_array(agg->columns.count, sizeof *columns);
    if (!agg->columns.items) {
        agg->columns.count = 0;
        return error_nomem(err);
    }
    memcpy(agg->columns.items, columns, agg->columns.count * sizeof *columns);
    return 0;
}

// -- script --

static int check_by_hand(struct aggregate *agg, const char *name, struct error *err)
{
    static const char *const wanted[] = {"init", "add", "finish"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!script_has(agg->script, wanted[i]))
            return error_set(err, ERR_INPUT,
                             "%s: an aggregate by hand needs the functions init, add and finish; "
                             "'%s' is missing",
                             name, wanted[i]);
    agg->by_hand = true;
    return 0;
}

static int read_script(struct aggregate *agg, const struct operator_spec *spec, struct error *err)
{
    const char *name = setting_text(spec->node->common, "script");
    int rc = scripted_load(&agg->script, spec, err);
    if (rc)
        return rc;
    agg->op.version = script_version(agg->script);
    if (script_kind(agg->script) == SCRIPT_TABLE)
        return check_by_hand(agg, name ? name : "lua", err);
    if (script_kind(agg->script) == SCRIPT_AGG) {
        agg->has_finish = script_has(agg->script, "finish");
        return columns_of_script(agg, err);
    }
    return error_set(err, ERR_INPUT,
                     "%s: the script of an aggregate returns agg { ... } or a table with init, add "
                     "and finish, not a function",
                     name ? name : "lua");
}

static int read_work(struct aggregate *agg, const struct operator_spec *spec, struct error *err)
{
    const struct tide_config *compute = setting_at(spec->node->options, "compute");
    bool script = setting_text(spec->node->common, "script") != NULL ||
                  setting_text(spec->node->common, "lua") != NULL;
    if (compute && script)
        return error_set(err, ERR_INPUT, "either `compute:` or a script, not both");
    if (!compute && !script)
        return error_set(err, ERR_INPUT,
                         "nothing to compute: add `compute: { total: sum(field) }` or `script:`");
    return compute ? columns_of_yaml(agg, compute, err) : read_script(agg, spec, err);
}

// -- the result's shape --

static const char *key_name(const struct path *path, uint32_t *len)
{
    const struct path_step *last = &path->steps[path->count - 1];
    *len = last->len;
    return last->name;
}

static int check_names(const struct shape_name *names, uint32_t count, struct error *err)
{
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < i; k++)
            if (names[i].len == names[k].len &&
                memcmp(names[i].bytes, names[k].bytes, names[i].len) == 0)
                return error_set(err, ERR_INPUT,
                                 "the result would have two members '%.*s' (it has the key fields "
                                 "by their last name, start, end and the computed ones)",
                                 (int)names[i].len, names[i].bytes);
    return 0;
}

static int make_shape(struct aggregate *agg, struct shape_table *shapes, struct error *err)
{
    struct shape_name names[KEY_FIELDS_MAX + 2 + AGG_COLUMNS_MAX] = {{0}};
    uint32_t count = 0;
    for (uint32_t i = 0; i < agg->key_count; i++, count++)
        names[count].bytes = key_name(&agg->keys[i], &names[count].len);
    names[count++] = (struct shape_name){.bytes = "start", .len = 5};
    names[count++] = (struct shape_name){.bytes = "end", .len = 3};
    for (uint32_t i = 0; i < agg->columns.count; i++, count++) {
        names[count].bytes = agg->columns.items[i].name;
        names[count].len = (uint32_t)strlen(names[count].bytes);
    }
    int rc = check_names(names, count, err);
    if (rc)
        return rc;
    agg->shape = shape_intern(shapes, NULL, names, count);
    return agg->shape ? 0 : error_nomem(err);
}

// Where the window has no bounds of its own a rate is over those of its records, which have moved
// on when it is taken back.
static int check_rates(const struct aggregate *agg, struct error *err)
{
    bool bounds = agg->windows.kind != WINDOW_COUNT && agg->windows.kind != WINDOW_GLOBAL;
    for (uint32_t i = 0; i < agg->columns.count; i++)
        if (agg->columns.items[i].function == AGG_RATE && agg->panes == PANES_RETRACT && !bounds)
            return error_set(err, ERR_INPUT,
                             "%s: the rate in a window without bounds cannot be retracted; use "
                             "`panes: accumulate`",
                             agg->columns.items[i].name);
    return 0;
}

static int make_native(struct aggregate *agg, const struct operator_spec *spec, struct error *err)
{
    int rc = check_rates(agg, err);
    if (rc)
        return rc;
    rc = program_init(&agg->program, agg->columns.items, agg->columns.count, &agg->keyed.budget,
                      err);
    return rc ? rc : make_shape(agg, spec->shapes, err);
}

// What stands behind a head.
static void lay_out(struct aggregate *agg)
{
    agg->slot_bytes = agg->by_hand ? (uint32_t)sizeof(struct agg_acc) : agg->program.slot_words * 8;
    agg->head_bytes = (uint32_t)sizeof(struct agg_head) + agg->slot_bytes;
    if (agg->panes == PANES_RETRACT) {
        agg->last_at = agg->slot_bytes;
        agg->head_bytes += agg->slot_bytes;
    }
    if (agg->windows.kind == WINDOW_COUNT || agg->windows.kind == WINDOW_GLOBAL) {
        agg->times_at = agg->head_bytes;
        agg->head_bytes += (uint32_t)sizeof(struct agg_times);
    }
}

// A gap that is no duration is an expression.
static int read_gap(struct aggregate *agg, const struct operator_spec *spec, struct error *err)
{
    const struct tide_config *gap = setting_at(spec->node->options, "window.session.gap");
    int64_t ms;
    if (!gap || text_parse_duration(gap->text, &ms))
        return 0;
    return gap_new(&agg->gap, spec, gap, err);
}

int aggregate_configure(struct aggregate *agg, const struct operator_spec *spec, struct error *err)
{
    const struct tide_config *options = spec->node->options;
    const struct tide_config *key_by = setting_at(options, "key_by");
    buf_init(&agg->key, KEY_BYTES_MAX);
    buf_init(&agg->key_json, KEY_BYTES_MAX * 8);
    buf_init(&agg->undo, AGG_ACC_MAX);
    agg->budget = &agg->keyed.budget;
    int rc = window_configure(agg, setting_at(options, "window"), spec->has_event_time, err);
    if (!rc)
        rc = read_gap(agg, spec, err);
    if (!rc && key_by) // without: one result a window
        rc = keys_compile(agg->keys, &agg->key_count, key_by, "key_by", err);
    if (!rc)
        rc = read_work(agg, spec, err);
    if (!rc && !agg->by_hand)
        rc = make_native(agg, spec, err);
    if (rc)
        return rc;
    lay_out(agg);
    keyed_init(&agg->keyed, agg->head_bytes,
               (size_t)setting_int(spec->node->common, "limits.state", 0));
    return window_choose_kind(agg, err);
}

// -- options --

const tide_option aggregate_options[] = {
    {.name = "key_by",
     .type = TIDE_LIST,
     .item = TIDE_TEXT,
     .help = "the field, or fields, whose values make the key; without it all records are one"},
    {.name = "window",
     .type = TIDE_MAP,
     .flags = TIDE_OPTION_REQUIRED,
     .members = window_options,
     .help = "the buckets of event time"},
    {.name = "compute",
     .type = TIDE_FREE_MAP,
     .help =
         "names and what they are: count() count(f) sum(f) avg(f) min(f) max(f) first(f) "
         "last(f) stddev(f) rate() rate(f) ewma(f, alpha) distinct(f) quantile(f, q) topk(f, k) "
         "sum_exact(f) collect(f, limit); instead of a script"},
    {.name = NULL},
};
