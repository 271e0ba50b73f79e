// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "kit/checks.h"
#include "kit/child.h"
#include "kit/lent.h"
#include "kit/sequence.h"

#include <inttypes.h>
#include <string.h>

enum { FREELY = 200, SLOWLY = 60, STREAM_BYTES = 4096, SMALL_RESERVE = 37 };

static bool has(const struct subject *s, uint32_t capability)
{
    return s->plugin->source->capabilities & capability;
}

static size_t some(const struct subject *s, size_t messages)
{
    return has(s, TIDE_SOURCE_STREAM) ? STREAM_BYTES : messages;
}

// Offsets of a split rise; `gapless`: one by one. Returns whether they do so.
static bool offsets_rise(const struct tide_ctx *ctx, bool gapless, size_t *at)
{
    for (size_t i = 0; i < ctx->message_count; i++)
        for (size_t k = i + 1; k < ctx->message_count; k++) {
            const struct kit_message *a = &ctx->messages[i], *b = &ctx->messages[k];
            *at = k;
            if (a->split != b->split)
                continue;
            if (a->offset != TIDE_NO_OFFSET && b->offset != TIDE_NO_OFFSET &&
                (gapless ? b->offset != a->offset + 1 : b->offset <= a->offset))
                return false;
            break;
        }
    return true;
}

void check_read(const struct subject *s, const struct part *part)
{
    (void)part;
    struct reading r;
    size_t at;
    reading_open(&r, s, NULL, 0);
    reading_until(&r, some(s, FREELY));
    const struct tide_ctx *ctx = r.instance.ctx;
    if (!has(s, TIDE_SOURCE_SPLITS) && ctx->split_count > 1)
        child_fail("source.h: TIDE_SOURCE_SPLITS", "the capability, with more than one split",
                   "%zu splits are announced", ctx->split_count);
    if (!ctx->split_count && !reading_count(&r))
        child_skip("no splits are announced with these options");
    if (!offsets_rise(ctx, false, &at))
        child_fail("record.h: tide_message", "offsets that rise within a split",
                   "message %zu has offset %" PRId64, at + 1, ctx->messages[at].offset);
    bool none = !reading_count(&r) && !ctx->bad_count && !r.ended;
    reading_close(&r);
    if (none)
        child_skip("no records came: give it some by --set (or --feed)");
}

// Compares with a free run where that must be the same, and offsets where it need not.
static void compare(const struct subject *s, struct reading *r, const struct sequence *q,
                    const char *run)
{
    size_t at;
    if (has(s, TIDE_SOURCE_REPLAYABLE))
        sequence_compare(q, r, NULL, "source.h: read, host.h: emit", run);
    bool gapless = offsets_rise(q->ctx, true, &at);
    if (!offsets_rise(r->instance.ctx, gapless, &at))
        child_fail("source.h: read, host.h: emit",
                   "what is not taken is kept for the next call: none lost, none twice",
                   "%s: message %zu has offset %" PRId64, run, at + 1,
                   r->instance.ctx->messages[at].offset);
}

void check_one_at_a_time(const struct subject *s, const struct part *part)
{
    (void)part;
    struct sequence q;
    struct reading r;
    sequence_read(&q, s, some(s, SLOWLY));
    reading_open(&r, s, NULL, 0);
    r.instance.ctx->reserve_size = 1;
    while (reading_count(&r) < SLOWLY && reading_step(&r, 1, UINT32_MAX))
        ;
    r.instance.ctx->reserve_size = SMALL_RESERVE;
    compare(s, &r, &q, "read one by one");
    reading_close(&r);
}

void check_full_batch(const struct subject *s, const struct part *part)
{
    (void)part;
    static const uint32_t rooms[] = {0, 1, 0, 0, 2, 3, 0, 1, 7};
    struct sequence q;
    struct reading r;
    sequence_read(&q, s, some(s, SLOWLY));
    reading_open(&r, s, NULL, 0);
    r.instance.ctx->reserve_size = SMALL_RESERVE;
    for (size_t i = 0; reading_count(&r) < SLOWLY; i++)
        if (!reading_step(&r, 64, rooms[i % (sizeof rooms / sizeof *rooms)]))
            break;
    compare(s, &r, &q, "with a host that takes 0 to 7 at a time");
    reading_close(&r);
}

void check_revoke(const struct subject *s, const struct part *part)
{
    (void)part;
    struct reading r;
    if (!TIDE_HAS(s->plugin->source, revoke) || !s->plugin->source->revoke)
        child_skip("it has no revoke");
    reading_open(&r, s, NULL, 0);
    r.instance.ctx->reserve_size = SMALL_RESERVE;
    (void)reading_step(&r, 1, 1);
    reading_revoke(&r);
    // What comes of a split that is revoked is a finding of the host.
    for (int i = 0; i < 3 && reading_step(&r, 8, 8); i++)
        ;
    reading_close(&r);
}

void check_ack(const struct subject *s, const struct part *part)
{
    (void)part;
    const tide_source *source = s->plugin->source;
    struct reading r;
    if (!TIDE_HAS(source, ack) || !source->ack)
        child_skip("it has no ack");
    if (!TIDE_HAS(source, position) || !source->position)
        child_skip("it has no position");
    reading_open(&r, s, NULL, 0);
    reading_until(&r, 1);
    struct tide_ctx *ctx = r.instance.ctx;
    for (uint64_t id = 1; id <= 2; id++) {
        uint32_t stride = sizeof(tide_position) + 16, count = 0;
        char *rows = lent_room(ctx->split_count * stride, "the positions of ack");
        for (uint32_t i = 0; i < ctx->split_count; i++) {
            struct buf at;
            buf_init(&at, 65536);
            if (!ctx->splits[i].assigned)
                continue;
            reading_position(&r, i, &at);
            tide_position row = {
                .struct_size = sizeof row,
                .split = i,
                .position = {lent_copy(at.data, at.len, "a position in ack"), at.len}};
            memcpy(rows + (size_t)count++ * stride, &row, sizeof row);
            buf_deinit(&at);
        }
        lent_seal();
        child_calls("source ack");
        tide_result result = source->ack(r.instance.self, id,
                                         (const tide_position *)(const void *)rows, count, stride);
        lent_take_back();
        if (ctx_answer(ctx, result, 0) < 0)
            child_fail("source.h: ack", "TIDE_OK", "source ack answers %" PRId32 ": %s", result,
                       ctx->reason);
    }
    reading_close(&r);
}
