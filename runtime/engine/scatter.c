// SPDX-License-Identifier: MIT
#include "engine/scatter.h"
#include "base/alloc.h"
#include "base/hash.h"
#include "record/record_inline.h"

enum { KEY_BYTES_MAX = 1 << 20 };

// The tables of keyed state use the hash's own bits: a lane's keys must not all agree in some.
uint32_t key_group(const void *key, size_t len)
{
    uint64_t hash = hash_bytes(key, len);
    return (uint32_t)(((hash ^ hash >> 32) * 0x9e3779b97f4a7c15ull) >> 57);
}

// -- making --

static int compile_keys(struct outlet *outlet, const struct tide_config *keys, struct error *err)
{
    uint32_t count = share_key_count(keys);
    outlet->paths = mem_array(count, sizeof *outlet->paths);
    outlet->owner = mem_alloc(BATCH_RECORDS);
    if (!outlet->paths || !outlet->owner)
        return error_nomem(err);
    for (uint32_t i = 0; i < count; i++, outlet->path_count++) {
        int rc = path_compile(&outlet->paths[i], share_key(keys, i), err);
        if (rc)
            return error_prefix(err, "key");
    }
    return 0;
}

int outlet_init(struct outlet *outlet, const struct plan_edge *edge, uint32_t lanes,
                struct error *err)
{
    *outlet = (struct outlet){.pass = edge->pass};
    buf_init(&outlet->key, KEY_BYTES_MAX);
    outlet->edges = mem_array(lanes, sizeof *outlet->edges);
    outlet->parts = mem_array(lanes, sizeof *outlet->parts);
    if (!outlet->edges || !outlet->parts)
        return error_nomem(err);
    return edge->pass == PASS_KEY ? compile_keys(outlet, edge->keys, err) : 0;
}

void outlet_deinit(struct outlet *outlet)
{
    for (uint32_t i = 0; i < outlet->path_count; i++)
        path_deinit(&outlet->paths[i]);
    mem_free(outlet->paths);
    mem_free(outlet->owner);
    mem_free(outlet->parts);
    mem_free(outlet->edges);
    buf_deinit(&outlet->key);
}

bool outlet_open(const struct outlet *outlet)
{
    for (uint32_t i = 0; i < outlet->lanes; i++)
        if (edge_full(outlet->edges[i]))
            return false;
    return true;
}

bool outlet_takes_marks(const struct outlet *outlet)
{
    for (uint32_t i = 0; i < outlet->lanes; i++)
        if (edge_marks_full(outlet->edges[i]))
            return false;
    return true;
}

// -- who gets what --

static uint32_t owner_of(struct outlet *outlet, struct batch *batch, struct record *record)
{
    buf_clear(&outlet->key);
    for (uint32_t i = 0; i < outlet->path_count; i++) {
        struct path *path = &outlet->paths[i];
        struct value value = record_read_field(batch, record, &path->field);
        if (path->count > 1)
            value = path_walk(batch, record, path, value);
        if (value.type == VALUE_ABSENT || key_encode_value(value, &outlet->key))
            return 0;
    }
    return group_lane(key_group(outlet->key.data, outlet->key.len), outlet->lanes);
}

static bool has_nodes(const struct record *record)
{
    for (uint32_t i = 0; record->cells && i < record->shape->count; i++)
        if (record->cells[i].flags & VALUE_IS_NODE)
            return true;
    return false;
}

// Cells that another record has as well may be read there while this one is worked on elsewhere;
// that is fine as long as nothing is entered in them.
static struct record *put(struct batch *part, struct batch *batch, struct record *record)
{
    if ((record->flags & RECORD_SHARED_CELLS) && has_nodes(record))
        return batch_clone(part, batch, record);
    struct record *copy = &part->records[part->count++];
    *copy = *record;
    return copy;
}

static void copy_marks(struct batch *to, const struct batch *from)
{
    to->marks = from->marks;
    to->watermark = from->watermark;
    to->epoch = from->epoch;
}

static int drop_parts(struct outlet *outlet)
{
    for (uint32_t i = 0; i < outlet->lanes; i++)
        batch_unref(outlet->parts[i]);
    return ERR_NOMEM;
}

// A batch over `batch` for each lane that gets one. `used`: by lane, whether records go there.
static int make_parts(struct outlet *outlet, struct batch *batch, const bool *used,
                      struct batch_pool *pool)
{
    for (uint32_t i = 0; i < outlet->lanes; i++)
        outlet->parts[i] = NULL;
    for (uint32_t i = 0; i < outlet->lanes; i++) {
        if (!used[i] && !batch->marks)
            continue;
        struct batch *part = outlet->parts[i] = batch_new(pool);
        if (!part)
            return drop_parts(outlet);
        copy_marks(part, batch);
        if (used[i])
            batch_set_base(part, batch);
    }
    return 0;
}

static void push_parts(struct outlet *outlet, struct batch *batch)
{
    for (uint32_t i = 0; i < outlet->lanes; i++)
        if (outlet->parts[i])
            edge_push(outlet->edges[i], outlet->parts[i]);
    batch_unref(batch);
}

static int send_by_key(struct outlet *outlet, struct batch *batch, struct batch_pool *pool)
{
    bool used[SCATTER_LANES_MAX] = {false};
    for (uint32_t i = 0; i < batch->count; i++) {
        uint32_t owner = owner_of(outlet, batch, &batch->records[i]);
        outlet->owner[i] = (uint8_t)owner;
        used[owner] = true;
    }
    int rc = make_parts(outlet, batch, used, pool);
    for (uint32_t i = 0; !rc && i < batch->count; i++)
        if (!put(outlet->parts[outlet->owner[i]], batch, &batch->records[i]))
            rc = drop_parts(outlet);
    if (!rc)
        push_parts(outlet, batch);
    return rc;
}

static int send_to_all(struct outlet *outlet, struct batch *batch, struct batch_pool *pool)
{
    bool used[SCATTER_LANES_MAX];
    memset(used, batch->count > 0, sizeof used);
    int rc = make_parts(outlet, batch, used, pool);
    for (uint32_t i = 0; !rc && i < batch->count; i++) {
        struct record *record = &batch->records[i];
        if (record->cells)
            record->flags |= RECORD_SHARED_CELLS;
        for (uint32_t k = 0; !rc && k < outlet->lanes; k++)
            if (!put(outlet->parts[k], batch, record))
                rc = drop_parts(outlet);
    }
    if (!rc)
        push_parts(outlet, batch);
    return rc;
}

// The batch itself to whose turn it is; marks to the others.
static int send_in_turn(struct outlet *outlet, struct batch *batch, struct batch_pool *pool)
{
    static const bool none[SCATTER_LANES_MAX];
    int rc = make_parts(outlet, batch, none, pool);
    if (rc)
        return rc;
    batch_unref(outlet->parts[outlet->turn]);
    outlet->parts[outlet->turn] = batch_ref(batch);
    outlet->turn = batch->count ? (outlet->turn + 1) % outlet->lanes : outlet->turn;
    push_parts(outlet, batch);
    return 0;
}

int outlet_send(struct outlet *outlet, struct batch *batch, struct batch_pool *pool)
{
    if (outlet->lanes == 1) {
        edge_push(outlet->edges[0], batch);
        return 0;
    }
    if (outlet->pass == PASS_KEY)
        return send_by_key(outlet, batch, pool);
    return outlet->pass == PASS_ALL ? send_to_all(outlet, batch, pool)
                                    : send_in_turn(outlet, batch, pool);
}
