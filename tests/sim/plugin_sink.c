// SPDX-License-Identifier: MIT
#include "plugin.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct instance {
    struct live live;
    const tide_host *host;
    tide_ctx *ctx;
    struct world_sink *sink;
    size_t *held; // numbers of lines that are not durable
    size_t held_count, held_cap;
    bool cut;         // it has said RETRY or FATAL
    bool pending;     // it has prepared, and not committed
    uint64_t act;     // what
    uint64_t last_id; // of prepare
};

static void drop(struct live *live)
{
    struct instance *it = (struct instance *)(void *)live;
    free(it->held);
    free(it);
}

static tide_result open_sink(const tide_host *host, tide_ctx *ctx, void **self)
{
    struct world_sink *sink = &world_now->sinks[host->opt_int(ctx, "index")];
    struct instance *it = *self;
    if (!it) {
        it = sim_alloc(sizeof *it);
        *it = (struct instance){.live = {.drop = drop}, .host = host, .ctx = ctx, .sink = sink};
        world_enter(&it->live);
        *self = it;
    }
    return plugin_rests(host, ctx, &sink->mood, &sink->dice);
}

static void make_durable(struct instance *it)
{
    for (size_t i = 0; i < it->held_count && !it->sink->exact; i++) {
        struct line *line = &it->sink->lines[it->held[i]];
        line->state = LINE_THERE;
        world_pay(it->sink, line);
    }
    if (!it->sink->exact)
        it->held_count = 0;
}

// After RETRY what it holds is its own affair: it makes it durable here. Else it was asked to. Of
// two phases it was prepared, or is to be cut off.
static void close_sink(void *self)
{
    struct instance *it = self;
    if (it->held_count && !it->cut && !world_now->checkpoints)
        world_complain("a sink is closed before what it holds is durable");
    make_durable(it);
    for (size_t i = 0; i < it->held_count; i++)
        it->sink->lines[it->held[i]].state = LINE_LOST;
    world_leave(&it->live);
    drop(&it->live);
}

static void keep(struct instance *it, tide_bytes value)
{
    struct world_sink *sink = it->sink;
    it->held = sim_grow(it->held, &it->held_cap, it->held_count + 1, sizeof *it->held);
    it->held[it->held_count++] = sink->count;
    char *line = sim_alloc(value.len + 1);
    if (value.len)
        memcpy(line, value.data, value.len);
    line[value.len] = '\0';
    sink->lines = sim_grow(sink->lines, &sink->cap, sink->count + 1, sizeof *sink->lines);
    sink->lines[sink->count++] = (struct line){.text = line};
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

static tide_result rests(struct instance *it)
{
    tide_result rc = plugin_rests(it->host, it->ctx, &it->sink->mood, &it->sink->dice);
    it->cut = rc < 0;
    return rc;
}

static tide_result write_some(void *self, const tide_batch *batch, uint32_t *accepted)
{
    struct instance *it = self;
    if (it->pending)
        world_complain("a sink is written to before what it has prepared is decided");
    tide_result rc = rests(it);
    bool takes = rc == TIDE_OK || dice_chance(&it->sink->dice, it->sink->mood.partial);
    uint32_t count = takes ? share_of(it->sink, batch->count) : 0;
    for (; *accepted < count; ++*accepted)
        keep(it, tide_record_at(batch, *accepted)->value);
    return rc;
}

static tide_result flush(void *self)
{
    struct instance *it = self;
    tide_result rc = rests(it);
    if (rc == TIDE_OK)
        make_durable(it);
    return rc;
}

// -- two phases --

// A crash behind it keeps what was prepared; another instance may commit it.
static tide_result prepare(void *self, uint64_t id, tide_buf *data)
{
    struct instance *it = self;
    tide_result rc = rests(it);
    if (rc != TIDE_OK)
        return rc;
    if (!it->sink->exact || it->pending || id <= it->last_id)
        world_complain("a sink is to prepare %" PRIu64 " after %" PRIu64 "%s", id, it->last_id,
                       it->pending ? ", which is not decided" : "");
    it->last_id = id;
    it->act = ++world_now->last_act;
    it->pending = true;
    for (size_t i = 0; i < it->held_count; i++) {
        struct line *line = &it->sink->lines[it->held[i]];
        line->state = LINE_PREPARED;
        line->act = it->act;
        world_pay(it->sink, line);
    }
    it->held_count = 0;
    world_note(&id, sizeof id);
    return it->host->put(data, &it->act, sizeof it->act)
               ? it->host->fail(it->ctx, TIDE_FATAL, "out of memory")
               : TIDE_OK;
}

// May come again. What others of this act have prepared is there as well.
static tide_result commit(void *self, tide_bytes data)
{
    struct instance *it = self;
    uint64_t act = 0;
    tide_result rc = rests(it);
    if (rc != TIDE_OK)
        return rc;
    if (data.len == sizeof act)
        memcpy(&act, data.data, sizeof act);
    if (!act || act > world_now->last_act || (it->pending && act != it->act) || it->held_count)
        world_complain("a sink is to commit what it has not prepared: %" PRIu64, act);
    for (size_t i = 0; i < it->sink->count; i++) {
        struct line *line = &it->sink->lines[i];
        if (line->act == act && line->state == LINE_PREPARED) {
            line->state = LINE_THERE;
            world_pay(it->sink, line);
        }
    }
    it->pending = false;
    world_note(&act, sizeof act);
    return TIDE_OK;
}

static tide_result abort_act(void *self, tide_bytes data)
{
    (void)self;
    (void)data;
    return TIDE_OK;
}

static const tide_option options[] = {
    {.name = "index", .type = TIDE_INT, .default_text = "0", .help = "of the world's sinks"},
    {.name = NULL}};

#define SINK(more)                                                                                 \
    {                                                                                              \
        .struct_size = sizeof(tide_sink), .capabilities = (more), .options = options,              \
        .open = open_sink, .close = close_sink, .write = write_some, .flush = flush,               \
        .prepare = prepare, .commit = commit, .abort = abort_act                                   \
    }

const tide_sink sim_sinks[PLUGIN_KINDS] = {SINK(0),
                                           SINK(TIDE_SINK_BLOCKING),
                                           SINK(TIDE_SINK_PARALLEL),
                                           SINK(TIDE_SINK_TWO_PHASE),
                                           SINK(TIDE_SINK_TWO_PHASE | TIDE_SINK_BLOCKING),
                                           SINK(TIDE_SINK_TWO_PHASE | TIDE_SINK_PARALLEL)};
