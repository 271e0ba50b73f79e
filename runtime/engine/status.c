// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "engine/engine_parts.h"
#include <inttypes.h>
#include <string.h>

static void show_driver(struct lane_node *node, struct node_status *out)
{
    const struct driver *driver = NULL;
    if (node->kind == NODE_SOURCE && node->source.driver)
        driver = &node->source.driver->driver;
    else if (node->kind == NODE_SINK && node->sink.driver)
        driver = &node->sink.driver->driver;
    if (!driver)
        return;
    char fault[sizeof out->last_fault], missing[sizeof out->last_fault];
    bool open = atomic_load_explicit(&driver->is_open, memory_order_acquire);
    said_read(&driver->last_fault, fault);
    said_read(&driver->ctx.missing, missing);
    out->open &= open;
    out->ready &= open && !missing[0];
    if (open && missing[0])
        memcpy(out->last_fault, missing, sizeof missing);
    else if (fault[0])
        memcpy(out->last_fault, fault, sizeof fault);
}

static void show_errors(const struct node_stats *from, struct node_status *out)
{
    _Static_assert(TROUBLES <= sizeof out->errors / sizeof *out->errors, "room for all");
    for (int i = 0; i < TROUBLES; i++)
        out->errors[i] =
            (struct node_error){.kind = trouble_names[i],
                                .count = out->errors[i].count + stat_get(&from->failed_by[i])};
    out->error_kinds = TROUBLES;
}

static void show_queue(const struct lane_node *node, struct node_status *out)
{
    uint32_t inputs = node->kind == NODE_OPERATOR ? node->op.input_count
                      : node->kind == NODE_SINK   ? node->sink.input_count
                                                  : 0;
    const struct edge *edges = node->kind == NODE_SINK ? node->sink.inputs : node->op.inputs;
    for (uint32_t i = 0; i < inputs; i++)
        out->queue_capacity +=
            (edges[i].link ? edges[i].link->slots : EDGE_SLOTS) * (uint64_t)BATCH_RECORDS;
}

static int show_lags(struct source_driver *source, struct node_status *out)
{
    int rc = 0;
    pthread_mutex_lock(&source->lags.lock);
    struct node_lag *lags =
        mem_realloc(out->lags, (out->lag_count + source->lags.count + 1) * sizeof *lags);
    if (lags)
        out->lags = lags;
    else
        rc = ERR_NOMEM;
    for (uint32_t i = 0; !rc && i < source->lags.count; i++) {
        struct node_lag *lag = &out->lags[out->lag_count++];
        _Static_assert(sizeof lag->split == LAG_NAME_MAX, "one name");
        memcpy(lag->split, source->lags.of[i].name, LAG_NAME_MAX);
        lag->records = source->lags.of[i].records;
        lag->bytes = source->lags.of[i].bytes;
    }
    pthread_mutex_unlock(&source->lags.lock);
    return rc;
}

// Of several instances: counters add up, of others the last stands.
static void show_metric(const struct ctx_metric *from, struct node_status *out)
{
    double value = atomic_load_explicit(&from->value, memory_order_relaxed);
    bool is_counter = from->kind == TIDE_METRIC_COUNTER;
    for (uint32_t i = 0; i < out->metric_count; i++)
        if (!strcmp(out->metrics[i].name, from->name)) {
            out->metrics[i].value = is_counter ? out->metrics[i].value + value : value;
            return;
        }
    struct node_metric *metric = &out->metrics[out->metric_count++];
    memcpy(metric->name, from->name, sizeof metric->name);
    memcpy(metric->help, from->help, sizeof metric->help);
    metric->is_counter = is_counter;
    metric->value = value;
}

static int show_metrics(struct tide_ctx *ctx, struct node_status *out)
{
    uint32_t count = atomic_load_explicit(&ctx->metric_count, memory_order_acquire);
    struct node_metric *metrics =
        mem_realloc(out->metrics, (out->metric_count + count + 1) * sizeof *metrics);
    if (!metrics)
        return ERR_NOMEM;
    out->metrics = metrics;
    for (uint32_t i = 0; i < count; i++)
        show_metric(&ctx->metrics[i], out);
    return 0;
}

// What is as long as the plugin makes it: in memory of its own.
static int show_lists(struct lane_node *node, struct node_status *out)
{
    struct driver *driver = lane_driver(node);
    if (!driver)
        return 0;
    int rc = node->kind == NODE_SOURCE ? show_lags(node->source.driver, out) : 0;
    return rc ? rc : show_metrics(&driver->ctx, out);
}

// The least that any lane has come to; lanes that have heard of nothing do not count.
static int64_t least_watermark(int64_t all, const struct node_stats *stats)
{
    int64_t one = atomic_load_explicit(&stats->watermark, memory_order_relaxed);
    return one != WATERMARK_NONE && (all == WATERMARK_NONE || one < all) ? one : all;
}

static void add_stats(const struct node_stats *from, struct node_status *out)
{
    out->in += stat_get(&from->in);
    out->out += stat_get(&from->out);
    out->in_bytes += stat_get(&from->in_bytes);
    out->out_bytes += stat_get(&from->out_bytes);
    out->filtered += stat_get(&from->filtered);
    out->failed += stat_get(&from->failed);
    out->late += stat_get(&from->late);
    out->absorbed += stat_get(&from->absorbed);
    out->created += stat_get(&from->created);
    out->retried += stat_get(&from->retried);
    out->busy_ns += stat_get(&from->busy_ns);
    out->splits += (uint32_t)stat_get(&from->splits);
    out->in_flight += stat_get(&from->in_flight);
    out->state_bytes += stat_get(&from->state_bytes);
    out->state_keys += stat_get(&from->state_keys);
    out->state_windows += stat_get(&from->state_windows);
    out->watermark = least_watermark(out->watermark, from);
}

static void show_source(const struct lane_node *node, struct node_status *out)
{
    if (node->kind != NODE_SOURCE || !node->source.driver || node->source.borrows)
        return;
    const struct source_driver *source = node->source.driver;
    int64_t records = atomic_load_explicit(&source->lag_records, memory_order_relaxed);
    int64_t bytes = atomic_load_explicit(&source->lag_bytes, memory_order_relaxed);
    if (records >= 0)
        out->lag = records + (out->lag < 0 ? 0 : out->lag);
    if (bytes >= 0)
        out->lag_bytes = bytes + (out->lag_bytes < 0 ? 0 : out->lag_bytes);
}

// What one lane adds to the picture.
static void add_lane(struct lane_node *node, struct node_status *out)
{
    char said[sizeof out->last_error];
    add_stats(&node->stats, out);
    show_driver(node, out);
    show_errors(&node->stats, out);
    show_queue(node, out);
    show_source(node, out);
    out->has_state = node->kind == NODE_OPERATOR && node->op.op->measure;
    said_read(&node->outputs.last_error, said);
    if (said[0])
        memcpy(out->last_error, said, sizeof said);
}

static void fill(const struct engine *engine, uint32_t index, struct node_status *out)
{
    const struct plan_node *plan = &engine->plan->nodes[index];
    *out = (struct node_status){.name = plan->spec->name,
                                .type = plan->spec->type,
                                .kind = plan->spec->kind,
                                .watermark = WATERMARK_NONE,
                                .lag = -1,
                                .lag_bytes = -1,
                                .lanes = plan->lanes,
                                .open = true,
                                .ready = true};
    for (uint32_t i = 0; i < plan->lanes; i++)
        add_lane(&engine->lanes[i]->nodes[index], out);
}

// The step that has gone on for longest.
static void show_step(const struct engine *engine, struct engine_status *out)
{
    int64_t now = clock_mono_ns(engine->config.clock);
    out->stuck_node = out->node_count;
    for (uint32_t i = 0; i < engine->lane_count; i++) {
        const struct lane *lane = engine->lanes[i];
        uint32_t node = atomic_load_explicit(&lane->at_node, memory_order_acquire);
        int64_t since = atomic_load_explicit(&lane->at_since_ns, memory_order_relaxed);
        if (node >= out->node_count ||
            (out->stuck_node != out->node_count && now - since <= out->stuck_ns))
            continue;
        out->stuck_node = node;
        out->stuck_ns = now - since;
    }
}

static void show_first(const struct lane_node *node, struct engine_status *out)
{
    if (node->kind != NODE_SINK || !node->sink.driver)
        return;
    int64_t first = atomic_load_explicit(&node->sink.driver->first_ns, memory_order_relaxed);
    if (first && (!out->first_record_mono_ns || first < out->first_record_mono_ns))
        out->first_record_mono_ns = first;
}

static int show_node(const struct engine *engine, uint32_t index, struct engine_status *out)
{
    fill(engine, index, &out->nodes[index]);
    for (uint32_t i = 0; i < engine->plan->nodes[index].lanes; i++) {
        struct lane_node *node = &engine->lanes[i]->nodes[index];
        int rc = show_lists(node, &out->nodes[index]);
        if (rc)
            return rc;
        show_first(node, out);
    }
    return 0;
}

static void show_checkpoints(struct engine *engine, struct engine_checkpoints *out)
{
    struct coordinator *coordinator = engine->coordinator;
    if (!coordinator)
        return;
    // `made` is the last to be told: what is read after it belongs to that one or a newer.
    *out = (struct engine_checkpoints){.kept = true, .made = atomic_load(&coordinator->done)};
    out->failed = atomic_load(&coordinator->failed);
    out->wall_ms = atomic_load(&coordinator->last_wall_ms);
    out->took_us = atomic_load(&coordinator->last_took_us);
    out->bytes = atomic_load(&coordinator->last_bytes);
    out->number = atomic_load(&coordinator->last_number);
}

int engine_status(struct engine *engine, struct engine_status *out)
{
    uint32_t count = engine->plan->node_count;
    *out = (struct engine_status){.node_count = count, .started_mono_ns = engine->started_ns};
    out->nodes = mem_zalloc(sizeof *out->nodes * (count + 1));
    if (!out->nodes)
        return ERR_NOMEM;
    show_step(engine, out);
    show_checkpoints(engine, &out->checkpoints);
    for (uint32_t i = 0; i < count; i++)
        if (show_node(engine, i, out)) {
            engine_status_free(out);
            return ERR_NOMEM;
        }
    return 0;
}

void engine_status_free(struct engine_status *status)
{
    for (uint32_t i = 0; status->nodes && i < status->node_count; i++) {
        mem_free(status->nodes[i].lags);
        mem_free(status->nodes[i].metrics);
    }
    mem_free(status->nodes);
    status->nodes = NULL;
}
