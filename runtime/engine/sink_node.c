// SPDX-License-Identifier: MIT
#include "engine/sink_node.h"
#include "base/alloc.h"
#include <string.h>

int sink_node_init(struct sink_node *node, const struct node_place *place, uint32_t inputs,
                   struct error *err)
{
    node->input_count = inputs;
    node->inputs = mem_zalloc(sizeof *node->inputs * (inputs + 1));
    if (!node->inputs || outputs_init(&node->outputs, place->plan, place->index, place->pool,
                                      place->clock, place->stats))
        return error_nomem(err);
    while (node->spare_count < SINK_UNDER_WAY) {
        if (!(node->spare[node->spare_count] = outgoing_new()))
            return error_nomem(err);
        node->spare_count++;
    }
    if (!place->has_plugins)
        return 0;
    return sink_driver_new(&node->driver, place->plan, place->pipeline, place->clock,
                           &place->wakers[place->lane], err);
}

void sink_node_deinit(struct sink_node *node)
{
    for (uint32_t i = 0; i < node->input_count && node->inputs; i++)
        for (struct batch *batch; (batch = edge_pop(&node->inputs[i]));)
            batch_unref(batch);
    mem_free(node->inputs);
    while (node->spare_count)
        outgoing_free(node->spare[--node->spare_count]);
    outgoing_free(node->returned);
    sink_driver_free(node->driver);
    outputs_deinit(&node->outputs);
}

// -- there --

static struct batch *take(struct sink_node *node)
{
    for (uint32_t i = 0; i < node->input_count; i++) {
        uint32_t input = (node->next_input + i) % node->input_count;
        struct edge *edge = &node->inputs[input];
        struct batch *batch = edge->held ? NULL : edge_pop(edge);
        if (!batch)
            continue;
        node->next_input = (input + 1) % node->input_count;
        if (batch->marks & BATCH_BARRIER) {
            edge->held = true;
            node->barriers++;
            node->epoch = batch->epoch;
        }
        if (batch->marks & BATCH_END)
            node->ended++;
        return batch;
    }
    return NULL;
}

// The marks that hold for all inputs together.
static uint32_t merged_marks(struct sink_node *node)
{
    uint32_t marks = 0;
    if (node->barriers && node->barriers + node->ended >= node->input_count) {
        marks |= BATCH_BARRIER;
        node->barriers = 0;
        for (uint32_t i = 0; i < node->input_count; i++)
            node->inputs[i].held = false;
    }
    if (node->ended == node->input_count)
        marks |= BATCH_END;
    return marks;
}

static void note_watermark(struct sink_node *node, const struct batch *batch)
{
    if (batch->marks & BATCH_WATERMARK)
        atomic_store_explicit(&node->outputs.stats->watermark, batch->watermark,
                              memory_order_relaxed);
}

static void write_off(struct sink_node *node, struct outgoing *outgoing);

static bool hand_over(struct sink_node *node)
{
    if (!node->spare_count)
        return false;
    struct batch *batch = take(node);
    if (!batch)
        return false;
    note_watermark(node, batch);
    uint32_t marks = merged_marks(node);
    if (!batch->count && !marks) { // a watermark alone
        batch_unref(batch);
        return true;
    }
    struct outgoing *outgoing = node->spare[--node->spare_count];
    outgoing->batch = batch;
    outgoing->marks = marks;
    outgoing->epoch = node->epoch;
    outgoing->wordless = outputs_wordless(&node->outputs);
    stat_add(&node->outputs.stats->in, batch->count);
    outgoing->seen = stat_get(&node->outputs.stats->in);
    if (!node->driver) { // tests: everything is taken
        outgoing_begin(outgoing);
        outgoing->accepted = batch->count;
        write_off(node, outgoing);
        return true;
    }
    ring_push(&node->driver->to_write, outgoing); // as many slots as there are outgoings
    driver_wake(&node->driver->driver);
    return true;
}

// -- and back --

static bool report_refusals(struct sink_node *node, struct outgoing *outgoing)
{
    while (node->refusals_done < outgoing->refusal_count) {
        if (!outputs_open(&node->outputs))
            return false;
        const struct refusal *refusal = &outgoing->refusals[node->refusals_done];
        struct error err;
        error_clear(&err);
        err.code = refusal->code;
        err.len = refusal->len;
        if (err.len)
            memcpy(err.text, outgoing->words.data + refusal->at, err.len);
        err.text[err.len] = '\0';
        struct record *record = &outgoing->batch->records[refusal->index];
        node->refusals_done++;
        if (outputs_fail_record(&node->outputs, outgoing->batch, record, &err, false) == ERROR_STOP)
            return false;
    }
    return outputs_flush(&node->outputs, 0, 0, 0);
}

// What has been handed over since is not in it.
static void save(struct sink_node *node, struct outgoing *outgoing)
{
    struct saves *saves = node->outputs.saves;
    struct saved *saved = saves_begin(saves, outgoing->marks, node->outputs.stats);
    saved->counters[SAVED_IN] = outgoing->seen;
    image_u64(&saved->image, saves->lane);
    image_bytes(&saved->image, outgoing->two_phase.data, outgoing->two_phase.len);
    image_end(&saved->image, 0, NULL, 0);
    saves_publish(saves, saved, outgoing->epoch);
}

static void write_off(struct sink_node *node, struct outgoing *outgoing)
{
    struct node_stats *stats = node->outputs.stats;
    stat_add(&stats->out, outgoing->batch->count - outgoing->refusal_count);
    stat_add(&stats->out_bytes, outgoing->written_bytes);
    if (outgoing->marks & BATCH_BARRIER)
        node->flushed_epoch = outgoing->epoch;
    if (node->outputs.saves && (outgoing->marks & (BATCH_BARRIER | BATCH_END)))
        save(node, outgoing);
    node->marks_left = outgoing->marks & (BATCH_BARRIER | BATCH_END);
    batch_unref(outgoing->batch);
    outgoing->batch = NULL;
    node->spare[node->spare_count++] = outgoing;
}

// Dead letters of this sink go on to another: so do barriers and the end behind them.
static bool pass_marks(struct sink_node *node)
{
    if (!node->marks_left)
        return true;
    if (!outputs_flush(&node->outputs, node->marks_left, WATERMARK_END, node->flushed_epoch))
        return false;
    node->done = node->marks_left & BATCH_END;
    node->marks_left = 0;
    return true;
}

static bool take_back(struct sink_node *node)
{
    if (!pass_marks(node))
        return false;
    if (!node->returned) {
        node->returned = ring_pop(&node->driver->written);
        node->refusals_done = 0;
        if (!node->returned)
            return false;
    }
    if (!report_refusals(node, node->returned))
        return false;
    write_off(node, node->returned);
    node->returned = NULL;
    return true;
}

static void check_driver(struct sink_node *node)
{
    if (node->outputs.failed ||
        !atomic_load_explicit(&node->driver->driver.failed, memory_order_acquire))
        return;
    node->outputs.failed = true;
    node->outputs.failure = node->driver->driver.error;
}

void sink_node_step(struct sink_node *node, struct wait *wait)
{
    if (node->done || node->outputs.failed)
        return;
    bool moved = false;
    while (node->driver && take_back(node))
        moved = true;
    while (pass_marks(node) && !node->done && hand_over(node))
        moved = true;
    if (node->driver) {
        if (!node->driver->driver.threaded && !node->done)
            driver_step(&node->driver->driver, wait);
        check_driver(node);
    }
    if (moved || node->done)
        wait->busy = true;
}
