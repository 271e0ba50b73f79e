// SPDX-License-Identifier: MIT
#include "kit/sequence.h"
#include "base/alloc.h"
#include "kit/child.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN = 60, READ_ON_AT_MOST = 100000 };

static int32_t split_named(const struct tide_ctx *ctx, const char *name, size_t len)
{
    for (size_t i = 0; i < ctx->split_count; i++)
        if (ctx->splits[i].name_len == len && !memcmp(ctx->splits[i].name, name, len))
            return (int32_t)i;
    return -1;
}

// The n-th message of a split; NULL: there are fewer.
static const struct kit_message *nth(const struct tide_ctx *ctx, uint32_t split, size_t n)
{
    for (size_t i = 0; i < ctx->message_count; i++)
        if (ctx->messages[i].split == split && n-- == 0)
            return &ctx->messages[i];
    return NULL;
}

size_t sequence_len(const struct tide_ctx *ctx, bool stream, const char *name, size_t name_len)
{
    int32_t id = split_named(ctx, name, name_len);
    if (id < 0)
        return 0;
    if (stream)
        return ctx->splits[id].stream.len;
    size_t count = 0;
    for (size_t i = 0; i < ctx->message_count; i++)
        count += ctx->messages[i].split == (uint32_t)id;
    return count;
}

void sequence_read(struct sequence *sequence, const struct subject *s, size_t most)
{
    struct reading r;
    reading_open(&r, s, NULL, 0);
    reading_until(&r, most);
    if (!reading_count(&r))
        child_skip("no records came to compare with: give it some by --set (or --feed)");
    // The instance is closed, its records are kept.
    struct tide_ctx *kept = mem_zalloc(sizeof *kept);
    if (!kept)
        child_wrong("out of memory");
    struct tide_ctx *ctx = r.instance.ctx;
    kept->splits = ctx->splits;
    kept->split_count = ctx->split_count;
    kept->messages = ctx->messages;
    kept->message_count = ctx->message_count;
    *sequence = (struct sequence){kept, r.stream, r.ended};
    kit_release(ctx);
    ctx->splits = NULL;
    ctx->messages = NULL;
    ctx->split_count = ctx->message_count = 0;
    reading_close(&r);
}

static bool same(const char *a, size_t a_len, const char *b, size_t b_len)
{
    return !a == !b && a_len == b_len && (!a || !memcmp(a, b, a_len));
}

static void show(const struct kit_message *message, char out[SHOWN + 8])
{
    size_t len = message->value_len < SHOWN ? message->value_len : SHOWN;
    size_t at = (size_t)snprintf(out, SHOWN + 8, "%s", message->value ? "" : "nothing");
    for (size_t i = 0; message->value && i < len; i++)
        out[at++] = message->value[i] >= ' ' && message->value[i] <= '~' ? message->value[i] : '.';
    (void)snprintf(out + at, 4, "%s", len < message->value_len ? "..." : "");
}

static void compare_messages(const struct sequence *q, const struct tide_ctx *now, uint32_t id,
                             uint32_t split, size_t skip, const char *rule, const char *run)
{
    const struct kit_message *want, *got;
    for (size_t n = 0; (want = nth(q->ctx, id, skip + n)); n++) {
        char wanted[SHOWN + 8], found[SHOWN + 8];
        show(want, wanted);
        got = nth(now, split, n);
        if (!got)
            child_fail(rule, "the same records as in the first run: none lost",
                       "%s: record %zu of split '%.*s' (%s) does not come", run, skip + n + 1,
                       (int)q->ctx->splits[id].name_len, q->ctx->splits[id].name, wanted);
        show(got, found);
        if (!same(want->value, want->value_len, got->value, got->value_len) ||
            !same(want->key, want->key_len, got->key, got->key_len) || want->offset != got->offset)
            child_fail(rule, "the same records as in the first run: none lost, none twice",
                       "%s: record %zu of split '%.*s' is %s (offset %" PRId64
                       "), not %s (offset %" PRId64 ")",
                       run, skip + n + 1, (int)q->ctx->splits[id].name_len, q->ctx->splits[id].name,
                       found, got->offset, wanted, want->offset);
    }
    if (q->ended && (got = nth(now, split,
                               sequence_len(q->ctx, false, q->ctx->splits[id].name,
                                            q->ctx->splits[id].name_len) -
                                   skip)))
        child_fail(rule, "the same records as in the first run: none twice",
                   "%s: more records come of split '%.*s' than there are", run,
                   (int)q->ctx->splits[id].name_len, q->ctx->splits[id].name);
}

static void compare_bytes(const struct sequence *q, const struct tide_ctx *now, uint32_t id,
                          uint32_t split, size_t skip, const char *rule, const char *run)
{
    const struct buf *want = &q->ctx->splits[id].stream, *got = &now->splits[split].stream;
    size_t len = want->len - skip, i = 0;
    while (i < len && i < got->len && want->data[skip + i] == got->data[i])
        i++;
    if (i == got->len && i < len)
        child_fail(rule, "the same bytes as in the first run: none lost",
                   "%s: byte %zu of split '%.*s' does not come", run, skip + i,
                   (int)q->ctx->splits[id].name_len, q->ctx->splits[id].name);
    if (i < len || (q->ended && got->len > len))
        child_fail(rule, "the same bytes as in the first run: none lost, none twice",
                   "%s: byte %zu of split '%.*s' is another", run, skip + i,
                   (int)q->ctx->splits[id].name_len, q->ctx->splits[id].name);
}

// Whether all that the sequence has is there.
static bool complete(const struct sequence *q, const struct tide_ctx *now, const size_t *skipped)
{
    for (size_t i = 0; i < q->ctx->split_count; i++) {
        const struct kit_split *split = &q->ctx->splits[i];
        size_t want = sequence_len(q->ctx, q->stream, split->name, split->name_len);
        if (sequence_len(now, q->stream, split->name, split->name_len) +
                (skipped ? skipped[i] : 0) <
            want)
            return false;
    }
    return true;
}

void sequence_compare(const struct sequence *q, struct reading *r, const size_t *skipped,
                      const char *rule, const char *run)
{
    const struct tide_ctx *now = r->instance.ctx;
    while (!r->ended && !r->went_dry && reading_count(r) < READ_ON_AT_MOST &&
           (q->ended || !complete(q, now, skipped)))
        reading_until(r, reading_count(r) + 1);
    for (uint32_t i = 0; i < q->ctx->split_count; i++) {
        const struct kit_split *split = &q->ctx->splits[i];
        size_t skip = skipped ? skipped[i] : 0;
        int32_t id = split_named(now, split->name, split->name_len);
        if (sequence_len(q->ctx, q->stream, split->name, split->name_len) == skip && id < 0)
            continue;
        if (id < 0)
            child_fail(rule, "the same splits as in the first run",
                       "%s: split '%.*s' is not announced", run, (int)split->name_len, split->name);
        (q->stream ? compare_bytes : compare_messages)(q, now, i, (uint32_t)id, skip, rule, run);
    }
}
