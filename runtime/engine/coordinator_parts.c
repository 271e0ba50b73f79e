// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "engine/coordinator.h"
#include "engine/lane.h"

// What nodes saved becomes parts of a checkpoint. They stay as they are until the next epoch
// begins, so that a checkpoint that could not be written is written again from them.

static const size_t PART_MAX = (size_t)1 << 36;

static const struct saved *saved_of(const struct coordinator *coordinator, uint32_t lane,
                                    uint32_t i)
{
    struct lane_node *node = coordinator_node(coordinator, lane, i);
    return node ? saves_of(&node->saves, coordinator->number) : NULL;
}

bool parts_complete(const struct coordinator *coordinator, uint32_t *missing)
{
    const struct plan *plan = coordinator->config.plan;
    for (uint32_t i = 0; i < plan->node_count; i++)
        for (uint32_t k = 0; k < plan->nodes[i].lanes; k++)
            if (coordinator_node(coordinator, k, i) && !saved_of(coordinator, k, i)) {
                *missing = i;
                return false;
            }
    return true;
}

bool parts_are_final(const struct coordinator *coordinator)
{
    const struct flow *flow = coordinator->config.flow;
    for (uint32_t k = 0; k < flow->lane_count; k++)
        for (uint32_t i = 0; i < flow->lanes[k]->plan->node_count; i++) {
            const struct lane_node *node = &flow->lanes[k]->nodes[i];
            if (!node->absent && node->kind == NODE_SOURCE && !node->source.end_is_final)
                return false;
        }
    return true;
}

int parts_put_plan(struct coordinator *coordinator, struct error *err)
{
    const struct plan *plan = coordinator->config.plan;
    struct image image;
    image_init(&image, PART_MAX);
    for (uint32_t i = 0; i < plan->node_count; i++) {
        const struct plan_node *node = &plan->nodes[i];
        const struct lane_node *first = coordinator_node(coordinator, 0, i);
        image_bytes(&image, node->spec->name, strlen(node->spec->name));
        image_bytes(&image, node->spec->type, strlen(node->spec->type));
        image_u64(&image, node->spec->kind);
        image_u64(&image, node->lanes);
        image_i64(&image, node->spec->kind == NODE_OPERATOR && first ? first->op.op->version : 0);
        image_end(&image, 1, NULL, 0);
    }
    const struct store_part part = {STORE_PLAN, "", false, image.bytes.data, image.bytes.len};
    int rc = image.rc ? error_nomem(err) : store_put(coordinator->store, &part, err);
    image_deinit(&image);
    return rc;
}

// The images of all lanes, one behind the other.
static int put_joined(struct coordinator *coordinator, enum store_kind kind, uint32_t i,
                      struct error *err)
{
    const struct plan_node *plan = &coordinator->config.plan->nodes[i];
    struct buf all;
    buf_init(&all, PART_MAX);
    int rc = 0;
    for (uint32_t k = 0; !rc && k < plan->lanes; k++) {
        const struct saved *saved = saved_of(coordinator, k, i);
        if (saved && saved->image.bytes.len)
            rc = buf_append(&all, saved->image.bytes.data, saved->image.bytes.len);
    }
    const struct store_part part = {kind, plan->spec->name, false, all.data, all.len};
    rc = rc ? error_nomem(err) : store_put(coordinator->store, &part, err);
    buf_deinit(&all);
    return rc;
}

// A lane that ended before the first barrier has left all of its state, once for all checkpoints:
// it is as good as changes for those that follow the first, which has the same.
static bool is_changes(const struct coordinator *coordinator, uint32_t i)
{
    for (uint32_t k = 0; k < coordinator->config.plan->nodes[i].lanes; k++) {
        const struct saved *saved = saved_of(coordinator, k, i);
        if (saved && saved->changes)
            return true;
    }
    return false;
}

static int put_states(struct coordinator *coordinator, uint32_t i, struct error *err)
{
    const struct plan_node *plan = &coordinator->config.plan->nodes[i];
    bool changes = is_changes(coordinator, i);
    int rc = 0;
    for (uint32_t k = 0; !rc && k < plan->lanes; k++) {
        const struct saved *saved = saved_of(coordinator, k, i);
        if (!saved)
            continue;
        const struct store_part part = {STORE_STATE, plan->spec->name, changes,
                                        saved->image.bytes.data, saved->image.bytes.len};
        rc = store_put(coordinator->store, &part, err);
    }
    return rc;
}

static int put_counters(struct coordinator *coordinator, uint32_t i, struct error *err)
{
    const struct plan_node *plan = &coordinator->config.plan->nodes[i];
    struct image image;
    image_init(&image, PART_MAX);
    for (uint32_t k = 0; k < plan->lanes; k++) {
        const struct saved *saved = saved_of(coordinator, k, i);
        if (!saved)
            continue;
        image_u64(&image, k);
        image_i64(&image, saved->watermark);
        image_u64(&image, SAVED_COUNTERS);
        for (uint32_t c = 0; c < SAVED_COUNTERS; c++)
            image_u64(&image, saved->counters[c]);
        image_end(&image, 1, NULL, 0);
    }
    const struct store_part part = {STORE_COUNTERS, plan->spec->name, false, image.bytes.data,
                                    image.bytes.len};
    int rc = image.rc ? error_nomem(err) : store_put(coordinator->store, &part, err);
    image_deinit(&image);
    return rc;
}

static int check_saved(const struct coordinator *coordinator, uint32_t i, struct error *err)
{
    const struct plan_node *plan = &coordinator->config.plan->nodes[i];
    for (uint32_t k = 0; k < plan->lanes; k++) {
        const struct saved *saved = saved_of(coordinator, k, i);
        if (saved && saved->image.rc)
            return error_set(err, saved->image.rc == ERR_NOMEM ? ERR_NOMEM : ERR_LIMIT,
                             "%s: what it keeps could not be saved%s", plan->spec->name,
                             saved->image.rc == ERR_NOMEM ? ": out of memory" : "");
    }
    return 0;
}

// A sink that has ended is in this checkpoint with its end: it may commit when this is decided.
static void note_end(const struct coordinator *coordinator, uint32_t i)
{
    for (uint32_t k = 0; k < coordinator->config.plan->nodes[i].lanes; k++) {
        struct lane_node *node = coordinator_node(coordinator, k, i);
        uint64_t none = 0;
        if (node && node->sink.driver &&
            saves_of(&node->saves, coordinator->number) == &node->saves.end)
            atomic_compare_exchange_strong(&node->sink.driver->phases.ended_in, &none,
                                           coordinator->number);
    }
}

static int put_node(struct coordinator *coordinator, uint32_t i, struct error *err)
{
    int rc = check_saved(coordinator, i, err);
    switch (coordinator->config.plan->nodes[i].spec->kind) {
    case NODE_SOURCE:
        rc = rc ? rc : put_joined(coordinator, STORE_SOURCE, i, err);
        break;
    case NODE_SINK:
        rc = rc ? rc : put_joined(coordinator, STORE_SINK, i, err);
        note_end(coordinator, i);
        break;
    default:
        rc = rc ? rc : put_states(coordinator, i, err);
    }
    return rc ? rc : put_counters(coordinator, i, err);
}

int parts_write(struct coordinator *coordinator, struct error *err)
{
    int rc = 0;
    for (uint32_t i = 0; !rc && i < coordinator->config.plan->node_count; i++)
        rc = put_node(coordinator, i, err);
    return rc;
}
