// SPDX-License-Identifier: MIT
#include "engine/source_keep.h"
#include "base/alloc.h"
#include "engine/codec_settings.h"
#include "engine/event_time.h"
#include "engine/intake.h"
#include <string.h>

// -- making --

static int read_common(struct source_node *node, struct shape_table *shapes, struct error *err)
{
    const struct tide_config *common = node->plan->spec->common;
    const struct tide_config *decode = setting_at(common, "decode");
    node->limits = (struct json_limits)JSON_LIMITS_DEFAULT;
    node->limits.size = (uint32_t)setting_int(common, "limits.record", node->limits.size);
    node->limits.depth = (uint32_t)setting_int(common, "limits.depth", node->limits.depth);
    node->limits.members = (uint32_t)setting_int(common, "limits.members", node->limits.members);
    node->rate = setting_number(common, "rate", 0);
    int rc = framing_from_setting(&node->framing, setting_at(common, "framing"), decode, err);
    if (!rc)
        rc = decoder_from_setting(&node->decoder, decode, shapes, &node->limits, err);
    return rc;
}

// Each lane reads of its own ring of the one driver, or has a driver of its own.
static int get_driver(struct source_node *node, const struct node_place *place,
                      const struct source_node *first, struct error *err)
{
    const struct plan_node *plan = place->plan;
    struct source_lanes lanes = {.wakers = place->wakers, .count = plan->lanes, .shares = 1};
    if (plan->parallel)
        lanes = (struct source_lanes){.wakers = &place->wakers[place->lane],
                                      .count = 1,
                                      .share = place->lane,
                                      .shares = plan->lanes};
    lanes.alignment = node->alignment;
    if (first && !plan->parallel) {
        node->driver = first->driver;
        node->borrows = true;
        node->ring = place->lane;
        return 0;
    }
    return source_driver_new(&node->driver, plan, place->pipeline, place->clock, &lanes, err);
}

int source_node_init(struct source_node *node, const struct node_place *place,
                     const struct source_node *first, struct error *err)
{
    node->plan = place->plan;
    node->sent_watermark = WATERMARK_NONE;
    if (outputs_init(&node->outputs, place->plan, place->index, place->pool, place->clock,
                     place->stats) ||
        valve_init(&node->valve, 0))
        return error_nomem(err);
    int rc = read_common(node, place->shapes, err);
    if (!rc)
        rc = event_time_configure(node, place, first, err);
    if (!rc && place->has_plugins)
        rc = get_driver(node, place, first, err);
    return rc;
}

void source_node_deinit(struct source_node *node)
{
    outputs_deinit(&node->outputs);
    if (!node->borrows)
        source_driver_free(node->driver);
    if (node->decoder)
        node->decoder->free(node->decoder);
    event_time_deinit(node);
    for (size_t i = 0; i < node->split_count; i++)
        source_split_deinit(&node->splits[i]);
    mem_free(node->splits);
    mem_free(node->touched);
    valve_deinit(&node->valve);
    batch_unref(node->batch);
    parcel_free(node->parcel);
    parcel_free(node->barrier_parcel);
    parcel_free(node->last_barrier);
}

// -- handing on --

// The marks that say what the splits have come to together. At the final end they are not idle,
// though none of them is left: windows behind would be left out of what others wait for, and told
// too late for them.
static uint32_t split_marks(struct source_node *node)
{
    uint32_t marks = 0;
    if (node->phase == SOURCE_ENDING && node->end_is_final)
        return 0;
    if (node->valve.idle != node->sent_idle)
        marks |= node->valve.idle ? BATCH_IDLE : BATCH_ACTIVE;
    if (node->valve.watermark > node->sent_watermark)
        marks |= BATCH_WATERMARK;
    return marks;
}

// Sends what is in the batch and what the splits have come to. False: no room.
static bool flush(struct source_node *node, uint32_t marks)
{
    source_splits_advance(node);
    marks |= split_marks(node);
    int64_t watermark = node->valve.watermark;
    if (node->batch && node->batch->count &&
        !outputs_forward(&node->outputs, PORT_OUT, node->batch))
        return false;
    // An empty one goes as well: it may hold chunks of which no record has come.
    batch_unref(node->batch);
    node->batch = NULL;
    if ((marks & BATCH_END) && node->end_is_final) {
        marks |= BATCH_WATERMARK;
        watermark = WATERMARK_END;
    }
    if (!outputs_flush(&node->outputs, marks, watermark, node->epoch))
        return false;
    node->sent_idle = node->valve.idle;
    if (marks & BATCH_WATERMARK) {
        node->sent_watermark = watermark;
        atomic_store_explicit(&node->outputs.stats->watermark, watermark, memory_order_relaxed);
    }
    return true;
}

// What the lane knows of its splits, and where the driver says that they are.
static void save(struct source_node *node, uint32_t marks, const struct parcel *barrier)
{
    if (!node->outputs.saves)
        return;
    struct saved *saved = saves_begin(node->outputs.saves, marks, node->outputs.stats);
    struct image *image = &saved->image;
    if (source_splits_save(node, image) ||
        (barrier && barrier->text.len &&
         buf_append(&image->bytes, barrier->text.data, barrier->text.len)))
        image->rc = ERR_NOMEM;
    saves_publish(node->outputs.saves, saved, node->epoch);
}

static bool send_barrier(struct source_node *node)
{
    node->epoch = node->barrier_parcel->epoch;
    if (!flush(node, BATCH_BARRIER))
        return false;
    save(node, BATCH_BARRIER, node->barrier_parcel);
    // The positions are with the lane that the driver belongs to, which will acknowledge them.
    parcel_free(node->borrows ? node->barrier_parcel : node->last_barrier);
    node->last_barrier = node->borrows ? NULL : node->barrier_parcel;
    node->barrier_parcel = NULL;
    return true;
}

// -- parcels --

static enum intake end_of_all(struct source_node *node, bool stopped)
{
    node->end_is_final = !stopped;
    for (uint32_t i = 0; i < node->split_count && node->end_is_final; i++) {
        enum intake result = intake_end(node, i);
        if (result != INTAKE_DONE)
            return result;
        source_split_end(node, i);
    }
    node->phase = SOURCE_ENDING;
    return INTAKE_DONE;
}

static enum intake take_barrier(struct source_node *node, struct parcel *parcel)
{
    node->parcel = NULL;
    if (!parcel->final) {
        node->barrier_parcel = parcel;
        return INTAKE_FULL;
    }
    parcel_free(node->last_barrier);
    node->last_barrier = parcel;
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
    case PARCEL_BAD:
        return intake_bad(node, parcel);
    case PARCEL_SPLIT:
        return source_split_add(node, parcel) ? INTAKE_FAILED : INTAKE_DONE;
    case PARCEL_LOST:
        source_split_end(node, parcel->split);
        return INTAKE_DONE;
    case PARCEL_END:
        result = intake_end(node, parcel->split);
        if (result == INTAKE_DONE)
            source_split_end(node, parcel->split);
        return result;
    case PARCEL_BARRIER:
        return take_barrier(node, parcel);
    case PARCEL_NONE:
        pthread_mutex_lock(&node->outputs.look);
        node->valve.idle = true; // nobody waits for this lane until it has a split
        pthread_mutex_unlock(&node->outputs.look);
        return INTAKE_DONE;
    case PARCEL_EOF:
        return end_of_all(node, parcel->stopped);
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
    node->parcel = source_driver_take(node->driver, node->ring);
    if (!node->parcel && !node->driver->driver.threaded && !node->borrows) {
        driver_step(&node->driver->driver, wait);
        node->parcel = source_driver_take(node->driver, node->ring);
    }
    if (node->parcel && node->parcel->kind == PARCEL_STREAM)
        stat_add(&node->outputs.stats->in_bytes, node->parcel->len);
    return node->parcel != NULL;
}

// The brake: how many records may still come in now. At a stop what has been read goes through at
// once.
static void brake(struct source_node *node)
{
    node->room = BATCH_RECORDS;
    if (node->rate <= 0 || !node->driver || driver_stopping(&node->driver->driver))
        return;
    node->room = brake_take(&node->driver->brake, clock_mono_ns(node->outputs.clock), node->rate);
}

// Holds back what may hold records: a barrier or news of a split go on.
static bool braked(struct source_node *node, struct wait *wait)
{
    enum parcel_kind kind = node->parcel->kind;
    node->braking = node->batch->count >= node->room && kind != PARCEL_BARRIER &&
                    kind != PARCEL_SPLIT && kind != PARCEL_NONE && kind != PARCEL_LOST &&
                    kind != PARCEL_BAD;
    if (!node->braking)
        return false;
    int64_t at = brake_next(&node->driver->brake, node->rate);
    if (at < wait->until_ns)
        wait->until_ns = at;
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
    if (!node->batch && !(node->batch = batch_new(node->outputs.pool))) {
        outputs_out_of_memory(&node->outputs);
        return false;
    }
    node->wordless = outputs_wordless(&node->outputs);
    event_time_begin(node);
    brake(node);
    while (node->phase == SOURCE_READING && next_parcel(node, wait)) {
        if (node->batch->count == BATCH_RECORDS)
            return true;
        if (braked(node, wait))
            return false;
        enum intake result = take_parcel(node, node->parcel);
        if (result != INTAKE_DONE)
            return result == INTAKE_FULL;
        parcel_free(node->parcel);
        node->parcel = NULL;
    }
    return false;
}

static void finish(struct source_node *node, struct wait *wait)
{
    if (!flush(node, BATCH_END))
        return;
    const struct parcel *last = node->last_barrier;
    save(node, BATCH_END, last && last->final ? last : NULL);
    node->phase = SOURCE_ENDED;
    wait->busy = true;
}

static void read(struct source_node *node, struct wait *wait)
{
    if (node->driver && !check_driver(node))
        return;
    bool more = fill(node, wait);
    uint32_t taken = node->batch ? node->batch->count : 0;
    if (node->rate > 0 && node->driver && node->room > taken)
        brake_return(&node->driver->brake, node->room - taken, node->rate);
    wait->busy = wait->busy || more;
}

// A driver that feeds other lanes as well is stepped also while this one is full: they may be
// waiting for a barrier that it has for them.
static void feed_others(struct source_node *node, struct wait *wait)
{
    const struct source_driver *source = node->driver;
    if (source && !node->borrows && source->lane_count > 1 && !source->driver.threaded)
        driver_step(&node->driver->driver, wait);
}

void source_node_step(struct source_node *node, struct wait *wait)
{
    bool open = node->phase != SOURCE_ENDED && outputs_open(&node->outputs);
    feed_others(node, wait);
    source_splits_look_for_idle(node, open && !node->barrier_parcel && !node->braking, wait);
    if (!open)
        return;
    if (node->phase == SOURCE_READING && !node->barrier_parcel)
        read(node, wait);
    if (node->outputs.stopped) { // the records ahead of the one that failed are the last
        node->end_is_final = false;
        finish(node, wait);
        return;
    }
    if (node->outputs.failed || !flush(node, 0) || (node->barrier_parcel && !send_barrier(node)))
        return;
    if (node->phase == SOURCE_ENDING)
        finish(node, wait);
}
