// SPDX-License-Identifier: MIT
#include "engine/source_node.h"
#include "base/alloc.h"
#include "engine/intake.h"
#include <string.h>

enum { IDLE_CHECKS = 4 }; // an idle split is noticed within idle_after / 4

// -- making --

static int read_event_time(struct source_node *node, const struct tide_config *common,
                           struct error *err)
{
    const struct tide_config *setting = setting_at(common, "event_time");
    node->has_time = setting != NULL;
    if (!setting)
        return 0;
    const char *field = setting_text(setting, "field");
    node->time_of_record = !field;
    if (!field)
        return 0;
    const char *unit = setting_text(setting, "unit");
    if (time_unit_parse(unit ? unit : "ms", &node->time_unit))
        return error_set(err, ERR_INPUT, "unknown time unit '%s'", unit);
    return path_compile(&node->time_path, field, err);
}

static int read_common(struct source_node *node, struct shape_table *shapes, struct error *err)
{
    const struct tide_config *common = node->plan->spec->common;
    const char *framing = setting_text(common, "framing");
    const char *decode = setting_text(common, "decode");
    node->limits = (struct json_limits)JSON_LIMITS_DEFAULT;
    node->limits.size = (uint32_t)setting_int(common, "limits.record", node->limits.size);
    node->out_of_order_ms = setting_int(common, "watermark.out_of_order", 0);
    node->idle_after_ms = setting_int(common, "watermark.idle_after", 0);
    node->rate = setting_number(common, "rate", 0);
    int rc = framing_from_name(framing ? framing : "newline", &node->framing, err);
    if (!rc)
        rc = decoder_new(&node->decoder, decode ? decode : "json", shapes, &node->limits, err);
    return rc ? rc : read_event_time(node, common, err);
}

int source_node_init(struct source_node *node, const struct plan_node *plan, uint16_t index,
                     const char *pipeline, struct batch_pool *pool, struct shape_table *shapes,
                     struct clock *clock, struct node_stats *stats, struct waker *waker,
                     bool has_plugins, struct error *err)
{
    node->plan = plan;
    node->sent_watermark = WATERMARK_NONE;
    if (outputs_init(&node->outputs, plan, index, pool, clock, stats) ||
        valve_init(&node->valve, 0))
        return error_nomem(err);
    int rc = read_common(node, shapes, err);
    if (!rc && has_plugins)
        rc = source_driver_new(&node->driver, plan, pipeline, clock, waker, err);
    return rc;
}

static void drop_split(struct source_split *split)
{
    chunk_unref(split->rest_chunk);
    mem_free(split->name);
    mem_free(split->meta);
}

void source_node_deinit(struct source_node *node)
{
    outputs_deinit(&node->outputs);
    source_driver_free(node->driver);
    if (node->decoder)
        node->decoder->free(node->decoder);
    if (node->has_time && !node->time_of_record)
        path_deinit(&node->time_path);
    for (size_t i = 0; i < node->split_count; i++)
        drop_split(&node->splits[i]);
    mem_free(node->splits);
    mem_free(node->touched);
    valve_deinit(&node->valve);
    batch_unref(node->batch);
    parcel_free(node->parcel);
    parcel_free(node->barrier_parcel);
    parcel_free(node->last_barrier);
}

// -- splits --

static int add_split(struct source_node *node, const struct parcel *parcel)
{
    uint32_t input;
    if (mem_grow(&node->splits, &node->split_cap, node->split_count + 1, sizeof *node->splits) ||
        mem_grow(&node->touched, &node->touched_cap, node->split_count + 1,
                 sizeof *node->touched) ||
        valve_add(&node->valve, &input))
        return ERR_NOMEM;
    struct source_split *split = &node->splits[node->split_count++];
    *split = (struct source_split){.name = mem_strndup(parcel->text.data, parcel->text.len),
                                   .meta = mem_zalloc(sizeof *split->meta)};
    framer_init(&split->framer, node->framing, node->limits.size);
    generator_init(&split->generator, node->out_of_order_ms);
    split->seen_ns = clock_mono_ns(node->outputs.clock);
    if (!split->name || !split->meta)
        return ERR_NOMEM;
    split->meta->split = split->name;
    return 0;
}

static void advance(struct source_node *node, uint32_t id, int64_t now)
{
    struct source_split *split = &node->splits[id];
    split->touched = false;
    split->seen_ns = now;
    if (split->idle) {
        split->idle = false;
        valve_active(&node->valve, id);
    }
    if (node->has_time && !split->ended)
        valve_advance(&node->valve, id, generator_watermark(&split->generator));
}

static void end_split(struct source_node *node, uint32_t id)
{
    node->splits[id].ended = true;
    valve_advance(&node->valve, id, WATERMARK_END);
}

static void look_for_idle(struct source_node *node, int64_t now)
{
    int64_t limit = node->idle_after_ms * 1000000;
    node->idle_check_ns = now + limit / IDLE_CHECKS;
    for (uint32_t i = 0; i < node->split_count; i++) {
        struct source_split *split = &node->splits[i];
        if (!split->idle && !split->ended && now - split->seen_ns >= limit) {
            split->idle = true;
            valve_idle(&node->valve, i);
        }
    }
}

// -- handing on --

// Sends what is in the batch and what the splits' watermarks have come to. False: no room.
static bool flush(struct source_node *node, uint32_t marks)
{
    int64_t now = clock_mono_ns(node->outputs.clock);
    while (node->touched_count)
        advance(node, node->touched[--node->touched_count], now);
    int64_t watermark = node->valve.watermark;
    // The end of all splits is told by the end of the source: new splits may still come.
    if (watermark != WATERMARK_END && watermark > node->sent_watermark)
        marks |= BATCH_WATERMARK;
    if (node->batch && node->batch->count) {
        if (!outputs_forward(&node->outputs, PORT_OUT, node->batch))
            return false;
        batch_unref(node->batch);
        node->batch = NULL;
    } else if (node->batch && node->batch->chunk_count) {
        batch_unref(node->batch); // full of chunks that held no record
        node->batch = NULL;
    }
    if ((marks & BATCH_END) && node->end_is_final) {
        marks |= BATCH_WATERMARK;
        watermark = WATERMARK_END;
    }
    if (!outputs_flush(&node->outputs, marks, watermark, node->barrier))
        return false;
    if (marks & BATCH_WATERMARK) {
        node->sent_watermark = watermark;
        atomic_store_explicit(&node->outputs.stats->watermark, watermark, memory_order_relaxed);
    }
    return true;
}

static bool send_barrier(struct source_node *node)
{
    node->barrier = node->barrier_parcel->epoch;
    if (!flush(node, BATCH_BARRIER))
        return false;
    parcel_free(node->last_barrier);
    node->last_barrier = node->barrier_parcel;
    node->barrier_parcel = NULL;
    return true;
}

// -- parcels --

static enum intake end_of_all(struct source_node *node)
{
    for (uint32_t i = 0; i < node->split_count && node->end_is_final; i++) {
        enum intake result = intake_end(node, i);
        if (result != INTAKE_DONE)
            return result;
        end_split(node, i);
    }
    node->phase = SOURCE_ENDING;
    return INTAKE_DONE;
}

static enum intake take_parcel(struct source_node *node, struct parcel *parcel)
{
    enum intake result = INTAKE_DONE;
    switch (parcel->kind) {
    case PARCEL_STREAM:
        return intake_stream(node, parcel);
    case PARCEL_MESSAGES:
        return intake_messages(node, parcel);
    case PARCEL_SPLIT:
        return add_split(node, parcel) ? INTAKE_FULL : INTAKE_DONE;
    case PARCEL_LOST:
        node->splits[parcel->split].lost = true;
        end_split(node, parcel->split);
        return INTAKE_DONE;
    case PARCEL_END:
        result = intake_end(node, parcel->split);
        if (result == INTAKE_DONE)
            end_split(node, parcel->split);
        return result;
    case PARCEL_BAD:
        return intake_bad(node, parcel);
    case PARCEL_BARRIER:
        node->barrier_parcel = parcel;
        node->parcel = NULL;
        return INTAKE_FULL;
    case PARCEL_EOF:
        node->end_is_final = !parcel->stopped;
        return end_of_all(node);
    }
    return result;
}

static bool next_parcel(struct source_node *node, struct wait *wait)
{
    if (node->parcel)
        return true;
    if (!node->driver)
        return false;
    node->parcel_at = 0;
    node->parcel = source_driver_take(node->driver);
    if (!node->parcel && !node->driver->driver.threaded) {
        driver_step(&node->driver->driver, wait);
        node->parcel = source_driver_take(node->driver);
    }
    if (node->parcel && node->parcel->kind == PARCEL_STREAM)
        stat_add(&node->outputs.stats->in_bytes, node->parcel->len);
    return node->parcel != NULL;
}

// The brake: how many records may still come in now.
static bool braked(struct source_node *node, struct wait *wait)
{
    if (node->rate <= 0)
        return false;
    int64_t now = clock_mono_ns(node->outputs.clock);
    if (!node->filled_ns)
        node->filled_ns = now;
    double most = node->rate > 10 ? node->rate / 10 : 1; // at most 100 ms at once
    node->allowance += (double)(now - node->filled_ns) * node->rate / 1e9;
    node->allowance = node->allowance > most ? most : node->allowance;
    node->filled_ns = now;
    if (node->allowance >= 1)
        return false;
    wait->until_ns = now + (int64_t)((1 - node->allowance) / node->rate * 1e9) + 1000;
    return true;
}

static bool check_driver(struct source_node *node)
{
    if (!atomic_load_explicit(&node->driver->driver.failed, memory_order_acquire))
        return true;
    node->outputs.failed = true;
    node->outputs.failure = node->driver->driver.error;
    return false;
}

// Fills the batch; true when there may be more at once.
static bool fill(struct source_node *node, struct wait *wait)
{
    if (!node->batch && !(node->batch = batch_new(node->outputs.pool)))
        return true;
    while (node->phase == SOURCE_READING && next_parcel(node, wait)) {
        uint32_t before = node->batch->count;
        enum intake result = take_parcel(node, node->parcel);
        node->allowance -= (double)(node->batch->count - before);
        if (result == INTAKE_FAILED)
            return false;
        if (result == INTAKE_FULL)
            return true;
        parcel_free(node->parcel);
        node->parcel = NULL;
        if (node->batch->count == BATCH_RECORDS || (node->rate > 0 && node->allowance < 1))
            return true;
    }
    return false;
}

static void finish(struct source_node *node, struct wait *wait)
{
    if (!flush(node, BATCH_END))
        return;
    node->phase = SOURCE_ENDED;
    wait->busy = true;
}

void source_node_step(struct source_node *node, struct wait *wait)
{
    if (node->phase == SOURCE_ENDED || !outputs_open(&node->outputs))
        return;
    if (node->idle_after_ms && node->split_count) {
        int64_t now = clock_mono_ns(node->outputs.clock);
        if (now >= node->idle_check_ns)
            look_for_idle(node, now);
        if (node->idle_check_ns < wait->until_ns)
            wait->until_ns = node->idle_check_ns;
    }
    if (node->phase == SOURCE_READING && !node->barrier_parcel && !braked(node, wait)) {
        if (node->driver && !check_driver(node))
            return;
        if (fill(node, wait))
            wait->busy = true;
        if (node->outputs.failed)
            return;
    }
    if (!flush(node, 0) || (node->barrier_parcel && !send_barrier(node)))
        return;
    if (node->phase == SOURCE_ENDING)
        finish(node, wait);
}
