// SPDX-License-Identifier: MIT
#include "kit/reading.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "kit/child.h"
#include "kit/lent.h"

#include <inttypes.h>
#include <poll.h>
#include <string.h>

enum { DRY_MS = 500, READ_AT_MOST = 1024, SPINS_MAX = 500, STRIDE_EXTRA = 32 };

#define READ_NS INT64_C(2000000000)          // of a read that never waits
#define BLOCKING_READ_NS INT64_C(5000000000) // and of one that may shortly

static void lend_split(tide_split *to, const struct kit_split *split, uint32_t id)
{
    *to = (tide_split){.struct_size = sizeof *to, .id = id};
    to->name = (tide_bytes){lent_copy(split->name, split->name_len, "a split's name in assign"),
                            split->name_len};
    if (split->position.len)
        to->position = (tide_bytes){
            lent_copy(split->position.data, split->position.len, "a position in assign"),
            split->position.len};
}

// All that was announced and is not yet read, in one call.
static void assign(struct reading *r)
{
    struct tide_ctx *ctx = r->instance.ctx;
    uint32_t count = 0, stride = sizeof(tide_split) + STRIDE_EXTRA;
    for (size_t i = 0; i < ctx->split_count; i++)
        count += !ctx->splits[i].assigned && !ctx->splits[i].lost && !ctx->splits[i].ended;
    if (!count)
        return;
    char *rows = lent_room((size_t)count * stride, "the splits of assign"), *row = rows;
    memset(rows, 0xA5, (size_t)count * stride);
    for (size_t i = 0; i < ctx->split_count; i++) {
        struct kit_split *split = &ctx->splits[i];
        if (split->assigned || split->lost || split->ended)
            continue;
        split->assigned = true;
        tide_split one;
        lend_split(&one, split, (uint32_t)i);
        memcpy(row, &one, sizeof one);
        row += stride;
    }
    lent_seal();
    child_calls("source assign");
    tide_result result =
        r->source->assign(r->instance.self, (const tide_split *)(const void *)rows, count, stride);
    lent_take_back();
    if (ctx_answer(ctx, result, 0) < 0)
        child_fail("source.h: assign", "TIDE_OK", "source assign answers %" PRId32 ": %s", result,
                   ctx->reason);
}

static void set_place(struct tide_ctx *ctx, const struct resume *place)
{
    const tide_bytes name = {place->name, place->name_len};
    size_t before = ctx->split_count;
    kit_splits_added(ctx, &name, 1);
    for (size_t i = 0; i < ctx->split_count; i++) {
        struct kit_split *split = &ctx->splits[i];
        if (split->name_len != place->name_len || memcmp(split->name, place->name, place->name_len))
            continue;
        split->lost = i >= before; // known when the source has announced it
        buf_clear(&split->position);
        if (buf_append(&split->position, place->bytes, place->len))
            child_wrong("out of memory");
    }
}

void reading_open(struct reading *r, const struct subject *s, const struct resume *places,
                  size_t count)
{
    *r = (struct reading){.source = s->plugin->source};
    r->stream = r->source->capabilities & TIDE_SOURCE_STREAM;
    instance_open(&r->instance, s, &s->source);
    for (size_t i = 0; i < count; i++)
        set_place(r->instance.ctx, &places[i]);
    assign(r);
}

void reading_close(struct reading *r)
{
    instance_close(&r->instance);
}

size_t reading_count(const struct reading *r)
{
    const struct tide_ctx *ctx = r->instance.ctx;
    size_t count = ctx->message_count;
    for (size_t i = 0; i < ctx->split_count; i++)
        count += ctx->splits[i].stream.len;
    return count;
}

static bool blocking(const struct reading *r)
{
    return r->source->capabilities & TIDE_SOURCE_BLOCKING;
}

static tide_result timed_read(struct reading *r, uint32_t max)
{
    struct tide_ctx *ctx = r->instance.ctx;
    int64_t begin = clock_mono_ns(clock_system());
    child_calls("source read");
    tide_result result = r->source->read(r->instance.self, (tide_out *)(void *)ctx, max);
    int64_t ns = clock_mono_ns(clock_system()) - begin;
    lent_take_back();
    ctx->reserved = NULL;
    if (ns > (blocking(r) ? BLOCKING_READ_NS : READ_NS))
        child_fail("source.h: read", "it never waits (BLOCKING: shortly)",
                   "source read took %" PRId64 " ms", ns / 1000000);
    return ctx_answer(ctx, result, 1);
}

static int descriptor(struct reading *r)
{
    if (!TIDE_HAS(r->source, poll_fd) || !r->source->poll_fd)
        return -1;
    child_calls("source poll_fd");
    int fd = r->source->poll_fd(r->instance.self);
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    int n = fd >= 0 ? poll(&ready, 1, 0) : 0;
    if (n > 0 && ready.revents & POLLNVAL)
        child_fail("source.h: poll_fd", "an open descriptor, or -1",
                   "poll_fd says %d, which is not open", fd);
    r->spins = n > 0 ? r->spins + 1 : 0;
    if (r->spins > SPINS_MAX)
        child_fail("source.h: poll_fd", "readable when read has something",
                   "poll_fd is readable, yet read answers AGAIN, %d times in a row", SPINS_MAX);
    return fd;
}

// Whether it is worth going on: something came, or may come yet.
static bool note_progress(struct reading *r)
{
    int64_t now = clock_mono_ns(clock_system());
    size_t count = reading_count(r);
    if (count > r->last || !r->dry_ns)
        r->dry_ns = now + DRY_MS * INT64_C(1000000);
    r->last = count;
    r->went_dry = now >= r->dry_ns;
    return !r->went_dry;
}

static void wait_more(struct reading *r)
{
    if (!ctx_wait(r->instance.ctx, descriptor(r), DRY_MS))
        child_fail("abi.h: TIDE_AGAIN", "poll_fd, wait_until or wake, so that it is called again",
                   "source read answers AGAIN, and nothing would ever call it again");
}

bool reading_step(struct reading *r, uint32_t max, uint32_t room)
{
    struct tide_ctx *ctx = r->instance.ctx;
    ctx->limit = r->stream ? UINT32_MAX : max;
    ctx->room = room;
    ctx->taken = 0;
    tide_result result = timed_read(r, max);
    ctx->limit = ctx->room = UINT32_MAX;
    if (result < 0)
        child_fail("abi.h: tide_result", "TIDE_OK, AGAIN or EOF: nothing is wrong here",
                   "source read answers %" PRId32 ": %s", result, ctx->reason);
    if (result == TIDE_EOF && !(r->source->capabilities & TIDE_SOURCE_BOUNDED))
        child_fail("source.h: TIDE_SOURCE_BOUNDED", "the capability, when read may answer EOF",
                   "source read answers EOF");
    r->ended = result == TIDE_EOF;
    if (!r->ended)
        assign(r);
    if (result == TIDE_AGAIN)
        wait_more(r);
    else
        r->spins = 0;
    return note_progress(r) && !r->ended;
}

void reading_until(struct reading *r, size_t count)
{
    while (reading_count(r) < count && reading_step(r, READ_AT_MOST, UINT32_MAX))
        ;
}

void reading_position(struct reading *r, uint32_t split, struct buf *out)
{
    size_t before = out->len;
    child_calls("source position");
    tide_result result = r->source->position(r->instance.self, split, (tide_buf *)(void *)out);
    if (ctx_answer(r->instance.ctx, result, 0) != TIDE_OK)
        child_fail("source.h: position", "TIDE_OK", "source position answers %" PRId32 ": %s",
                   result, r->instance.ctx->reason);
    if (out->len == before)
        child_fail("source.h: position", "where to read on, in at least one byte",
                   "source position puts nothing");
}

void reading_revoke(struct reading *r)
{
    struct tide_ctx *ctx = r->instance.ctx;
    uint32_t *ids = lent_room(ctx->split_count * sizeof *ids, "the ids of revoke"), count = 0;
    for (size_t i = 0; i < ctx->split_count; i++)
        if (ctx->splits[i].assigned)
            ids[count++] = (uint32_t)i;
    lent_seal();
    child_calls("source revoke");
    tide_result result = r->source->revoke(r->instance.self, ids, count);
    lent_take_back();
    if (ctx_answer(ctx, result, 0) != TIDE_OK)
        child_fail("source.h: revoke", "TIDE_OK", "source revoke answers %" PRId32 ": %s", result,
                   ctx->reason);
    for (size_t i = 0; i < ctx->split_count; i++) {
        ctx->splits[i].assigned = false;
        ctx->splits[i].lost = true; // until the source announces it again
    }
}
