// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "operators/aggregate_build.h"
#include "operators/aggregate_gap.h"
#include "operators/aggregate_state.h"
#include "time/watermark.h"
#include "time/zone.h"

static const char *const port_names[] = {"late", NULL};

// What is known about the window of the last row may no longer hold.
static enum op_status advance(struct aggregate *agg, int64_t progress, struct outputs *outputs)
{
    enum op_status status = fire_again(agg, outputs);
    if (status != OP_DONE)
        return status;
    if (progress > agg->progress)
        agg->progress = progress;
    agg->near = (struct window){0, 0};
    return agg->kind->due(agg, outputs);
}

// -- the clock --

// Windows of event time that have not heard of a record for so long follow the clock.
static int64_t close_at(const struct aggregate *agg, int64_t now)
{
    int64_t at;
    if (__builtin_add_overflow(agg->max_time, now - agg->heard_ms, &at))
        at = INT64_MAX - 1;
    return at;
}

static enum op_status tick(struct op *op, int64_t wall_ms, struct outputs *outputs)
{
    struct aggregate *agg = (struct aggregate *)op;
    return advance(agg, agg->processing ? wall_ms : close_at(agg, wall_ms), outputs);
}

static int64_t next_wall_ms(struct op *op)
{
    struct aggregate *agg = (struct aggregate *)op;
    int64_t due = agg->kind->next(agg);
    if (agg->processing || due == INT64_MAX)
        return due;
    if (agg->close_after_ms == 0 || agg->max_time == TIME_NONE)
        return INT64_MAX;
    int64_t quiet = agg->heard_ms + agg->close_after_ms, at;
    if (__builtin_sub_overflow(due, agg->max_time, &at) ||
        __builtin_add_overflow(at, agg->heard_ms, &at))
        return INT64_MAX;
    return at > quiet ? at : quiet;
}

static void hear(struct aggregate *agg, const struct batch *batch)
{
    for (uint32_t i = batch->cursor; i < batch->count; i++)
        if (batch->records[i].time > agg->max_time)
            agg->max_time = batch->records[i].time;
    agg->heard_ms = clock_wall_ms(agg->clock);
}

// -- the operator --

static enum op_status process(struct op *op, uint32_t input, struct batch *batch,
                              struct outputs *outputs)
{
    struct aggregate *agg = (struct aggregate *)op;
    (void)input;
    if (agg->processing) {
        enum op_status status = advance(agg, clock_wall_ms(agg->clock), outputs);
        if (status != OP_DONE)
            return status;
    } else if (agg->close_after_ms) {
        hear(agg, batch);
    }
    return agg->short_way ? aggregate_rows(agg, batch, outputs)
                          : aggregate_each(agg, batch, outputs);
}

// The end closes the windows of the clock as well.
static enum op_status watermark(struct op *op, int64_t at, struct outputs *outputs)
{
    struct aggregate *agg = (struct aggregate *)op;
    if (agg->processing && at != WATERMARK_END)
        return OP_DONE;
    return advance(agg, at, outputs);
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
    if (agg->kind)
        agg->kind->free(agg);
    keyed_deinit(&agg->keyed);
    mem_free(agg->targets);
    mem_free(agg->again);
    program_deinit(&agg->program);
    columns_free(&agg->columns);
    for (uint32_t i = 0; i < agg->key_count; i++)
        path_deinit(&agg->keys[i]);
    script_free(agg->script);
    gap_free(agg->gap);
    zone_free(agg->zone);
    buf_deinit(&agg->key);
    buf_deinit(&agg->key_json);
    buf_deinit(&agg->undo);
    image_deinit(&agg->gone);
    mem_free(agg);
}

static void measure(const struct op *op, struct operator_state *out)
{
    const struct aggregate *agg = (const struct aggregate *)op;
    const struct keyed *keyed = &agg->keyed;
    *out = (struct operator_state){.bytes = keyed->budget.used_bytes,
                                   .keys = keyed_entries(keyed),
                                   .windows = keyed_windows(keyed)};
    if (agg->kind->measure)
        agg->kind->measure(agg, out);
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
                          .tick = tick,
                          .next_wall_ms = next_wall_ms,
                          .save = aggregate_save,
                          .load = aggregate_load,
                          .measure = measure,
                          .free = aggregate_free};
    agg->progress = WATERMARK_NONE;
    agg->max_time = TIME_NONE;
    agg->clock = spec->clock;
    int rc = aggregate_configure(agg, spec, err);
    if (rc) {
        aggregate_free(&agg->op);
        return rc;
    }
    if (agg->kind->track) {
        agg->op.track = aggregate_track;
        agg->op.save_changes = aggregate_save_changes;
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
