// SPDX-License-Identifier: MIT
#include "engine/scatter.h"
#include "base/alloc.h"
#include "base/hash.h"
#include "record/record_inline.h"

#define HASH_START 0x2d358dccaa6c78a5u

// A hash of its own: the tables of keyed state use another one's bits, and a lane's keys must not
// all agree in some of them.
static uint64_t mix(uint64_t a, uint64_t b)
{
    __uint128_t product = (__uint128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t load_le(const char *bytes, size_t len)
{
    uint64_t word = 0;
    memcpy(&word, bytes, len);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

static uint64_t hash_text(const char *bytes, size_t len)
{
    if (len > 16)
        return hash_bytes(bytes, len);
    if (len >= 8)
        return mix(load_le(bytes, 8) ^ 0x9e3779b97f4a7c15u,
                   load_le(bytes + len - 8, 8) ^ 0xe7037ed1a0b428dbu ^ len);
    if (len >= 4)
        return mix(load_le(bytes, 4) ^ 0x9e3779b97f4a7c15u,
                   load_le(bytes + len - 4, 4) ^ 0xe7037ed1a0b428dbu ^ len);
    return mix(load_le(bytes, len) ^ 0x9e3779b97f4a7c15u, 0xe7037ed1a0b428dbu ^ len);
}

// Values that make the same key have the same hash. False: it is no key.
static bool hash_value(uint64_t *hash, struct value value)
{
    uint64_t one;
    double f = value.f == 0 ? 0 : value.f; // -0.0 is 0.0
    switch (value.type) {
    case VALUE_STRING:
        one = hash_text(value.bytes, value.len);
        break;
    case VALUE_INT:
        one = (uint64_t)value.i;
        break;
    case VALUE_FLOAT:
        memcpy(&one, &f, sizeof one);
        break;
    case VALUE_BOOL:
        one = value.b;
        break;
    case VALUE_NULL:
        one = 0;
        break;
    default:
        return false;
    }
    *hash = mix(*hash ^ one, 0xa0761d6478bd642fu + value.type);
    return true;
}

static uint32_t group_of(uint64_t hash)
{
    return (uint32_t)(hash >> 57);
}

int key_group(const void *key, size_t len, uint32_t *group)
{
    struct value fields[KEY_FIELDS_MAX];
    int count = key_decode(key, len, fields, KEY_FIELDS_MAX);
    uint64_t hash = HASH_START;
    for (int i = 0; i < count; i++)
        if (!hash_value(&hash, fields[i]))
            return ERR_CORRUPT;
    *group = group_of(hash);
    return count < 0 ? count : 0;
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

uint32_t outlet_owner(struct outlet *outlet, struct batch *batch, struct record *record)
{
    uint64_t hash = HASH_START;
    for (uint32_t i = 0; i < outlet->path_count; i++) {
        struct path *path = &outlet->paths[i];
        struct value value = record_read_field(batch, record, &path->field);
        if (path->count > 1)
            value = path_walk(batch, record, path, value);
        if (!hash_value(&hash, value))
            return 0;
    }
    return group_lane(group_of(hash), outlet->lanes);
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

// A batch over `batch` for each lane that gets one, but for `without`. `used`: by lane, whether
// records go there.
static int make_parts(struct outlet *outlet, struct batch *batch, const bool *used,
                      uint32_t without, struct batch_pool *pool)
{
    for (uint32_t i = 0; i < outlet->lanes; i++)
        outlet->parts[i] = NULL;
    for (uint32_t i = 0; i < outlet->lanes; i++) {
        if (i == without || (!used[i] && !batch->marks))
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

// The records of its own lane stay in the batch; true when the others have been copied out.
static bool take_apart(struct outlet *outlet, struct batch *batch, uint32_t home)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < batch->count; i++) {
        struct record *record = &batch->records[i];
        if (outlet->owner[i] != home) {
            if (!put(outlet->parts[outlet->owner[i]], batch, record))
                return false;
        } else if (kept++ != i) {
            batch->records[kept - 1] = *record;
        }
    }
    batch->count = kept;
    return true;
}

// The lane of the outlet's own edge without a link: those that stay.
static uint32_t home_of(const struct outlet *outlet)
{
    uint32_t home = 0;
    while (home < outlet->lanes && outlet->edges[home]->link)
        home++;
    return home;
}

static int send_by_key(struct outlet *outlet, struct batch *batch, struct batch_pool *pool)
{
    bool used[SCATTER_LANES_MAX] = {false};
    uint32_t home = home_of(outlet);
    for (uint32_t i = 0; i < batch->count; i++) {
        uint32_t owner = outlet_owner(outlet, batch, &batch->records[i]);
        outlet->owner[i] = (uint8_t)owner;
        used[owner] = true;
    }
    int rc = make_parts(outlet, batch, used, home, pool);
    if (rc)
        return rc;
    if (!take_apart(outlet, batch, home))
        return drop_parts(outlet);
    if (home < outlet->lanes && (used[home] || batch->marks))
        outlet->parts[home] = batch_ref(batch);
    push_parts(outlet, batch);
    return 0;
}

static int send_to_all(struct outlet *outlet, struct batch *batch, struct batch_pool *pool)
{
    bool used[SCATTER_LANES_MAX];
    memset(used, batch->count > 0, sizeof used);
    int rc = make_parts(outlet, batch, used, outlet->lanes, pool);
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
    int rc = make_parts(outlet, batch, none, outlet->turn, pool);
    if (rc)
        return rc;
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
