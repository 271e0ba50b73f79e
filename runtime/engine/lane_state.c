// SPDX-License-Identifier: MIT
#include "engine/lane_state.h"
#include "state/image.h"
#include "state/image_merge.h"

static const size_t IMAGE_MAX = (size_t)1 << 32;

// -- one operator --

static int load_entries(struct op *op, const struct buf *state, bool keyed, struct error *err)
{
    struct image_reader reader = {state->data, state->data + state->len};
    struct image_entry entry;
    int rc;
    while (image_next(&reader, &entry, &rc)) {
        rc = !entry.key == !keyed ? op->load(op, &entry, err) : 0;
        if (rc)
            return rc;
    }
    return rc ? error_set(err, rc, "its state is damaged") : 0;
}

static int load(struct op *op, const struct buf *state, struct error *err)
{
    int rc = load_entries(op, state, false, err);
    rc = rc ? rc : load_entries(op, state, true, err);
    return rc || !op->track ? rc : op->track(op);
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
static int renew(struct lane *lane, uint16_t index, const struct buf *state, struct error *err)
{
    struct operator_node *node = &lane->nodes[index].op;
    struct op *op;
    int rc = build(lane, index, &op, err);
    if (rc)
        return rc;
    rc = load(op, state, err);
    if (rc) {
        op->free(op);
        return rc;
    }
    op->stats = node->op->stats;
    node->op->free(node->op);
    node->op = op;
    return 0;
}

// All of it the first time; then what has changed since, merged to what was saved before.
static int save(struct operator_node *node, struct error *err)
{
    struct op *op = node->op;
    struct image image;
    image_init(&image, IMAGE_MAX);
    int rc = node->tracks ? op->save_changes(op, &image) : op->save(op, &image);
    if (rc)
        error_set(err, rc, "its state could not be saved");
    if (!rc && node->tracks) {
        struct buf both[] = {node->kept, image.bytes};
        rc = image_merge(both, 2, err);
        node->kept = both[0];
    } else if (!rc) {
        buf_deinit(&node->kept);
        node->kept = image.bytes;
        buf_init(&image.bytes, IMAGE_MAX);
    }
    image_deinit(&image);
    node->tracks = op->track != NULL;
    return rc;
}

static int restart(struct lane *lane, uint16_t index, struct error *err)
{
    struct operator_node *node = &lane->nodes[index].op;
    if (!node->op->save)
        return 0;
    int rc = save(node, err);
    rc = rc ? rc : renew(lane, index, &node->kept, err);
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
