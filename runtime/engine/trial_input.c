// SPDX-License-Identifier: MIT
#include "engine/trial_parts.h"
#include <string.h>

// -- where things go in --

static bool is_source(const struct trial *trial, uint32_t node)
{
    return trial->engine->plan->nodes[node].spec->kind == NODE_SOURCE;
}

static uint32_t lanes_of(const struct trial *trial, uint32_t node)
{
    return trial->engine->plan->nodes[node].lanes;
}

static struct source_node *source_in(struct trial *trial, uint32_t node, uint32_t lane)
{
    return &trial->engine->lanes[lane]->nodes[node].source;
}

static const struct plan_edge *find_edge(struct trial *trial, uint32_t node, const char *input,
                                         struct error *err)
{
    const struct plan *plan = trial->engine->plan;
    for (size_t i = 0; i < plan->edge_count; i++) {
        const struct plan_edge *edge = &plan->edges[i];
        if (edge->to == node && (!input || !strcmp(plan->nodes[edge->from].spec->name, input)))
            return edge;
    }
    error_set(err, ERR_INPUT, "%s has no input%s%s", plan->nodes[node].spec->name,
              input ? " from " : "", input ? input : "");
    return NULL;
}

// The beginning of an edge in a lane of the node that it comes from.
static struct outlet *outlet_of(struct trial *trial, const struct plan_edge *edge, uint32_t lane)
{
    const struct plan *plan = trial->engine->plan;
    struct port *port = &trial->engine->lanes[lane]->nodes[edge->from].outputs.ports[edge->port];
    uint32_t at = 0;
    for (const struct plan_edge *other = plan->edges; other < edge; other++)
        at += other->from == edge->from && other->port == edge->port;
    return &port->outlets[at];
}

// Edges are empty between two steps of a trial.
static int put(struct trial *trial, const struct plan_edge *edge, uint32_t lane,
               struct batch *batch, struct error *err)
{
    struct lane *from = trial->engine->lanes[lane];
    batch->shapes = from->shapes;
    if (!outlet_send(outlet_of(trial, edge, lane), batch, from->pool))
        return trial_settle(trial, err);
    batch_unref(batch);
    return error_nomem(err);
}

// The lane in which the record would be before it takes this edge.
static int lane_of(struct trial *trial, const struct plan_edge *edge, struct batch *batch,
                   uint32_t *out, struct error *err)
{
    const struct plan_node *from = &trial->engine->plan->nodes[edge->from];
    *out = batch->records[0].split % from->lanes;
    if (!from->keyed || from->lanes == 1)
        return 0;
    const struct plan_edge by_key = {.pass = PASS_KEY, .keys = from->keyed};
    struct outlet outlet;
    int rc = outlet_init(&outlet, &by_key, from->lanes, err);
    outlet.lanes = from->lanes;
    if (!rc)
        *out = outlet_owner(&outlet, batch, &batch->records[0]);
    outlet_deinit(&outlet);
    return rc;
}

// -- sending --

static int give_parcel(struct trial *trial, struct source_node *source, struct parcel *parcel,
                       struct error *err)
{
    if (!parcel)
        return error_nomem(err);
    source->parcel = parcel;
    source->parcel_at = 0;
    return trial_settle(trial, err);
}

static int add_split(struct trial *trial, struct source_node *source, uint32_t split,
                     struct error *err)
{
    struct parcel *parcel = parcel_new(PARCEL_SPLIT, split);
    if (parcel && buf_printf(&parcel->text, "%u", split)) {
        parcel_free(parcel);
        return error_nomem(err);
    }
    return give_parcel(trial, source, parcel, err);
}

// The source in the lane of the split, which is there from now on, with all before it.
static int need_split(struct trial *trial, uint32_t node, uint32_t split, struct source_node **out,
                      struct error *err)
{
    uint32_t lanes = lanes_of(trial, node);
    int rc = 0;
    for (uint32_t i = 0; !rc && i <= split; i++) {
        struct source_node *source = source_in(trial, node, i % lanes);
        if (i >= source->split_count)
            rc = add_split(trial, source, i, err);
    }
    for (uint32_t i = 0; !rc && i < lanes; i++) // the others wait for nothing
        if (!source_in(trial, node, i)->split_count && !source_in(trial, node, i)->valve.idle)
            rc = give_parcel(trial, source_in(trial, node, i), parcel_new(PARCEL_NONE, 0), err);
    *out = source_in(trial, node, split % lanes);
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

static int send_to_source(struct trial *trial, uint32_t node, const struct trial_record *record,
                          struct error *err)
{
    struct source_node *source;
    int rc = need_split(trial, node, record->split, &source, err);
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

int trial_send(struct trial *trial, const char *to, const char *input,
               const struct trial_record *record, struct error *err)
{
    uint32_t node = 0;
    int rc = trial_find(trial, to, strlen(to), &node, err);
    if (rc)
        return rc;
    if (is_source(trial, node))
        return send_to_source(trial, node, record, err);
    const struct plan_edge *edge = find_edge(trial, node, input, err);
    if (!edge)
        return ERR_INPUT;
    struct batch *batch = batch_new(trial->engine->lanes[0]->pool);
    if (!batch)
        return error_nomem(err);
    uint32_t lane;
    rc = fill_record(trial, batch, record, err);
    if (!rc)
        rc = lane_of(trial, edge, batch, &lane, err);
    if (!rc)
        return put(trial, edge, lane, batch, err);
    batch_unref(batch);
    return rc;
}

// -- time --

// In all lanes that the edge comes from.
static int mark_edge(struct trial *trial, const struct plan_edge *edge, uint32_t marks,
                     int64_t watermark, struct error *err)
{
    int rc = 0;
    for (uint32_t i = 0; !rc && i < lanes_of(trial, edge->from); i++) {
        struct batch *batch = batch_new(trial->engine->lanes[i]->pool);
        if (!batch)
            return error_nomem(err);
        batch->marks = marks;
        batch->watermark = watermark;
        rc = put(trial, edge, i, batch, err);
    }
    return rc;
}

// All splits of a source at once: straight to its outputs.
static int mark_source(struct trial *trial, uint32_t node, int64_t time, struct error *err)
{
    for (uint32_t i = 0; i < lanes_of(trial, node); i++) {
        struct source_node *source = source_in(trial, node, i);
        if (time <= source->sent_watermark)
            continue; // it never goes back
        source->sent_watermark = time;
        if (!outputs_flush(&source->outputs, BATCH_WATERMARK, time, 0))
            return error_nomem(err); // its edges are empty between two steps
    }
    return trial_settle(trial, err);
}

static int mark_split(struct trial *trial, uint32_t node, uint32_t split, int64_t time,
                      struct error *err)
{
    struct source_node *source;
    int rc = need_split(trial, node, split, &source, err);
    if (rc)
        return rc;
    valve_advance(&source->valve, source->splits[split].input, time);
    return trial_settle(trial, err);
}

int trial_watermark(struct trial *trial, const char *to, const char *input, int64_t split,
                    int64_t time, struct error *err)
{
    uint32_t node = 0;
    if (to) {
        int rc = trial_find(trial, to, strlen(to), &node, err);
        if (rc)
            return rc;
        if (is_source(trial, node))
            return split >= 0 ? mark_split(trial, node, (uint32_t)split, time, err)
                              : mark_source(trial, node, time, err);
        const struct plan_edge *edge = find_edge(trial, node, input, err);
        return edge ? mark_edge(trial, edge, BATCH_WATERMARK, time, err) : ERR_INPUT;
    }
    int rc = 0;
    for (uint32_t i = 0; !rc && i < trial->engine->plan->node_count; i++)
        if (is_source(trial, i))
            rc = mark_source(trial, i, time, err);
    return rc;
}

static void set_idle(struct source_node *source, uint32_t split, bool idle)
{
    source->splits[split].idle = idle;
    if (idle)
        valve_idle(&source->valve, source->splits[split].input);
    else
        valve_active(&source->valve, source->splits[split].input);
}

// `split` < 0: all that there are.
static int idle_source(struct trial *trial, uint32_t node, int64_t split, bool idle,
                       struct error *err)
{
    struct source_node *source;
    int rc = need_split(trial, node, split < 0 ? 0 : (uint32_t)split, &source, err);
    for (uint32_t i = 0; !rc; i++) {
        source = source_in(trial, node, i % lanes_of(trial, node));
        if (i >= source->split_count)
            break;
        if (split < 0 || i == (uint32_t)split)
            set_idle(source, i, idle);
    }
    return rc ? rc : trial_settle(trial, err);
}

int trial_idle(struct trial *trial, const char *to, const char *input, int64_t split, bool idle,
               struct error *err)
{
    uint32_t node = 0;
    int rc = trial_find(trial, to, strlen(to), &node, err);
    if (rc)
        return rc;
    if (is_source(trial, node))
        return idle_source(trial, node, split, idle, err);
    const struct plan_edge *edge = find_edge(trial, node, input, err);
    return edge ? mark_edge(trial, edge, idle ? BATCH_IDLE : BATCH_ACTIVE, 0, err) : ERR_INPUT;
}
