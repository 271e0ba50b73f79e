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
    out->open = !driver || atomic_load_explicit(&driver->is_open, memory_order_relaxed);
    if (driver)
        said_read(&driver->last_fault, out->last_fault);
}

static void show_errors(const struct node_stats *from, struct node_status *out)
{
    _Static_assert(TROUBLES <= sizeof out->errors / sizeof *out->errors, "room for all");
    for (int i = 0; i < TROUBLES; i++)
        out->errors[i] =
            (struct node_error){.kind = trouble_names[i], .count = stat_get(&from->failed_by[i])};
    out->error_kinds = TROUBLES;
}

static void show_queue(const struct lane_node *node, struct node_status *out)
{
    uint32_t inputs = node->kind == NODE_OPERATOR ? node->op.input_count
                      : node->kind == NODE_SINK   ? node->sink.input_count
                                                  : 0;
    out->queue_capacity = (uint64_t)inputs * EDGE_SLOTS * BATCH_RECORDS;
    out->has_state = node->kind == NODE_OPERATOR && node->op.op->measure;
    out->state_bytes = stat_get(&node->stats.state_bytes);
    out->state_keys = stat_get(&node->stats.state_keys);
    out->state_windows = stat_get(&node->stats.state_windows);
}

static int show_lags(struct source_driver *source, struct node_status *out)
{
    int rc = 0;
    pthread_mutex_lock(&source->lags.lock);
    out->lags = mem_array(source->lags.count + 1, sizeof *out->lags);
    if (!out->lags)
        rc = ERR_NOMEM;
    for (uint32_t i = 0; !rc && i < source->lags.count; i++) {
        struct node_lag *lag = &out->lags[out->lag_count++];
        _Static_assert(sizeof lag->split == LAG_NAME_MAX, "one name");
        memcpy(lag->split, source->lags.of[i].name, LAG_NAME_MAX);
        lag->records = source->lags.of[i].records;
    }
    pthread_mutex_unlock(&source->lags.lock);
    return rc;
}

static int show_metrics(struct tide_ctx *ctx, struct node_status *out)
{
    uint32_t count = atomic_load_explicit(&ctx->metric_count, memory_order_acquire);
    out->metrics = mem_array(count + 1, sizeof *out->metrics);
    for (uint32_t i = 0; out->metrics && i < count; i++) {
        struct node_metric *metric = &out->metrics[out->metric_count++];
        const struct ctx_metric *from = &ctx->metrics[i];
        memcpy(metric->name, from->name, sizeof metric->name);
        memcpy(metric->help, from->help, sizeof metric->help);
        metric->is_counter = from->kind == TIDE_METRIC_COUNTER;
        metric->value = atomic_load_explicit(&from->value, memory_order_relaxed);
    }
    return out->metrics ? 0 : ERR_NOMEM;
}

// What is as long as the plugin makes it: in memory of its own.
static int show_lists(struct lane_node *node, struct node_status *out)
{
    int rc = 0;
    if (node->kind == NODE_SOURCE && node->source.driver) {
        rc = show_lags(node->source.driver, out);
        return rc ? rc : show_metrics(&node->source.driver->driver.ctx, out);
    }
    if (node->kind == NODE_SINK && node->sink.driver)
        rc = show_metrics(&node->sink.driver->driver.ctx, out);
    return rc;
}

static void fill(const struct engine *engine, uint32_t index, struct node_status *out)
{
    const struct plan_node *plan = &engine->plan->nodes[index];
    struct lane_node *node = &engine->lane->nodes[index];
    const struct node_stats *from = &node->stats;
    *out = (struct node_status){
        .name = plan->spec->name,
        .type = plan->spec->type,
        .kind = plan->spec->kind,
        .in = stat_get(&from->in),
        .out = stat_get(&from->out),
        .in_bytes = stat_get(&from->in_bytes),
        .out_bytes = stat_get(&from->out_bytes),
        .filtered = stat_get(&from->filtered),
        .failed = stat_get(&from->failed),
        .late = stat_get(&from->late),
        .absorbed = stat_get(&from->absorbed),
        .created = stat_get(&from->created),
        .retried = stat_get(&from->retried),
        .busy_ns = stat_get(&from->busy_ns),
        .splits = (uint32_t)stat_get(&from->splits),
        .in_flight = stat_get(&from->in_flight),
        .watermark = atomic_load_explicit(&from->watermark, memory_order_relaxed),
        .lag = -1,
    };
    show_driver(node, out);
    show_errors(from, out);
    show_queue(node, out);
    if (node->kind == NODE_SOURCE && node->source.driver)
        out->lag = atomic_load_explicit(&node->source.driver->lag, memory_order_relaxed);
    said_read(&node->outputs.last_error, out->last_error);
}

static void show_step(const struct engine *engine, struct engine_status *out)
{
    const struct lane *lane = engine->lane;
    uint32_t node = atomic_load_explicit(&lane->at_node, memory_order_acquire);
    int64_t since = atomic_load_explicit(&lane->at_since_ns, memory_order_relaxed);
    bool works = node < out->node_count;
    out->stuck_node = works ? node : out->node_count;
    out->stuck_ns = works ? clock_mono_ns(engine->config.clock) - since : 0;
}

int engine_status(struct engine *engine, struct engine_status *out)
{
    uint32_t count = engine->plan->node_count;
    *out = (struct engine_status){.node_count = count, .started_mono_ns = engine->started_ns};
    out->nodes = mem_zalloc(sizeof *out->nodes * (count + 1));
    if (!out->nodes)
        return ERR_NOMEM;
    show_step(engine, out);
    for (uint32_t i = 0; i < count; i++) {
        fill(engine, i, &out->nodes[i]);
        if (show_lists(&engine->lane->nodes[i], &out->nodes[i])) {
            engine_status_free(out);
            return ERR_NOMEM;
        }
        const struct lane_node *node = &engine->lane->nodes[i];
        if (node->kind != NODE_SINK || !node->sink.driver)
            continue;
        int64_t first = atomic_load_explicit(&node->sink.driver->first_ns, memory_order_relaxed);
        if (first && (!out->first_record_mono_ns || first < out->first_record_mono_ns))
            out->first_record_mono_ns = first;
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

// in + created = out + filtered + failed + late + absorbed. Edges count what was sent into them as
// `out` of the node before and as `in` of the node behind only when it is taken.
static int account(const struct engine *engine, uint32_t index, struct error *err)
{
    struct node_status s;
    fill(engine, index, &s);
    uint64_t came = s.in + s.created;
    uint64_t went = s.out + s.filtered + s.failed + s.absorbed + s.late;
    if (came == went)
        return 0;
    return error_set(err, ERR_BUG,
                     "%s cannot account for its records: in %" PRIu64 " + created %" PRIu64
                     " is not out %" PRIu64 " + filtered %" PRIu64 " + failed %" PRIu64
                     " + absorbed %" PRIu64 " + late %" PRIu64 " (in flight %" PRIu64 ")",
                     s.name, s.in, s.created, s.out, s.filtered, s.failed, s.absorbed, s.late,
                     s.in_flight);
}

int engine_account(struct engine *engine, struct error *err)
{
    for (uint32_t i = 0; i < engine->plan->node_count; i++) {
        int rc = account(engine, i, err);
        if (rc)
            return rc;
    }
    return 0;
}
