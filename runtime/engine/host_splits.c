// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "engine/source_driver.h"
#include "engine/source_keep.h"
#include <string.h>

// The splits of a source: what its instance announces and takes back, and what it is told to read.

enum { POSITION_MAX = 64 * 1024, ASSIGN_AT_ONCE = 64 };

// The number of the split of that name, or -1. Who announces splits again does so in the same
// order: `likely` is looked at first.
static int64_t find_split(const struct source_driver *source, tide_bytes name, size_t likely)
{
    for (size_t i = 0; i < source->split_count; i++) {
        size_t at = (likely + i) % source->split_count;
        const struct split *split = &source->splits[at];
        if (split->name_len == name.len && !memcmp(split->name, name.data, name.len))
            return (int64_t)at;
    }
    return -1;
}

static int tell_lane(struct source_driver *source, size_t id)
{
    struct split *split = &source->splits[id];
    if (!source_reads(source, id))
        return 0;
    struct parcel *parcel = source_add_parcel(source, PARCEL_SPLIT, (uint32_t)id);
    if (!parcel || buf_append(&parcel->text, split->name, split->name_len))
        return ERR_NOMEM;
    return source->buffer ? 0 : source_keep_claim(source, split, parcel); // else when it comes out
}

static int add_split(struct source_driver *source, tide_bytes name)
{
    if (mem_grow(&source->splits, &source->split_cap, source->split_count + 1,
                 sizeof *source->splits))
        return ERR_NOMEM;
    struct split *split = &source->splits[source->split_count];
    *split = (struct split){.name = mem_strndup(name.data, name.len), .name_len = name.len};
    buf_init(&split->position, POSITION_MAX);
    if (!split->name)
        return ERR_NOMEM;
    split->life = source->life;
    return tell_lane(source, source->split_count++);
}

static int add_again(struct source_driver *source, size_t id)
{
    struct split *split = &source->splits[id];
    bool anew = split->lost || (split->ended && split->life == source->life);
    if (anew) {
        split->placed = false;
        split->past = split->skip = 0;
    }
    split->life = source->life;
    if (!split->lost && !split->ended)
        return 0; // the lane has it still
    split->lost = split->ended = split->assigned = split->revoked = false;
    return tell_lane(source, id);
}

tide_result host_splits_added(tide_ctx *ctx, const tide_bytes *names, uint32_t count)
{
    struct source_driver *source = ctx->source;
    if (!source)
        return host_table.fail(ctx, TIDE_FATAL, "splits_added is for sources");
    bool first = source->split_count == 0;
    size_t next = 0;
    for (uint32_t i = 0; i < count; i++) {
        int64_t known = first ? -1 : find_split(source, names[i], next);
        int rc = known >= 0 ? add_again(source, (size_t)known) : add_split(source, names[i]);
        if (rc) {
            source_out_of_memory(source);
            return host_table.fail(ctx, TIDE_FATAL, "out of memory");
        }
        next = known >= 0 ? (size_t)known + 1 : source->split_count;
    }
    source->unassigned = true;
    return TIDE_OK;
}

tide_result host_splits_lost(tide_ctx *ctx, const uint32_t *ids, uint32_t count, int how)
{
    struct source_driver *source = ctx->source;
    bool revoked = false;
    if (!source)
        return host_table.fail(ctx, TIDE_FATAL, "splits_lost is for sources");
    for (uint32_t i = 0; i < count; i++) {
        struct split *split = ids[i] < source->split_count ? &source->splits[ids[i]] : NULL;
        if (!split || split->lost)
            continue;
        split->revoked = how == TIDE_SPLIT_REVOKED && split->assigned;
        split->revoke_epoch = 0;
        revoked |= split->revoked;
        split->lost = true;
        split->assigned = false;
        if (source_reads(source, ids[i]) && !source_add_parcel(source, PARCEL_LOST, ids[i]))
            return TIDE_FATAL;
    }
    if (revoked)
        source_ask_barrier(source);
    return TIDE_OK;
}

static tide_split describe(struct source_driver *source, size_t id)
{
    struct split *split = &source->splits[id];
    tide_split out = {
        .struct_size = sizeof out, .id = (uint32_t)id, .name = {split->name, split->name_len}};
    if (split->placed)
        out.position = (tide_bytes){split->position.data, split->position.len};
    return out;
}

static bool waits(const struct source_driver *source, size_t id)
{
    const struct split *split = &source->splits[id];
    return split->life == source->life && !split->assigned && !split->lost &&
           source_reads(source, id);
}

// Once splits are known: the lanes without one hold back nobody's watermark.
static void tell_none(struct source_driver *source)
{
    for (uint32_t lane = 0; lane < source->lane_count; lane++) {
        size_t split = source->shares > 1 ? source->share : lane;
        if (split >= source->split_count)
            source_add_parcel_for(source, PARCEL_NONE, lane);
    }
    source->told_none = true;
}

void source_assign(struct source_driver *source)
{
    size_t at = 0;
    if (source->split_count && !source->told_none)
        tell_none(source);
    while (source->unassigned && source->driver.state == DRIVER_RUNNING) {
        tide_split some[ASSIGN_AT_ONCE];
        uint32_t n = 0;
        for (; at < source->split_count && n < ASSIGN_AT_ONCE; at++)
            if (waits(source, at)) {
                source->splits[at].assigned = true;
                source->splits[at].paused = false;
                source->aligned = UINT64_MAX; // it may have to be
                some[n++] = describe(source, at);
            }
        // The instance may announce more meanwhile: then it is all looked through again.
        source->unassigned = at < source->split_count;
        tide_result rc =
            n ? source->source->assign(source->driver.self, some, n, sizeof some[0]) : TIDE_OK;
        if (rc < 0)
            driver_result(&source->driver, rc);
        if (at == source->split_count)
            at = 0;
    }
}
