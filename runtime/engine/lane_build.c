// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "engine/connection.h"
#include "engine/lane.h"
#include "engine/wiring.h"

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
                                 .lanes = plan->lanes,
                                 .problems = config->index ? NULL : problems}; // once is enough
    uint32_t inputs = wiring_inputs(config->plan, index, config->index);
    return operator_node_init(&node->op, &spec, plan, inputs, index, lane->pool, &node->stats, err);
}

static int init_node(struct lane *lane, const struct lane_config *config, uint16_t index,
                     struct problems *problems, struct error *err)
{
    const struct plan_node *plan = &config->plan->nodes[index];
    struct lane_node *node = &lane->nodes[index];
    const struct node_place place = {.plan = plan,
                                     .index = index,
                                     .pipeline = config->plan->topology->pipeline,
                                     .pool = lane->pool,
                                     .shapes = lane->shapes,
                                     .clock = config->clock,
                                     .stats = &node->stats,
                                     .wakers = config->wakers,
                                     .lane = config->index,
                                     .has_plugins = config->has_plugins};
    node->kind = plan->spec->kind;
    saves_init(&node->saves, config->index, config->saver);
    node->absent = config->index >= plan->lanes;
    atomic_init(&node->stats.watermark, WATERMARK_NONE);
    if (node->absent)
        return 0;
    if (node->kind == NODE_SOURCE)
        return source_node_init(&node->source, &place,
                                config->first ? &config->first->nodes[index].source : NULL, err);
    if (node->kind == NODE_SINK)
        return sink_node_init(&node->sink, &place,
                              wiring_inputs(config->plan, index, config->index), err);
    return init_operator(lane, config, index, problems, err);
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
        if (config->saver && !lane->nodes[i].absent)
            lane->nodes[i].outputs.saves = &lane->nodes[i].saves;
        if (rc == ERR_NOMEM)
            return rc;
        if (rc)
            problem_add(problems, config->plan->nodes[i].spec->place, reason_of(&err), "%s: %s",
                        config->plan->nodes[i].spec->name, err.text);
    }
    return problems->errors ? ERR_INPUT : 0;
}

int lane_new(struct lane **out, const struct lane_config *config, struct problems *problems)
{
    struct lane *lane = mem_zalloc(sizeof *lane);
    if (!lane)
        return ERR_NOMEM;
    lane->plan = config->plan;
    lane->flow = config->flow;
    lane->index = config->index;
    lane->waker = &config->wakers[config->index];
    atomic_init(&lane->at_node, UINT32_MAX);
    lane->clock = config->clock;
    lane->connections = config->connections;
    *out = lane;
    return build(lane, config, problems);
}

void lane_empty(struct lane *lane)
{
    for (uint32_t i = 0; lane->nodes && i < lane->plan->node_count; i++) {
        struct lane_node *node = &lane->nodes[i];
        saves_deinit(&node->saves);
        if (node->absent || (node->kind == NODE_SOURCE && !node->outputs.plan))
            continue; // not there, or never initialised
        if (node->kind == NODE_SOURCE)
            source_node_deinit(&node->source);
        else if (node->kind == NODE_SINK)
            sink_node_deinit(&node->sink);
        else if (node->op.inputs)
            operator_node_deinit(&node->op);
    }
    mem_free(lane->nodes);
    lane->nodes = NULL;
}

void lane_free(struct lane *lane)
{
    if (lane->pool)
        batch_pool_free(lane->pool);
    shape_table_free(lane->shapes);
    mem_free(lane);
}

// -- starting --

struct driver *lane_driver(struct lane_node *node)
{
    if (node->kind == NODE_SOURCE)
        return node->source.driver && !node->source.borrows ? &node->source.driver->driver : NULL;
    if (node->kind == NODE_SINK)
        return node->sink.driver ? &node->sink.driver->driver : NULL;
    return NULL;
}

int lane_start(struct lane *lane, bool stepped)
{
    for (uint32_t i = 0; i < lane->plan->node_count; i++) {
        struct driver *driver = lane_driver(&lane->nodes[i]);
        if (!driver)
            continue;
        int32_t connection = lane->plan->nodes[i].spec->connection;
        if (connection >= 0)
            driver->ctx.connection = lane->connections->items[connection].self;
        struct error err = ERROR_INIT;
        if (driver->threaded && !stepped && driver_start_thread(driver, &err)) {
            flow_fail(lane->flow, &err);
            return err.code;
        }
    }
    return 0;
}
