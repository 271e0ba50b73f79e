// SPDX-License-Identifier: MIT
#include "engine/lane.h"
#include "base/alloc.h"
#include "engine/connection.h"
#include <inttypes.h>

enum { STEP_NS = 10000000, ACK_DEFAULT_MS = 1000, DRAIN_DEFAULT_MS = 10000, NO_FD_NS = 10000000 };

// -- making --

static int init_operator(struct lane *lane, const struct lane_config *config, uint16_t index,
                         struct problems *problems, struct error *err)
{
    const struct plan_node *plan = &config->plan->nodes[index];
    struct lane_node *node = &lane->nodes[index];
    struct operator_spec spec = {.topology = config->plan->topology,
                                 .node = plan->spec,
                                 .clock = config->clock,
                                 .shapes = lane->shapes,
                                 .has_event_time = plan->has_event_time,
                                 .lane = config->index,
                                 .lanes = config->count,
                                 .problems = problems};
    return operator_node_init(&node->op, &spec, plan, index, lane->pool, &node->stats, err);
}

static int init_node(struct lane *lane, const struct lane_config *config, uint16_t index,
                     struct problems *problems, struct error *err)
{
    const struct plan_node *plan = &config->plan->nodes[index];
    struct lane_node *node = &lane->nodes[index];
    const char *pipeline = config->plan->topology->pipeline;
    node->kind = plan->spec->kind;
    atomic_init(&node->stats.watermark, WATERMARK_NONE);
    if (node->kind == NODE_SOURCE)
        return source_node_init(&node->source, plan, index, pipeline, lane->pool, lane->shapes,
                                config->clock, &node->stats, config->waker, config->has_plugins,
                                err);
    if (node->kind == NODE_SINK)
        return sink_node_init(&node->sink, plan, index, pipeline, lane->pool, config->clock,
                              &node->stats, config->waker, config->has_plugins, err);
    return init_operator(lane, config, index, problems, err);
}

static struct edge *input_edge(struct lane_node *node, uint32_t input)
{
    return node->kind == NODE_SINK ? &node->sink.inputs[input] : &node->op.inputs[input];
}

static int connect(struct lane *lane)
{
    for (size_t i = 0; i < lane->plan->edge_count; i++) {
        const struct plan_edge *plan = &lane->plan->edges[i];
        struct edge *edge = input_edge(&lane->nodes[plan->to], plan->input);
        if (outputs_connect(&lane->nodes[plan->from].outputs, plan->port, edge))
            return ERR_NOMEM;
    }
    return 0;
}

// What a node says no to without saying more closely why is the node's affair.
static enum reason reason_of(const struct error *err)
{
    return err->code == ERR_INPUT && !err->reason ? REASON_NODE_REFUSED : error_reason(err);
}

static int build(struct lane *lane, const struct lane_config *config, struct problems *problems)
{
    lane->shapes = shape_table_new();
    lane->pool = lane->shapes ? batch_pool_new(lane->shapes) : NULL;
    lane->nodes = mem_zalloc(sizeof *lane->nodes * (config->plan->node_count + 1));
    if (!lane->pool || !lane->nodes)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < config->plan->node_count; i++) {
        struct error err = ERROR_INIT;
        int rc = init_node(lane, config, (uint16_t)i, problems, &err);
        if (rc == ERR_NOMEM)
            return rc;
        if (rc)
            problem_add(problems, config->plan->nodes[i].spec->place, reason_of(&err), "%s: %s",
                        config->plan->nodes[i].spec->name, err.text);
    }
    return problems->errors ? ERR_INPUT : connect(lane);
}

int lane_new(struct lane **out, const struct lane_config *config, struct problems *problems)
{
    struct lane *lane = mem_zalloc(sizeof *lane);
    if (!lane)
        return ERR_NOMEM;
    lane->plan = config->plan;
    atomic_init(&lane->at_node, UINT32_MAX);
    lane->clock = config->clock;
    lane->connections = config->connections;
    const struct tide_config *top = config->plan->topology->top;
    lane->drain_ms = setting_int(top, "drain", DRAIN_DEFAULT_MS);
    lane->ack_every_ms = setting_int(top, "checkpoint.every", ACK_DEFAULT_MS);
    int rc = build(lane, config, problems);
    if (rc)
        lane_free(lane);
    else
        *out = lane;
    return rc;
}

void lane_free(struct lane *lane)
{
    if (!lane)
        return;
    for (uint32_t i = 0; lane->nodes && i < lane->plan->node_count; i++) {
        struct lane_node *node = &lane->nodes[i];
        if (!node->outputs.plan && node->kind == NODE_SOURCE)
            continue; // never initialised
        if (node->kind == NODE_SOURCE)
            source_node_deinit(&node->source);
        else if (node->kind == NODE_SINK)
            sink_node_deinit(&node->sink);
        else if (node->op.inputs)
            operator_node_deinit(&node->op);
    }
    mem_free(lane->nodes);
    if (lane->pool)
        batch_pool_free(lane->pool);
    shape_table_free(lane->shapes);
    mem_free(lane);
}

// -- acknowledging --

static struct source_driver *reading(const struct lane_node *node)
{
    bool reads = node->kind == NODE_SOURCE && node->source.phase == SOURCE_READING;
    return reads ? node->source.driver : NULL;
}

static bool any_acks(const struct lane *lane)
{
    for (uint32_t i = 0; i < lane->plan->node_count; i++) {
        const struct source_driver *source = reading(&lane->nodes[i]);
        if (source && source->ack)
            return true;
    }
    return false;
}

// Every source sends its barrier, also one that wants no acknowledgement: nodes with several inputs
// wait for all of them.
static void begin_epoch(struct lane *lane)
{
    lane->epoch++;
    for (uint32_t i = 0; i < lane->plan->node_count; i++) {
        struct source_driver *source = reading(&lane->nodes[i]);
        if (!source)
            continue;
        atomic_store_explicit(&source->barrier_wanted, lane->epoch, memory_order_release);
        driver_wake(&source->driver);
    }
}

// Whether a source wants its barrier now: splits are taken from it.
static bool asked(struct lane *lane)
{
    bool any = false;
    for (uint32_t i = 0; i < lane->plan->node_count; i++) {
        struct source_driver *source = reading(&lane->nodes[i]);
        if (source && atomic_load_explicit(&source->barrier_asked, memory_order_acquire))
            any |= atomic_exchange_explicit(&source->barrier_asked, false, memory_order_acquire);
    }
    return any;
}

// UINT64_MAX: all sinks are done.
static uint64_t flushed_epoch(const struct lane *lane)
{
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; i < lane->plan->node_count; i++)
        if (lane->nodes[i].kind == NODE_SINK && !lane->nodes[i].sink.done &&
            lane->nodes[i].sink.flushed_epoch < least)
            least = lane->nodes[i].sink.flushed_epoch;
    return least;
}

// Tells the sources what every sink has made durable.
static void acknowledge(struct lane *lane)
{
    if (lane->failure.code)
        return; // what failed and what came behind it is to be read again
    uint64_t flushed = flushed_epoch(lane);
    for (uint32_t i = 0; i < lane->plan->node_count; i++) {
        struct lane_node *node = &lane->nodes[i];
        struct parcel *barrier = node->kind == NODE_SOURCE ? node->source.last_barrier : NULL;
        if (!barrier || (barrier->final ? flushed != UINT64_MAX : barrier->epoch > flushed))
            continue;
        if (ring_push(&node->source.driver->acks, barrier)) {
            node->source.last_barrier = NULL;
            driver_wake(&node->source.driver->driver);
        }
    }
}

// One epoch at a time: barriers of two would be taken for each other where inputs are aligned.
static void keep_epochs(struct lane *lane, struct wait *wait)
{
    acknowledge(lane);
    int64_t now = clock_mono_ns(lane->clock);
    if (flushed_epoch(lane) >= lane->epoch && asked(lane)) {
        begin_epoch(lane);
        wait->busy = true;
    }
    if (now >= lane->next_ack_ns) {
        if (lane->next_ack_ns && flushed_epoch(lane) >= lane->epoch && any_acks(lane))
            begin_epoch(lane);
        lane->next_ack_ns = now + lane->ack_every_ms * 1000000;
    }
    if (lane->next_ack_ns < wait->until_ns)
        wait->until_ns = lane->next_ack_ns;
}

// -- starting --

static struct driver *driver_of(struct lane_node *node)
{
    if (node->kind == NODE_SOURCE)
        return node->source.driver ? &node->source.driver->driver : NULL;
    if (node->kind == NODE_SINK)
        return node->sink.driver ? &node->sink.driver->driver : NULL;
    return NULL;
}

int lane_start(struct lane *lane)
{
    for (uint32_t i = 0; i < lane->plan->node_count; i++) {
        struct driver *driver = driver_of(&lane->nodes[i]);
        if (!driver)
            continue;
        int32_t connection = lane->plan->nodes[i].spec->connection;
        if (connection >= 0)
            driver->ctx.connection = lane->connections->items[connection].self;
        if (driver->threaded && driver_start_thread(driver, &lane->failure))
            return lane->failure.code;
    }
    return 0;
}

// -- stepping --

static uint64_t waiting_in(const struct edge *edges, uint32_t count)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < edges[i].count; k++)
            n += edges[i].slots[(edges[i].head + k) % EDGE_SLOTS]->count;
    return n;
}

// Records that are still in the node: in its edges or half done.
static uint64_t in_flight(const struct lane_node *node)
{
    switch (node->kind) {
    case NODE_OPERATOR: {
        uint64_t n = waiting_in(node->op.inputs, node->op.input_count);
        return n + (node->op.batch ? node->op.batch->count - node->op.batch->cursor : 0);
    }
    case NODE_SINK:
        return waiting_in(node->sink.inputs, node->sink.input_count);
    default:
        return 0;
    }
}

static void step_node(struct lane *lane, struct lane_node *node, struct wait *wait)
{
    int64_t start = clock_mono_ns(lane->clock);
    outputs_begin_step(&node->outputs, start, start + STEP_NS);
    atomic_store_explicit(&lane->at_since_ns, start, memory_order_relaxed);
    atomic_store_explicit(&lane->at_node, (uint32_t)(node - lane->nodes), memory_order_release);
    if (node->kind == NODE_SOURCE)
        source_node_step(&node->source, wait);
    else if (node->kind == NODE_SINK)
        sink_node_step(&node->sink, wait);
    else
        operator_node_step(&node->op, wait);
    stat_set(&node->stats.in_flight, in_flight(node));
    if (lane->profile)
        stat_add(&node->stats.busy_ns, (uint64_t)(clock_mono_ns(lane->clock) - start));
}

static bool all_done(const struct lane *lane)
{
    for (uint32_t i = 0; i < lane->plan->node_count; i++) {
        const struct lane_node *node = &lane->nodes[i];
        if (node->kind == NODE_SOURCE && !source_node_ended(&node->source))
            return false;
        if (node->kind == NODE_SINK && !node->sink.done)
            return false;
        if (node->kind == NODE_OPERATOR && !node->op.done)
            return false;
    }
    return true;
}

static void merge_wait(struct wait *all, const struct wait *one, int *fds, uint32_t max,
                       uint32_t *count, int64_t soon_ns)
{
    all->busy = all->busy || one->busy;
    if (one->until_ns < all->until_ns)
        all->until_ns = one->until_ns;
    if (one->fd < 0)
        return;
    if (*count < max)
        fds[(*count)++] = one->fd;
    else if (soon_ns < all->until_ns)
        all->until_ns = soon_ns; // it cannot be waited for: look again
}

// A node has failed: true when what came before may still go through.
static bool goes_on(struct lane *lane, const struct outputs *outputs)
{
    if (!lane->failure.code) {
        lane->failure = outputs->failure;
        lane_stop(lane);
    }
    return outputs->stopped;
}

// What is in flight has had its time. The reason names where most of it is.
static bool drain_is_over(struct lane *lane, struct wait *wait)
{
    if (!lane->drained_by_ns)
        return false;
    if (lane->drained_by_ns < wait->until_ns)
        wait->until_ns = lane->drained_by_ns;
    if (clock_mono_ns(lane->clock) < lane->drained_by_ns)
        return false;
    uint32_t fullest = 0;
    for (uint32_t i = 1; i < lane->plan->node_count; i++)
        if (stat_get(&lane->nodes[i].stats.in_flight) >=
            stat_get(&lane->nodes[fullest].stats.in_flight))
            fullest = i;
    if (!lane->failure.code)
        error_set(&lane->failure, ERR_RETRY,
                  "%s: not all that was in flight could be written within `drain: %" PRId64 "ms`",
                  lane->plan->nodes[fullest].spec->name, lane->drain_ms);
    return true;
}

bool lane_step(struct lane *lane, struct wait *wait, int *fds, uint32_t max, uint32_t *count)
{
    int64_t soon_ns = clock_mono_ns(lane->clock) + NO_FD_NS;
    *count = 0;
    for (uint32_t i = 0; i < lane->plan->node_count; i++) {
        struct wait one = {.until_ns = INT64_MAX, .fd = -1};
        struct lane_node *node = &lane->nodes[i];
        step_node(lane, node, &one);
        merge_wait(wait, &one, fds, max, count, soon_ns);
        if (node->outputs.failed && !goes_on(lane, &node->outputs)) {
            atomic_store_explicit(&lane->at_node, UINT32_MAX, memory_order_release);
            return false;
        }
    }
    atomic_store_explicit(&lane->at_node, UINT32_MAX, memory_order_release);
    keep_epochs(lane, wait);
    return !all_done(lane) && !drain_is_over(lane, wait);
}

void lane_stop(struct lane *lane)
{
    if (!lane->drained_by_ns)
        lane->drained_by_ns = clock_mono_ns(lane->clock) + lane->drain_ms * 1000000;
    for (uint32_t i = 0; i < lane->plan->node_count; i++) {
        struct driver *driver = driver_of(&lane->nodes[i]);
        if (driver)
            driver_stop(driver);
    }
}

bool lane_close(struct lane *lane, struct wait *wait)
{
    bool all = true;
    acknowledge(lane);
    for (uint32_t i = 0; i < lane->plan->node_count; i++) {
        struct driver *driver = driver_of(&lane->nodes[i]);
        if (driver && !driver_close(driver, wait))
            all = false;
    }
    return all;
}
