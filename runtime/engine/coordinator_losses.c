// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "base/log.h"
#include "engine/coordinator.h"
#include "engine/lane.h"
#include <inttypes.h>
#include <string.h>

// What a checkpoint keeps and the pipeline has no place for any more: refused, and all of it named,
// unless the user has said of each node that it may be lost.

enum { LOST_MAX = 1024 };

static const struct plan_node *find_node(const struct plan *plan, const char *name, size_t len)
{
    for (uint32_t i = 0; i < plan->node_count; i++)
        if (strlen(plan->nodes[i].spec->name) == len &&
            !memcmp(plan->nodes[i].spec->name, name, len))
            return &plan->nodes[i];
    return NULL;
}

bool losses_allowed(const struct coordinator *coordinator, const char *name, size_t len)
{
    const char *const *losses = coordinator->config.losses;
    for (; losses && *losses; losses++)
        if (strlen(*losses) == len && !memcmp(*losses, name, len))
            return true;
    return false;
}

bool losses_given_up(const struct coordinator *coordinator, const struct plan_node *plan)
{
    return coordinator->given_up && coordinator->given_up[plan - coordinator->config.plan->nodes];
}

struct stored_node { // of the plan that made the checkpoint
    const char *name, *type;
    size_t name_len, type_len;
    uint64_t kind;
    int64_t version;
};

static bool kept_something(const struct checkpoint *checkpoint, const struct stored_node *node)
{
    for (uint32_t i = 0; i < checkpoint->part_count; i++) {
        const struct store_part *part = &checkpoint->parts[i];
        if ((part->kind == STORE_SOURCE || part->kind == STORE_STATE) && part->len &&
            strlen(part->node) == node->name_len && !memcmp(part->node, node->name, node->name_len))
            return true;
    }
    return false;
}

static int64_t version_of(const struct coordinator *coordinator, const struct plan_node *node)
{
    uint32_t i = (uint32_t)(node - coordinator->config.plan->nodes);
    return coordinator_node(coordinator, 0, i)->op.op->version;
}

// Why what the node kept has no place any more; NULL: it has.
static const char *loss(const struct coordinator *coordinator, const struct stored_node *stored)
{
    const struct plan_node *node =
        find_node(coordinator->config.plan, stored->name, stored->name_len);
    if (!node)
        return "is not in the pipeline any more";
    if (node->spec->kind != stored->kind || strlen(node->spec->type) != stored->type_len ||
        memcmp(node->spec->type, stored->type, stored->type_len) != 0)
        return "is of another type now";
    if (node->spec->kind == NODE_OPERATOR && version_of(coordinator, node) != stored->version)
        return "has a script of another `version` now";
    return NULL;
}

static void note_loss(const struct coordinator *coordinator, const struct stored_node *stored,
                      const char *why)
{
    const struct plan_node *node =
        find_node(coordinator->config.plan, stored->name, stored->name_len);
    if (node)
        coordinator->given_up[node - coordinator->config.plan->nodes] = true;
    log_line(LOG_WARN, "checkpoint", "what %.*s kept is given up: it %s", (int)stored->name_len,
             stored->name, why);
}

int losses_check(struct coordinator *coordinator, const struct checkpoint *checkpoint,
                 struct error *err)
{
    const struct store_part *part = checkpoint_part(checkpoint, STORE_PLAN, "");
    struct image_reader reader = {part ? part->bytes : NULL, part ? part->bytes + part->len : NULL};
    struct image_entry entry;
    struct buf lost;
    int bad = 0;
    coordinator->given_up = mem_zalloc(coordinator->config.plan->node_count + 1);
    if (!coordinator->given_up)
        return error_nomem(err);
    buf_init(&lost, LOST_MAX);
    while (image_next(&reader, &entry, &bad)) {
        struct stored_node node;
        node.name = entry_bytes(&entry, &node.name_len);
        node.type = entry_bytes(&entry, &node.type_len);
        node.kind = entry_u64(&entry);
        entry_u64(&entry); // lanes
        node.version = entry_i64(&entry);
        const char *why = entry.bad ? NULL : loss(coordinator, &node);
        if (!why || !kept_something(checkpoint, &node))
            continue;
        if (losses_allowed(coordinator, node.name, node.name_len))
            note_loss(coordinator, &node, why);
        else
            buf_printf(&lost, "%s%.*s %s", lost.len ? "; " : "", (int)node.name_len, node.name,
                       why);
    }
    int rc = lost.len ? error_set(err, ERR_REFUSED,
                                  "checkpoint %" PRIu64 " keeps what this pipeline has no place "
                                  "for: %s; --allow-loss NODE gives it up",
                                  checkpoint->head.number, buf_cstr(&lost))
                      : 0;
    buf_deinit(&lost);
    return rc;
}
