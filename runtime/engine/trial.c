// SPDX-License-Identifier: MIT
#include "engine/trial_parts.h"
#include "base/alloc.h"
#include "engine/lane_state.h"
#include <string.h>

enum { TAKEN_MAX = 256 * 1024 * 1024, STEPS_MAX = 1000000 };

static struct capture *capture_of(struct trial *trial, uint32_t node, uint32_t port)
{
    return &trial->captures[node * trial->ports_max + port];
}

static void tap(void *arg, uint16_t node, uint32_t port, struct batch *batch)
{
    struct trial *trial = arg;
    struct buf *lines = &capture_of(trial, node, port)->lines;
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct record *record = &batch->records[i];
        int rc = 0;
        if (record->flags & RECORD_TOMBSTONE)
            rc = buf_puts(lines, "null");
        else
            rc = json_write(batch, record, lines, &trial->failure);
        rc = rc ? rc : buf_putc(lines, '\n');
        if (rc == ERR_NOMEM)
            error_nomem(&trial->failure);
        else if (rc)
            error_set(&trial->failure, rc, "output that cannot be kept");
    }
}

static int make_captures(struct trial *trial)
{
    const struct plan *plan = trial->engine->plan;
    for (uint32_t i = 0; i < plan->node_count; i++)
        if (plan->nodes[i].ports > trial->ports_max)
            trial->ports_max = plan->nodes[i].ports;
    size_t count = trial->ports_max * plan->node_count;
    trial->captures = mem_zalloc(sizeof *trial->captures * (count + 1));
    if (!trial->captures)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++)
        buf_init(&trial->captures[i].lines, TAKEN_MAX);
    for (uint32_t i = 0; i < plan->node_count; i++)
        for (uint32_t k = 0; k < plan->nodes[i].lanes; k++) {
            trial->engine->lanes[k]->nodes[i].outputs.tap = tap;
            trial->engine->lanes[k]->nodes[i].outputs.tap_arg = trial;
        }
    return 0;
}

int trial_new(struct trial **out, const struct topology *topology, struct registry *registry,
              uint32_t lanes, struct problems *problems)
{
    struct trial *trial = mem_zalloc(sizeof *trial);
    if (!trial)
        return ERR_NOMEM;
    virtual_clock_init(&trial->clock, 0);
    struct engine_config config = {
        .topology = topology, .registry = registry, .clock = &trial->clock.clock, .lanes = lanes};
    int rc = engine_new(&trial->engine, &config, problems);
    if (!rc) {
        const struct json_limits limits = JSON_LIMITS_DEFAULT;
        trial->reader = json_reader_new(trial->engine->lanes[0]->shapes, &limits);
        rc = trial->reader ? make_captures(trial) : ERR_NOMEM;
    }
    if (rc)
        trial_free(trial);
    else
        *out = trial;
    return rc;
}

void trial_free(struct trial *trial)
{
    if (!trial)
        return;
    size_t count = trial->captures ? trial->ports_max * trial->engine->plan->node_count : 0;
    for (size_t i = 0; i < count; i++)
        buf_deinit(&trial->captures[i].lines);
    mem_free(trial->captures);
    json_reader_free(trial->reader);
    engine_free(trial->engine);
    mem_free(trial);
}

// -- running --

// A step of each lane. *busy: any of them may go on at once.
static bool step_all(struct trial *trial, bool *busy)
{
    const struct engine *engine = trial->engine;
    *busy = false;
    for (uint32_t i = 0; i < engine->lane_count; i++) {
        struct wait wait = {.until_ns = INT64_MAX, .fd = -1};
        int fds[1];
        uint32_t count;
        if (!lane_step(engine->lanes[i], &wait, fds, 1, &count))
            return false;
        *busy |= wait.busy;
    }
    return true;
}

int trial_settle(struct trial *trial, struct error *err)
{
    const struct error *failure = &trial->engine->flow.failure;
    bool busy = true;
    for (int i = 0; busy && i < STEPS_MAX; i++)
        if (!step_all(trial, &busy))
            break;
    if (failure->code)
        return error_set(err, failure->code, "%s", failure->text);
    if (busy)
        return error_set(err, ERR_BUG, "the pipeline does not come to rest");
    if (trial->failure.code)
        return error_set(err, trial->failure.code, "%s", trial->failure.text);
    return 0;
}

int trial_find(struct trial *trial, const char *name, size_t len, uint32_t *out, struct error *err)
{
    const struct plan *plan = trial->engine->plan;
    for (uint32_t i = 0; i < plan->node_count; i++)
        if (strlen(plan->nodes[i].spec->name) == len &&
            !memcmp(plan->nodes[i].spec->name, name, len)) {
            *out = i;
            return 0;
        }
    return error_set(err, ERR_INPUT, "there is no node '%.*s'", (int)len, name);
}

int trial_advance(struct trial *trial, int64_t ms, struct error *err)
{
    virtual_clock_advance(&trial->clock, ms);
    return trial_settle(trial, err);
}

int trial_clock(struct trial *trial, int64_t wall_ms, struct error *err)
{
    virtual_clock_set(&trial->clock, wall_ms);
    return trial_settle(trial, err);
}

int trial_restart(struct trial *trial, struct error *err)
{
    int rc = 0;
    for (uint32_t i = 0; !rc && i < trial->engine->lane_count; i++)
        rc = lane_restart(trial->engine->lanes[i], err);
    return rc ? rc : trial_settle(trial, err);
}

// -- looking --

int trial_take(struct trial *trial, const char *from, struct buf *out, struct error *err)
{
    uint32_t node = 0, port = 0;
    const char *dot = strchr(from, '.');
    size_t len = dot ? (size_t)(dot - from) : strlen(from);
    int rc = trial_find(trial, from, len, &node, err);
    if (rc)
        return rc;
    const struct plan_node *plan = &trial->engine->plan->nodes[node];
    while (dot && port < plan->ports && strcmp(plan_port_name(plan, port), dot + 1) != 0)
        port++;
    if (port == plan->ports)
        return error_set(err, ERR_INPUT, "%.*s has no port '%s'", (int)len, from, dot + 1);
    struct buf *lines = &capture_of(trial, node, port)->lines;
    rc = buf_append(out, lines->data, lines->len);
    buf_clear(lines);
    return rc ? error_nomem(err) : 0;
}

// A lane that is idle says nothing, unless all are.
static bool says(const struct lane_node *node)
{
    return !(node->kind == NODE_SOURCE     ? node->source.valve.idle
             : node->kind == NODE_OPERATOR ? node->op.valve.idle
                                           : false);
}

int trial_watermark_of(struct trial *trial, const char *name, int64_t *out, struct error *err)
{
    uint32_t node = 0;
    int rc = trial_find(trial, name, strlen(name), &node, err);
    if (rc)
        return rc;
    int64_t least = INT64_MAX, most = INT64_MIN;
    bool any = false;
    for (uint32_t i = 0; i < trial->engine->plan->nodes[node].lanes; i++) {
        const struct lane_node *at = &trial->engine->lanes[i]->nodes[node];
        int64_t one = atomic_load_explicit(&at->stats.watermark, memory_order_relaxed);
        most = one > most ? one : most;
        least = says(at) && one < least ? one : least;
        any |= says(at);
    }
    *out = any ? least : most;
    return 0;
}

int trial_account(struct trial *trial, struct error *err)
{
    return engine_account(trial->engine, err);
}
