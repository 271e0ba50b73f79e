// SPDX-License-Identifier: MIT
#include "engine/lane_state.h"
#include "state/image.h"

static const size_t IMAGE_MAX = (size_t)1 << 32;

// -- one operator --

static int load(struct op *op, const struct image *image, struct error *err)
{
    struct image_reader reader = {image->bytes.data, image->bytes.data + image->bytes.len};
    struct image_entry entry;
    int rc;
    while (image_next(&reader, &entry, &rc)) {
        rc = op->load(op, &entry, err);
        if (rc)
            return rc;
    }
    return rc ? error_set(err, rc, "its state is damaged") : 0;
}

static int build(struct lane *lane, uint16_t index, struct op **out, struct error *err)
{
    const struct plan_node *plan = &lane->plan->nodes[index];
    struct operator_spec spec = {.topology = lane->plan->topology,
                                 .node = plan->spec,
                                 .clock = lane->clock,
                                 .shapes = lane->shapes,
                                 .has_event_time = plan->has_event_time,
                                 .lane = lane->index,
                                 .lanes = plan->lanes};
    return plan->class->build(out, &spec, err);
}

// The counters go on.
static int renew(struct lane *lane, uint16_t index, const struct image *image, struct error *err)
{
    struct operator_node *node = &lane->nodes[index].op;
    struct op *op;
    int rc = build(lane, index, &op, err);
    if (rc)
        return rc;
    rc = load(op, image, err);
    if (rc) {
        op->free(op);
        return rc;
    }
    op->stats = node->op->stats;
    node->op->free(node->op);
    node->op = op;
    return 0;
}

static int restart(struct lane *lane, uint16_t index, struct error *err)
{
    struct op *op = lane->nodes[index].op.op;
    struct image image;
    if (!op->save)
        return 0;
    image_init(&image, IMAGE_MAX);
    int rc = op->save(op, &image);
    if (rc)
        error_set(err, rc, "its state could not be saved");
    else
        rc = renew(lane, index, &image, err);
    image_deinit(&image);
    return rc ? error_prefix(err, "%s", lane->plan->nodes[index].spec->name) : 0;
}

int lane_restart(struct lane *lane, struct error *err)
{
    for (uint32_t i = 0; i < lane->plan->node_count; i++) {
        struct lane_node *node = &lane->nodes[i];
        int rc = 0;
        if (!node->absent && node->kind == NODE_OPERATOR)
            rc = restart(lane, (uint16_t)i, err);
        else if (!node->absent && node->kind == NODE_SOURCE)
            source_splits_renew(&node->source);
        if (rc)
            return rc;
    }
    return 0;
}
