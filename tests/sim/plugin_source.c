// SPDX-License-Identifier: MIT
#include "plugin.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reading { // of a split, by one instance
    bool active, ended;
    uint32_t id;
    int64_t at; // the next row; streams: the next byte
};

struct instance {
    struct live live;
    const tide_host *host;
    tide_ctx *ctx;
    struct world_source *source;
    struct reading splits[SPLITS_MAX];
};

static tide_result announce(struct instance *it)
{
    char text[SPLITS_MAX][8];
    tide_bytes names[SPLITS_MAX];
    for (uint32_t i = 0; i < it->source->split_count; i++) {
        int len = snprintf(text[i], sizeof text[i], "s%" PRIu32, i);
        names[i] = (tide_bytes){text[i], (size_t)len};
    }
    return it->host->splits_added(it->ctx, names, it->source->split_count);
}

static void drop(struct live *live)
{
    free(live);
}

static tide_result open_source(const tide_host *host, tide_ctx *ctx, void **self)
{
    struct world_source *source = &world_now->sources[host->opt_int(ctx, "index")];
    struct instance *it = *self;
    if (!it) {
        it = sim_alloc(sizeof *it);
        *it = (struct instance){.live = {.drop = drop}, .host = host, .ctx = ctx, .source = source};
        world_enter(&it->live);
        *self = it;
    }
    tide_result rc = plugin_rests(host, ctx, &source->mood, &source->dice);
    return rc == TIDE_OK ? announce(it) : rc;
}

static void close_source(void *self)
{
    struct instance *it = self;
    world_leave(&it->live);
    free(it);
}

// After a start it is up to the engine where; but what was acknowledged may be gone.
static int64_t take_up(struct world_split *split, uint32_t number, int64_t at)
{
    if (split->handed == NOT_KNOWN && at < split->acked)
        world_complain("split %u is acknowledged up to %" PRId64 ", but read again from %" PRId64,
                       number, split->acked, at);
    if (split->handed == NOT_KNOWN)
        split->handed = at;
    return split->handed;
}

// A split is read on where it was left.
static tide_result assign(void *self, const tide_split *splits, uint32_t count, uint32_t stride)
{
    struct instance *it = self;
    for (uint32_t i = 0; i < count; i++) {
        const tide_split *from =
            (const tide_split *)(const void *)((const char *)splits + (size_t)i * stride);
        uint32_t at = (uint32_t)(((const char *)from->name.data)[1] - '0');
        struct reading *split = &it->splits[at];
        if (split->active)
            world_complain("split %u is assigned twice", at);
        *split = (struct reading){.active = true, .id = from->id};
        if (from->position.data)
            memcpy(&split->at, from->position.data, sizeof split->at);
        int64_t handed = take_up(&it->source->splits[at], at, split->at);
        if (it->source->stream ? split->at > handed : split->at != handed)
            world_complain("split %u is to be read on at %" PRId64 ", was at %" PRId64, at,
                           split->at, handed);
    }
    return TIDE_OK;
}

static int64_t length(const struct instance *it, const struct world_split *split)
{
    size_t rows = split->rows.count;
    return it->source->stream ? (int64_t)split->starts[rows] : (int64_t)rows;
}

static tide_message message_of(const struct world_split *split, const struct reading *reading)
{
    size_t start = split->starts[reading->at];
    return (tide_message){
        .struct_size = sizeof(tide_message),
        .split = reading->id,
        .offset = reading->at,
        .time_ms = TIDE_NO_TIME,
        .value = {split->text + start, split->starts[reading->at + 1] - start - 1}};
}

static tide_result emit_some(struct instance *it, tide_out *out, const struct world_split *split,
                             struct reading *reading, uint32_t max)
{
    while (max-- && reading->at < length(it, split)) {
        tide_message message = message_of(split, reading);
        if (!it->host->emit(out, &message, 1, sizeof message))
            break;
        reading->at++;
    }
    return TIDE_OK;
}

static tide_result stream_some(struct instance *it, tide_out *out, const struct world_split *split,
                               struct reading *reading, uint32_t max)
{
    size_t room, left = (size_t)(length(it, split) - reading->at), want = (size_t)max * 16;
    int64_t before = reading->at;
    char *to = it->host->reserve(out, reading->id, &room);
    if (!to)
        return TIDE_OK;
    want = want < left ? want : left;
    want = want < room ? want : room;
    memcpy(to, split->text + reading->at, want);
    reading->at += (int64_t)want;
    return it->host->commit(out, reading->id, want, (tide_bytes){&before, sizeof before});
}

static tide_result read_split(struct instance *it, tide_out *out, uint32_t number, uint32_t max)
{
    struct world_split *split = &it->source->splits[number];
    struct reading *reading = &it->splits[number];
    tide_result rc = TIDE_OK;
    if (reading->at < length(it, split)) {
        rc = it->source->stream ? stream_some(it, out, split, reading, max)
                                : emit_some(it, out, split, reading, max);
        if (reading->at > split->handed)
            split->handed = reading->at;
        world_note(&split->handed, sizeof split->handed);
    }
    // Its end comes with the last of it, or later, or is that of the whole source.
    if (rc == TIDE_OK && reading->at == length(it, split) && it->source->ends_splits &&
        dice_chance(&it->source->dice, 50)) {
        reading->ended = true;
        it->host->split_end(out, reading->id);
    }
    return rc;
}

static bool goes_on(const struct instance *it, uint32_t number)
{
    const struct reading *reading = &it->splits[number];
    if (!reading->active || reading->ended)
        return false;
    return it->source->ends_splits || reading->at < length(it, &it->source->splits[number]);
}

static tide_result read_some(void *self, tide_out *out, uint32_t max)
{
    struct instance *it = self;
    struct world_source *source = it->source;
    uint32_t open[SPLITS_MAX], count = 0;
    for (uint32_t i = 0; i < source->split_count; i++)
        if (goes_on(it, i))
            open[count++] = i;
    if (!count)
        return TIDE_EOF;
    tide_result rc = plugin_rests(it->host, it->ctx, &source->mood, &source->dice);
    if (rc != TIDE_OK)
        return rc;
    uint32_t most = 1 + dice_below(&source->dice, source->mood.burst);
    return read_split(it, out, open[dice_below(&source->dice, count)], most < max ? most : max);
}

static tide_result position(void *self, uint32_t id, tide_buf *out)
{
    struct instance *it = self;
    for (uint32_t i = 0; i < SPLITS_MAX; i++)
        if (it->splits[i].active && it->splits[i].id == id && !it->source->stream)
            return it->host->put(out, &it->splits[i].at, sizeof it->splits[i].at)
                       ? it->host->fail(it->ctx, TIDE_FATAL, "out of memory")
                       : TIDE_OK;
    return TIDE_AGAIN;
}

// Rows that lie whole in front of a position.
static int64_t rows_before(const struct instance *it, const struct world_split *split, int64_t at)
{
    int64_t rows = 0;
    while (it->source->stream && rows < (int64_t)split->rows.count &&
           (int64_t)split->starts[rows + 1] <= at)
        rows++;
    return it->source->stream ? rows : at;
}

// What is acknowledged never goes back, nor ahead of what was read, nor of what is durable.
static void check_ack(const struct instance *it, uint32_t number, int64_t at)
{
    struct world_split *split = &it->source->splits[number];
    uint32_t source = (uint32_t)(it->source - world_now->sources);
    if (at < split->acked || at > split->handed) {
        world_complain("split %u is acknowledged up to %" PRId64 " after %" PRId64
                       ", read up to %" PRId64,
                       number, at, split->acked, split->handed);
        return;
    }
    if (!world_is_paid(world_now, source * SPLITS_MAX + number,
                       rows_before(it, split, split->acked), rows_before(it, split, at)))
        world_complain("in%u: split %u is acknowledged up to %" PRId64
                       ", but not all of that is durable",
                       source, number, at);
    if (at > split->acked)
        world_note(&at, sizeof at);
    split->acked = at;
    world_now->acks++;
}

static tide_result ack(void *self, uint64_t id, const tide_position *positions, uint32_t count,
                       uint32_t stride)
{
    struct instance *it = self;
    (void)id;
    for (uint32_t i = 0; i < count; i++) {
        const tide_position *from =
            (const tide_position *)(const void *)((const char *)positions + (size_t)i * stride);
        int64_t at;
        memcpy(&at, from->position.data, sizeof at);
        for (uint32_t k = 0; k < SPLITS_MAX; k++)
            if (it->splits[k].active && it->splits[k].id == from->split)
                check_ack(it, k, at);
    }
    return TIDE_OK;
}

static const tide_option options[] = {
    {.name = "index", .type = TIDE_INT, .default_text = "0", .help = "of the world's sources"},
    {.name = NULL}};

#define SOURCE(more)                                                                               \
    {                                                                                              \
        .struct_size = sizeof(tide_source),                                                        \
        .capabilities =                                                                            \
            TIDE_SOURCE_BOUNDED | TIDE_SOURCE_REPLAYABLE | TIDE_SOURCE_SPLITS | (more),            \
        .options = options, .open = open_source, .close = close_source, .assign = assign,          \
        .read = read_some, .position = position, .ack = ack                                        \
    }

const tide_source sim_sources[PLUGIN_KINDS] = {
    SOURCE(0), SOURCE(TIDE_SOURCE_BLOCKING), SOURCE(TIDE_SOURCE_PARALLEL),
    SOURCE(0), SOURCE(TIDE_SOURCE_BLOCKING), SOURCE(TIDE_SOURCE_PARALLEL)};
