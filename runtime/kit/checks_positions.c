// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "kit/checks.h"
#include "kit/child.h"
#include "kit/sequence.h"

#include <stdio.h>
#include <string.h>

// A position after every record: another instance that is given it reads on with the very next one.

enum { PLACES = 24, SPLITS_MAX = 64, STREAM_BYTES = 2048, SMALL_RESERVE = 29 };

struct stop { // a moment of the run: for each split where it stands
    size_t done[SPLITS_MAX];
    struct buf positions[SPLITS_MAX];
};

static const char rule[] = "source.h: position, assign";

static int32_t split_of(const struct tide_ctx *ctx, const struct kit_split *wanted)
{
    for (size_t i = 0; i < ctx->split_count; i++)
        if (ctx->splits[i].assigned && ctx->splits[i].name_len == wanted->name_len &&
            !memcmp(ctx->splits[i].name, wanted->name, wanted->name_len))
            return (int32_t)i;
    return -1;
}

static size_t splits_of(const struct sequence *q)
{
    return q->ctx->split_count < SPLITS_MAX ? q->ctx->split_count : SPLITS_MAX;
}

static void note_stop(struct reading *r, const struct sequence *q, struct stop *stop)
{
    for (size_t i = 0; i < splits_of(q); i++) {
        const struct kit_split *split = &q->ctx->splits[i];
        int32_t id = split_of(r->instance.ctx, split);
        buf_init(&stop->positions[i], 65536);
        stop->done[i] = sequence_len(r->instance.ctx, q->stream, split->name, split->name_len);
        if (id >= 0)
            reading_position(r, (uint32_t)id, &stop->positions[i]);
    }
}

// Of streams: `before` of a split's last commit is where the bytes of that commit begin.
static void note_commit(const struct tide_ctx *ctx, const struct sequence *q,
                        const size_t had[SPLITS_MAX], const struct stop *last, struct stop *stop)
{
    for (size_t i = 0; i < splits_of(q); i++) {
        const struct kit_split *split = &q->ctx->splits[i];
        int32_t id = split_of(ctx, split);
        const struct kit_split *own = id >= 0 ? &ctx->splits[id] : NULL;
        buf_init(&stop->positions[i], 65536);
        stop->done[i] = own && own->stream.len > had[i] ? had[i] : last ? last->done[i] : 0;
        if (own && own->stream.len && !own->before.len)
            child_fail("host.h: commit", "the position of the stream before the bytes",
                       "a commit without `before`, though it says REPLAYABLE");
        if (own && buf_append(&stop->positions[i], own->before.data, own->before.len))
            child_wrong("out of memory");
    }
}

static void restore(const struct subject *s, const struct sequence *q, const struct stop *stop,
                    size_t number)
{
    struct resume places[SPLITS_MAX];
    struct reading r;
    size_t count = 0;
    char run[80];
    for (uint32_t i = 0; i < q->ctx->split_count && i < SPLITS_MAX; i++)
        if (stop->positions[i].len)
            places[count++] = (struct resume){q->ctx->splits[i].name, q->ctx->splits[i].name_len,
                                              stop->positions[i].data, stop->positions[i].len};
    (void)snprintf(run, sizeof run, "after %zu %s, closed and assigned at its position", number,
                   q->stream ? "commits" : "records");
    reading_open(&r, s, places, count);
    sequence_compare(q, &r, stop->done, rule, run);
    reading_close(&r);
}

// One step of the run; true: there is one more stop.
static bool next_stop(struct reading *r, const struct sequence *q, const struct stop *last,
                      struct stop *stop, bool *more)
{
    size_t had[SPLITS_MAX], all = reading_count(r);
    for (size_t i = 0; i < splits_of(q); i++)
        had[i] = sequence_len(r->instance.ctx, q->stream, q->ctx->splits[i].name,
                              q->ctx->splits[i].name_len);
    *more = reading_step(r, 1, 1);
    if (reading_count(r) == all)
        return false;
    r->went_dry = false;
    if (q->stream)
        note_commit(r->instance.ctx, q, had, last, stop);
    else
        note_stop(r, q, stop);
    return true;
}

// One run in which positions are taken; each is then tried.
static size_t take_stops(const struct subject *s, const struct sequence *q, struct stop *stops)
{
    struct reading r;
    size_t count = 0;
    bool more = true;
    reading_open(&r, s, NULL, 0);
    r.instance.ctx->reserve_size = SMALL_RESERVE;
    if (!q->stream)
        note_stop(&r, q, &stops[count++]);
    while (more && count < PLACES)
        count += next_stop(&r, q, count ? &stops[count - 1] : NULL, &stops[count], &more);
    r.instance.ctx->reserve_size = 65536;
    r.went_dry = false;
    sequence_compare(q, &r, NULL, rule, "while positions are taken");
    reading_close(&r);
    return count;
}

void check_positions(const struct subject *s, const struct part *part)
{
    (void)part;
    const tide_source *source = s->plugin->source;
    if (!(source->capabilities & TIDE_SOURCE_REPLAYABLE))
        child_skip("it is not REPLAYABLE");
    struct sequence q;
    sequence_read(&q, s, source->capabilities & TIDE_SOURCE_STREAM ? STREAM_BYTES : PLACES + 16);
    struct stop *stops = mem_zalloc(sizeof *stops * (PLACES + 1));
    if (!stops)
        child_wrong("out of memory");
    size_t count = take_stops(s, &q, stops);
    for (size_t i = 0; i < count; i++)
        restore(s, &q, &stops[i], i);
}
