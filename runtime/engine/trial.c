// SPDX-License-Identifier: MIT
#include "engine/trial.h"
#include "base/alloc.h"
#include "engine/engine_parts.h"
#include "engine/lane_state.h"
#include "record/json.h"
#include <string.h>

enum { TAKEN_MAX = 256 * 1024 * 1024, STEPS_MAX = 1000000 };

// What came out of one port of one node.
struct capture {
    struct buf lines;
};

struct trial {
    struct virtual_clock clock;
    struct engine *engine;
    struct json_reader *reader;
    struct capture *captures; // [node * PORTS + port]
    size_t ports_max;
    struct error failure; // of the tap
};

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
    for (uint32_t i = 0; i < plan->node_count; i++) {
        trial->engine->lanes[0]->nodes[i].outputs.tap = tap;
        trial->engine->lanes[0]->nodes[i].outputs.tap_arg = trial;
    }
    return 0;
}

int trial_new(struct trial **out, const struct topology *topology, struct registry *registry,
              struct problems *problems)
{
    struct trial *trial = mem_zalloc(sizeof *trial);
    if (!trial)
        return ERR_NOMEM;
    virtual_clock_init(&trial->clock, 0);
    struct engine_config config = {
        .topology = topology, .registry = registry, .clock = &trial->clock.clock};
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

static int settle(struct trial *trial, struct error *err)
{
    struct lane *lane = trial->engine->lanes[0];
    for (int i = 0; i < STEPS_MAX; i++) {
        struct wait wait = {.until_ns = INT64_MAX, .fd = -1};
        int fds[1];
        uint32_t count;
        if (!lane_step(lane, &wait, fds, 1, &count)) {
            if (lane->flow->failure.code)
                return error_set(err, lane->flow->failure.code, "%s", lane->flow->failure.text);
            break;
        }
        if (!wait.busy)
            break;
        if (i + 1 == STEPS_MAX)
            return error_set(err, ERR_BUG, "the pipeline does not come to rest");
    }
    if (lane->flow->failure.code)
        return error_set(err, lane->flow->failure.code, "%s", lane->flow->failure.text);
    if (trial->failure.code)
        return error_set(err, trial->failure.code, "%s", trial->failure.text);
    return 0;
}

static int find_node(struct trial *trial, const char *name, size_t len, uint32_t *out,
                     struct error *err)
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

static struct edge *find_edge(struct trial *trial, uint32_t node, const char *input,
                              struct error *err)
{
    const struct plan *plan = trial->engine->plan;
    struct lane_node *lane_node = &trial->engine->lanes[0]->nodes[node];
    for (size_t i = 0; i < plan->edge_count; i++) {
        const struct plan_edge *edge = &plan->edges[i];
        if (edge->to == node && (!input || !strcmp(plan->nodes[edge->from].spec->name, input)))
            return lane_node->kind == NODE_SINK ? &lane_node->sink.inputs[edge->input]
                                                : &lane_node->op.inputs[edge->input];
    }
    error_set(err, ERR_INPUT, "%s has no input%s%s", plan->nodes[node].spec->name,
              input ? " from " : "", input ? input : "");
    return NULL;
}

static struct source_node *source_at(struct trial *trial, uint32_t node)
{
    struct lane_node *lane_node = &trial->engine->lanes[0]->nodes[node];
    return lane_node->kind == NODE_SOURCE ? &lane_node->source : NULL;
}

// -- sending --

static int give_parcel(struct trial *trial, struct source_node *source, struct parcel *parcel,
                       struct error *err)
{
    if (!parcel)
        return error_nomem(err);
    source->parcel = parcel;
    source->parcel_at = 0;
    return settle(trial, err);
}

static int need_split(struct trial *trial, struct source_node *source, uint32_t split,
                      struct error *err)
{
    int rc = 0;
    while (!rc && source->split_count <= split) {
        struct parcel *parcel = parcel_new(PARCEL_SPLIT, (uint32_t)source->split_count);
        if (parcel && buf_printf(&parcel->text, "%zu", source->split_count)) {
            parcel_free(parcel);
            return error_nomem(err);
        }
        rc = give_parcel(trial, source, parcel, err);
    }
    return rc;
}

static struct chunk *keep_bytes(const struct trial_record *record, tide_bytes *value,
                                tide_bytes *key)
{
    size_t key_len = record->key ? strlen(record->key) : 0;
    struct chunk *chunk = chunk_new(record->json_len + key_len + 1);
    if (!chunk)
        return NULL;
    if (record->json) {
        memcpy(chunk->data, record->json, record->json_len);
        *value = (tide_bytes){chunk->data, record->json_len};
    }
    if (record->key) {
        memcpy(chunk->data + record->json_len, record->key, key_len);
        *key = (tide_bytes){chunk->data + record->json_len, key_len};
    }
    return chunk;
}

static int send_to_source(struct trial *trial, struct source_node *source,
                          const struct trial_record *record, struct error *err)
{
    int rc = need_split(trial, source, record->split, err);
    if (rc)
        return rc;
    struct parcel *parcel = parcel_new(PARCEL_MESSAGES, record->split);
    if (!parcel)
        return error_nomem(err);
    tide_message *message = &parcel->messages[0];
    *message = (tide_message){.struct_size = sizeof *message,
                              .split = record->split,
                              .offset = TIDE_NO_OFFSET,
                              .time_ms = record->time};
    struct chunk *chunk = keep_bytes(record, &message->value, &message->key);
    if (!chunk) {
        parcel_free(parcel);
        return error_nomem(err);
    }
    parcel->chunks[parcel->chunk_count++] = chunk;
    parcel->count = 1;
    return give_parcel(trial, source, parcel, err);
}

static int fill_record(struct trial *trial, struct batch *batch, const struct trial_record *from,
                       struct error *err)
{
    struct record *record = batch_add(batch);
    tide_bytes value = {NULL, 0}, key = {NULL, 0};
    struct chunk *chunk = record ? keep_bytes(from, &value, &key) : NULL;
    if (!chunk)
        return error_nomem(err);
    int rc = batch_hold(batch, chunk);
    chunk_unref(chunk);
    record->split = from->split;
    record->offset = -1;
    record->time = from->time;
    if (!rc && key.data) {
        struct record_meta *meta = ARENA_NEW(&batch->arena, struct record_meta);
        if (!meta)
            return error_nomem(err);
        *meta = (struct record_meta){.key = key.data, .key_len = (uint32_t)key.len};
        record->meta = meta;
    }
    if (!value.data)
        record->flags |= RECORD_TOMBSTONE;
    else if (!rc)
        rc = json_read(trial->reader, batch, value.data, value.len, CHUNK_PAD, record, err);
    return rc;
}

// A batch of its own into an edge; edges are empty between two steps of a trial.
static int put(struct trial *trial, struct edge *edge, struct batch *batch, struct error *err)
{
    edge_push(edge, batch);
    return settle(trial, err);
}

int trial_send(struct trial *trial, const char *to, const char *input,
               const struct trial_record *record, struct error *err)
{
    uint32_t node = 0;
    int rc = find_node(trial, to, strlen(to), &node, err);
    if (rc)
        return rc;
    if (source_at(trial, node))
        return send_to_source(trial, source_at(trial, node), record, err);
    struct edge *edge = find_edge(trial, node, input, err);
    if (!edge)
        return ERR_INPUT;
    struct batch *batch = batch_new(trial->engine->lanes[0]->pool);
    if (!batch)
        return error_nomem(err);
    rc = fill_record(trial, batch, record, err);
    if (rc) {
        batch_unref(batch);
        return rc;
    }
    return put(trial, edge, batch, err);
}

// -- time --

static int mark_edge(struct trial *trial, struct edge *edge, uint32_t marks, int64_t watermark,
                     struct error *err)
{
    struct batch *batch = batch_new(trial->engine->lanes[0]->pool);
    if (!batch)
        return error_nomem(err);
    batch->marks = marks;
    batch->watermark = watermark;
    return put(trial, edge, batch, err);
}

// All splits of a source at once: straight to its outputs.
static int mark_source(struct trial *trial, struct source_node *source, int64_t time,
                       struct error *err)
{
    if (time <= source->sent_watermark)
        return 0; // it never goes back
    source->sent_watermark = time;
    if (!outputs_flush(&source->outputs, BATCH_WATERMARK, time, 0))
        return error_nomem(err); // its edges are empty between two steps
    return settle(trial, err);
}

static int mark_split(struct trial *trial, struct source_node *source, uint32_t split, int64_t time,
                      struct error *err)
{
    int rc = need_split(trial, source, split, err);
    if (rc)
        return rc;
    valve_advance(&source->valve, source->splits[split].input, time);
    return settle(trial, err);
}

int trial_watermark(struct trial *trial, const char *to, const char *input, int64_t split,
                    int64_t time, struct error *err)
{
    uint32_t node = 0;
    if (to) {
        int rc = find_node(trial, to, strlen(to), &node, err);
        if (rc)
            return rc;
        struct source_node *source = source_at(trial, node);
        if (source)
            return split >= 0 ? mark_split(trial, source, (uint32_t)split, time, err)
                              : mark_source(trial, source, time, err);
        struct edge *edge = find_edge(trial, node, input, err);
        return edge ? mark_edge(trial, edge, BATCH_WATERMARK, time, err) : ERR_INPUT;
    }
    int rc = 0;
    for (uint32_t i = 0; !rc && i < trial->engine->plan->node_count; i++)
        if (source_at(trial, i))
            rc = mark_source(trial, source_at(trial, i), time, err);
    return rc;
}

int trial_idle(struct trial *trial, const char *to, const char *input, int64_t split, bool idle,
               struct error *err)
{
    uint32_t node = 0;
    int rc = find_node(trial, to, strlen(to), &node, err);
    if (rc)
        return rc;
    struct source_node *source = source_at(trial, node);
    if (!source) {
        struct edge *edge = find_edge(trial, node, input, err);
        return edge ? mark_edge(trial, edge, idle ? BATCH_IDLE : BATCH_ACTIVE, 0, err) : ERR_INPUT;
    }
    rc = need_split(trial, source, split < 0 ? 0 : (uint32_t)split, err);
    for (uint32_t i = 0; !rc && i < source->split_count; i++) {
        if (split >= 0 && i != (uint32_t)split)
            continue;
        source->splits[i].idle = idle;
        if (idle)
            valve_idle(&source->valve, source->splits[i].input);
        else
            valve_active(&source->valve, source->splits[i].input);
    }
    return rc ? rc : settle(trial, err);
}

int trial_advance(struct trial *trial, int64_t ms, struct error *err)
{
    virtual_clock_advance(&trial->clock, ms);
    return settle(trial, err);
}

int trial_clock(struct trial *trial, int64_t wall_ms, struct error *err)
{
    virtual_clock_set(&trial->clock, wall_ms);
    return settle(trial, err);
}

int trial_restart(struct trial *trial, struct error *err)
{
    int rc = lane_restart(trial->engine->lanes[0], err);
    return rc ? rc : settle(trial, err);
}

// -- looking --

int trial_take(struct trial *trial, const char *from, struct buf *out, struct error *err)
{
    uint32_t node = 0, port = 0;
    const char *dot = strchr(from, '.');
    size_t len = dot ? (size_t)(dot - from) : strlen(from);
    int rc = find_node(trial, from, len, &node, err);
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

int trial_watermark_of(struct trial *trial, const char *name, int64_t *out, struct error *err)
{
    uint32_t node = 0;
    int rc = find_node(trial, name, strlen(name), &node, err);
    if (!rc)
        *out = atomic_load_explicit(&trial->engine->lanes[0]->nodes[node].stats.watermark,
                                    memory_order_relaxed);
    return rc;
}

int trial_account(struct trial *trial, struct error *err)
{
    return engine_account(trial->engine, err);
}
