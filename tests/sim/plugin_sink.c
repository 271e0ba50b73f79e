// SPDX-License-Identifier: MIT
#include "plugin.h"
#include <stdlib.h>
#include <string.h>

struct instance {
    const tide_host *host;
    tide_ctx *ctx;
    struct world_sink *sink;
    size_t *held; // numbers of lines that are not durable
    size_t held_count, held_cap;
    bool cut; // it has said RETRY
};

static tide_result open_sink(const tide_host *host, tide_ctx *ctx, void **self)
{
    struct world_sink *sink = &world_now->sinks[host->opt_int(ctx, "index")];
    struct instance *it = *self;
    if (!it) {
        it = sim_alloc(sizeof *it);
        world_now->open_instances++;
        *it = (struct instance){.host = host, .ctx = ctx, .sink = sink};
        *self = it;
    }
    return plugin_rests(host, ctx, &sink->mood, &sink->dice);
}

static void make_durable(struct instance *it)
{
    for (size_t i = 0; i < it->held_count; i++)
        world_pay(it->sink, it->sink->lines[it->held[i]]);
    it->held_count = 0;
}

// After RETRY what it holds is its own affair: it makes it durable here. Else it was asked to.
static void close_sink(void *self)
{
    struct instance *it = self;
    if (it->held_count && !it->cut)
        world_complain("a sink is closed before what it holds is durable");
    make_durable(it);
    world_now->open_instances--;
    free(it->held);
    free(it);
}

static void keep(struct instance *it, tide_bytes value)
{
    struct world_sink *sink = it->sink;
    it->held = sim_grow(it->held, &it->held_cap, it->held_count + 1, sizeof *it->held);
    it->held[it->held_count++] = sink->count;
    char *line = sim_alloc(value.len + 1);
    if (value.len)
        memcpy(line, value.data, value.len);
    sink->lines = sim_grow(sink->lines, &sink->cap, sink->count + 1, sizeof *sink->lines);
    sink->lines[sink->count++] = line;
    world_note(line, value.len);
}

// Also what ends in AGAIN or RETRY may have taken some.
static uint32_t share_of(struct world_sink *sink, uint32_t count)
{
    if (dice_chance(&sink->dice, sink->mood.nothing))
        return 0;
    return dice_chance(&sink->dice, sink->mood.partial) ? dice_below(&sink->dice, count + 1)
                                                        : count;
}

static tide_result write_some(void *self, const tide_batch *batch, uint32_t *accepted)
{
    struct instance *it = self;
    tide_result rc = plugin_rests(it->host, it->ctx, &it->sink->mood, &it->sink->dice);
    bool takes = rc == TIDE_OK || dice_chance(&it->sink->dice, it->sink->mood.partial);
    uint32_t count = takes ? share_of(it->sink, batch->count) : 0;
    for (; *accepted < count; ++*accepted)
        keep(it, tide_record_at(batch, *accepted)->value);
    it->cut = rc == TIDE_RETRY;
    return rc;
}

static tide_result flush(void *self)
{
    struct instance *it = self;
    tide_result rc = plugin_rests(it->host, it->ctx, &it->sink->mood, &it->sink->dice);
    it->cut = rc == TIDE_RETRY;
    if (rc == TIDE_OK)
        make_durable(it);
    return rc;
}

static const tide_option options[] = {
    {.name = "index", .type = TIDE_INT, .default_text = "0", .help = "of the world's sinks"},
    {.name = NULL}};

#define SINK(more)                                                                                 \
    {                                                                                              \
        .struct_size = sizeof(tide_sink), .capabilities = (more), .options = options,              \
        .open = open_sink, .close = close_sink, .write = write_some, .flush = flush                \
    }

const tide_sink sim_sinks[PLUGIN_KINDS] = {SINK(0), SINK(TIDE_SINK_BLOCKING),
                                           SINK(TIDE_SINK_PARALLEL)};
