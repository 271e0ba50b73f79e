// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "engine/source_buffer.h"
#include "engine/coordinator.h"
#include "engine/lane.h"
#include "engine/source_keep.h"
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

// Before anything runs: the store is opened, what was pending is settled, and what the nodes kept
// goes to the nodes of that name.

enum { LOCK_WAIT_MS = 1500 };

// -- nodes --

static int damaged(const struct plan_node *plan, struct error *err)
{
    return error_set(err, ERR_CORRUPT, "%s: what the checkpoint has of it is damaged",
                     plan->spec->name);
}

// -- operators --

// Entries with a key are those of the lane that owns it; others are everybody's.
static bool is_of_lane(const struct image_entry *entry, uint32_t lane, uint32_t lanes)
{
    uint32_t group;
    if (!entry->key || lanes == 1 || key_group(entry->key, entry->key_len, &group))
        return !entry->key || lane == 0;
    return group_lane(group, lanes) == lane;
}

static int load_entries(struct op *op, const struct plan_node *plan, uint32_t lane,
                        const struct store_part *part, bool keyed, struct error *err)
{
    struct image_reader reader = {part->bytes, part->bytes + part->len};
    struct image_entry entry;
    int rc = 0, bad = 0;
    while (!rc && image_next(&reader, &entry, &bad))
        if (!entry.key == !keyed && is_of_lane(&entry, lane, plan->lanes))
            rc = op->load(op, &entry, err);
    if (rc)
        return rc;
    return bad ? error_set(err, ERR_CORRUPT, "what the checkpoint has of it is damaged") : 0;
}

// What holds for all keys says whose state it is: an operator that is another one now refuses it
// there, and has taken nothing.
static int load(struct op *op, const struct plan_node *plan, uint32_t lane,
                const struct store_part *part, bool may_lose, struct error *err)
{
    int rc = op->load ? load_entries(op, plan, lane, part, false, err)
                      : error_set(err, ERR_REFUSED, "it keeps nothing now, but did");
    if (rc == ERR_REFUSED && may_lose) {
        log_line(LOG_WARN, plan->spec->name, "what it kept is given up: %s", err->text);
        error_clear(err);
        return 0;
    }
    return rc ? rc : load_entries(op, plan, lane, part, true, err);
}

static int restore_operator(const struct coordinator *coordinator, const struct plan_node *plan,
                            struct op *op, uint32_t lane, const struct store_part *part,
                            struct error *err)
{
    const char *name = plan->spec->name;
    if (!part->len)
        return 0;
    int rc = load(op, plan, lane, part, losses_allowed(coordinator, name, strlen(name)), err);
    if (rc == ERR_REFUSED)
        error_add(err, "; --allow-loss gives it up", strlen("; --allow-loss gives it up"));
    return rc ? error_prefix(err, "%s", name) : 0;
}

static int restore_source(const struct plan_node *plan, struct lane_node *node,
                          const struct store_part *part, struct error *err)
{
    struct source_driver *driver = node->source.driver;
    if (!driver || node->source.borrows)
        return 0;
    int rc = source_keep_restore(driver, part->bytes, part->len, err);
    return rc ? error_prefix(err, "%s", plan->spec->name) : 0;
}

// What a lane's sink gave goes to that lane's; of lanes that are no more, to those that are.
static int restore_sink(const struct plan_node *plan, struct lane_node *node, uint32_t lane,
                        const struct store_part *part, struct error *err)
{
    struct image_reader reader = {part->bytes, part->bytes + part->len};
    struct image_entry entry;
    int rc = 0, bad = 0;
    while (!rc && node->sink.driver && image_next(&reader, &entry, &bad)) {
        size_t len;
        uint64_t of = entry_u64(&entry);
        const char *data = entry_bytes(&entry, &len);
        if (entry_done(&entry, NULL) || !len || of % plan->lanes != lane)
            continue;
        rc = of == lane ? sink_phases_restore(node->sink.driver, data, len)
                        : sink_phases_inherit(node->sink.driver, data, len);
    }
    return rc ? error_nomem(err) : bad ? damaged(plan, err) : 0;
}

static int restore_kind(struct coordinator *coordinator, uint32_t i, uint32_t lane,
                        const struct checkpoint *checkpoint, struct error *err)
{
    const struct plan_node *plan = &coordinator->config.plan->nodes[i];
    struct lane_node *node = coordinator_node(coordinator, lane, i);
    static const enum store_kind kinds[] = {
        [NODE_SOURCE] = STORE_SOURCE, [NODE_OPERATOR] = STORE_STATE, [NODE_SINK] = STORE_SINK};
    const struct store_part *part =
        checkpoint_part(checkpoint, kinds[plan->spec->kind], plan->spec->name);
    if (!part || !node || losses_given_up(coordinator, plan))
        return 0;
    if (plan->spec->kind == NODE_SOURCE)
        return restore_source(plan, node, part, err);
    if (plan->spec->kind == NODE_SINK)
        return restore_sink(plan, node, lane, part, err);
    return restore_operator(coordinator, plan, node->op.op, lane, part, err);
}

int restore_sinks(struct coordinator *coordinator, const struct checkpoint *checkpoint,
                  struct error *err)
{
    const struct plan *plan = coordinator->config.plan;
    int rc = 0;
    for (uint32_t i = 0; !rc && i < plan->node_count; i++)
        for (uint32_t k = 0;
             !rc && plan->nodes[i].spec->kind == NODE_SINK && k < plan->nodes[i].lanes; k++)
            rc = restore_kind(coordinator, i, k, checkpoint, err);
    return rc;
}

// -- counters and watermarks --

static void resume_watermark(struct lane_node *node, int64_t watermark)
{
    struct valve *valve = node->kind == NODE_SOURCE     ? &node->source.valve
                          : node->kind == NODE_OPERATOR ? &node->op.valve
                                                        : NULL;
    if (valve && watermark != WATERMARK_END)
        valve_resume(valve, watermark);
}

// Counters are the first lane's from now on. A node that is in as many lanes as before has each
// lane's watermark, else the least of them.
static int restore_counters(struct coordinator *coordinator, uint32_t i,
                            const struct checkpoint *checkpoint, struct error *err)
{
    const struct plan_node *plan = &coordinator->config.plan->nodes[i];
    const struct store_part *part = checkpoint_part(checkpoint, STORE_COUNTERS, plan->spec->name);
    if (!part || losses_given_up(coordinator, plan))
        return 0;
    struct image_reader reader = {part->bytes, part->bytes + part->len};
    struct image_entry entry;
    int64_t least = WATERMARK_END, marks[SCATTER_LANES_MAX];
    uint32_t lanes = 0;
    int bad = 0;
    for (; image_next(&reader, &entry, &bad) && lanes < SCATTER_LANES_MAX; lanes++) {
        uint64_t counters[SAVED_COUNTERS] = {0};
        entry_u64(&entry);
        marks[lanes] = entry_i64(&entry);
        least = marks[lanes] < least ? marks[lanes] : least;
        uint64_t count = entry_u64(&entry);
        for (uint32_t c = 0; c < count && c < SAVED_COUNTERS; c++)
            counters[c] = entry_u64(&entry);
        struct lane_node *first = coordinator_node(coordinator, 0, i);
        counters_add(&first->stats, counters, SAVED_COUNTERS);
        if (first->kind == NODE_OPERATOR)
            operator_node_resume(&first->op);
    }
    for (uint32_t k = 0; k < plan->lanes && lanes; k++)
        resume_watermark(coordinator_node(coordinator, k, i),
                         lanes == plan->lanes ? marks[k] : least);
    return bad ? damaged(plan, err) : 0;
}

int restore_nodes(struct coordinator *coordinator, const struct checkpoint *checkpoint,
                  struct error *err)
{
    const struct plan *plan = coordinator->config.plan;
    int rc = 0;
    for (uint32_t i = 0; !rc && i < plan->node_count; i++) {
        for (uint32_t k = 0; !rc && k < plan->nodes[i].lanes; k++)
            rc = restore_kind(coordinator, i, k, checkpoint, err);
        rc = rc ? rc : restore_counters(coordinator, i, checkpoint, err);
    }
    return rc;
}

// -- all of it --

// Nodes learn that there are checkpoints.
static void attach(struct coordinator *coordinator)
{
    struct flow *flow = coordinator->config.flow;
    const struct plan *plan = coordinator->config.plan;
    flow->coordinated = true;
    flow->coordinator = &coordinator->waker;
    for (uint32_t k = 0; k < flow->lane_count; k++)
        for (uint32_t i = 0; i < plan->node_count; i++) {
            struct lane_node *node = coordinator_node(coordinator, k, i);
            if (node && node->kind == NODE_SOURCE && node->source.driver)
                node->source.driver->keeps = true;
            if (node && node->kind == NODE_SINK && node->sink.driver)
                sink_phases_attach(node->sink.driver, &flow->decided,
                                   coordinator->exactly_once &&
                                       decider_writes_exactly_once(&plan->nodes[i]),
                                   decider_is_of(coordinator, &plan->nodes[i]));
        }
}

static int open_store(struct coordinator *coordinator, struct error *err)
{
    const struct topology *topology = coordinator->config.plan->topology;
    const struct store_options options = {
        .keep = (uint32_t)setting_int(topology->top, "checkpoint.keep", 1),
        .lock_wait_ms = LOCK_WAIT_MS};
    int rc = store_open(&coordinator->store, coordinator->dir, topology->pipeline, &options, err);
    const char *damage = rc ? NULL : store_damage(coordinator->store);
    if (damage)
        log_line(LOG_ERROR, "checkpoint", "%s", damage);
    return rc;
}

static int random_bytes(void *out, size_t len, struct error *err)
{
    return getrandom(out, len, 0) == (ssize_t)len
               ? 0
               : error_set(err, ERR_IO, "the system gives no random bytes");
}

static int go_on_from(struct coordinator *coordinator, uint64_t number, bool *finished,
                      struct error *err)
{
    struct checkpoint *checkpoint;
    int rc = store_load(coordinator->store, number, &checkpoint, err);
    if (rc)
        return rc;
    coordinator->head = checkpoint->head;
    *finished = checkpoint->head.finished && !coordinator->config.from;
    if (!*finished)
        rc = losses_check(coordinator, checkpoint, err);
    else if (!coordinator_has_ended(coordinator))
        rc = restore_sinks(coordinator, checkpoint, err);
    rc = rc || *finished ? rc : restore_nodes(coordinator, checkpoint, err);
    rc = rc || *finished ? rc : store_decided(coordinator->store, number, err);
    if (!rc && !*finished)
        log_line(LOG_INFO, "checkpoint", "going on from %" PRIu64, number);
    checkpoint_free(checkpoint);
    return rc;
}

static int open_buffers(struct coordinator *coordinator, struct error *err)
{
    const struct plan *plan = coordinator->config.plan;
    const char *dir = setting_text(plan->topology->top, "checkpoint.dir");
    int rc = 0;
    for (uint32_t i = 0; !rc && i < plan->node_count; i++) {
        struct lane_node *node = coordinator_node(coordinator, 0, i);
        if (node && node->kind == NODE_SOURCE && node->source.driver && node->source.driver->buffer)
            rc = source_buffer_open(node->source.driver, dir, coordinator->config.fresh, err);
    }
    return rc;
}

int coordinator_restore(struct coordinator *coordinator, bool *finished, struct error *err)
{
    uint64_t number = 0;
    *finished = false;
    attach(coordinator);
    crash_point("restore.before");
    int rc = open_store(coordinator, err);
    rc = rc ? rc : random_bytes(&coordinator->attempt, sizeof coordinator->attempt, err);
    rc = rc ? rc : decider_settle(coordinator, &number, err);
    if (rc)
        return rc;
    if (coordinator->config.fresh)
        number = 0;
    else if (coordinator->config.from)
        number = coordinator->config.from;
    rc = number ? go_on_from(coordinator, number, finished, err)
                : random_bytes(coordinator->head.incarnation, STORE_INCARNATION_BYTES, err);
    rc = rc || *finished ? rc : open_buffers(coordinator, err);
    if (!rc && !number && coordinator->decider >= 0)
        rc = decider_first(coordinator, err);
    coordinator->config.flow->epoch = store_highest(coordinator->store);
    crash_point("restore.after");
    return rc || *finished ? rc
                           : decider_begin(coordinator, coordinator->config.flow->epoch + 1, err);
}
