// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "kit/child.h"
#include "kit/host.h"
#include "kit/lent.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

// What a source calls: splits, messages, bytes. A tide_out is the ctx itself.

enum { STREAM_MAX = 64 << 20, POSITION_MAX = 64 * 1024, MESSAGE_MAX = 64 << 20 };

static struct tide_ctx *ctx_of(tide_out *out)
{
    return (struct tide_ctx *)(void *)out;
}

static void *need(void *memory)
{
    if (!memory)
        child_wrong("out of memory");
    return memory;
}

static struct kit_split *known(struct tide_ctx *ctx, uint32_t id, const char *what)
{
    if (id >= ctx->split_count)
        child_fail("source.h: tide_split", "the id of a split, as given by assign",
                   "%s of split %" PRIu32 ", of which there are %zu", what, id, ctx->split_count);
    struct kit_split *split = &ctx->splits[id];
    if (!split->assigned)
        child_fail("source.h: assign, revoke", "records of splits that are assigned",
                   "%s of split '%.*s', which is not assigned", what, (int)split->name_len,
                   split->name);
    return split;
}

tide_result kit_splits_added(tide_ctx *ctx, const tide_bytes *names, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++) {
        size_t i = 0;
        while (i < ctx->split_count && (ctx->splits[i].name_len != names[n].len ||
                                        memcmp(ctx->splits[i].name, names[n].data, names[n].len)))
            i++;
        if (i < ctx->split_count) {
            ctx->splits[i].lost = ctx->splits[i].ended = false;
            continue;
        }
        if (mem_grow(&ctx->splits, &ctx->split_cap, i + 1, sizeof *ctx->splits))
            child_wrong("out of memory");
        struct kit_split *split = &ctx->splits[ctx->split_count++];
        *split = (struct kit_split){.name_len = names[n].len};
        split->name = need(mem_strndup(names[n].data, names[n].len));
        buf_init(&split->position, POSITION_MAX);
        buf_init(&split->before, POSITION_MAX);
        buf_init(&split->stream, STREAM_MAX);
    }
    return TIDE_OK;
}

tide_result kit_splits_lost(tide_ctx *ctx, const uint32_t *ids, uint32_t count, int how)
{
    if (how != TIDE_SPLIT_REVOKED && how != TIDE_SPLIT_LOST)
        child_fail("host.h: splits_lost", "TIDE_SPLIT_REVOKED or TIDE_SPLIT_LOST", "how = %d", how);
    for (uint32_t i = 0; i < count; i++) {
        if (ids[i] >= ctx->split_count)
            child_fail("host.h: splits_lost", "ids of splits", "split %" PRIu32 " of %zu", ids[i],
                       ctx->split_count);
        ctx->splits[ids[i]].lost = true;
        ctx->splits[ids[i]].assigned = false;
    }
    return TIDE_OK;
}

static char *copy(tide_bytes bytes)
{
    if (!bytes.data && bytes.len)
        child_fail("abi.h: tide_bytes", "data, or a length of 0", "%zu bytes at NULL", bytes.len);
    return bytes.data ? need(mem_strndup(bytes.data, bytes.len)) : NULL;
}

static void keep(struct tide_ctx *ctx, const tide_message *from)
{
    if (from->struct_size < offsetof(tide_message, flags) || from->struct_size > 4096)
        child_fail("record.h: tide_message", "struct_size = sizeof(tide_message)",
                   "a message with struct_size %" PRIu32, from->struct_size);
    (void)known(ctx, from->split, "a message");
    if (mem_grow(&ctx->messages, &ctx->message_cap, ctx->message_count + 1, sizeof *ctx->messages))
        child_wrong("out of memory");
    struct kit_message *to = &ctx->messages[ctx->message_count++];
    *to = (struct kit_message){.split = from->split,
                               .offset = from->offset,
                               .key = copy(from->key),
                               .value = copy(from->value),
                               .key_len = from->key.len,
                               .value_len = from->value.len};
    for (uint32_t i = 0; i < from->header_count; i++)
        mem_free(copy(from->headers[i].value));
}

static uint32_t take(struct tide_ctx *ctx, const tide_message *messages, uint32_t count,
                     uint32_t stride)
{
    uint32_t room = ctx->room - ctx->taken, n = count < room ? count : room;
    if (count && stride < offsetof(tide_message, flags))
        child_fail("host.h: emit, lend", "stride = sizeof(tide_message)", "stride %" PRIu32,
                   stride);
    for (uint32_t i = 0; i < n; i++)
        keep(ctx,
             (const tide_message *)(const void *)((const char *)messages + (size_t)i * stride));
    ctx->taken += n;
    if (ctx->taken > ctx->limit)
        child_fail("source.h: read", "at most `max` messages",
                   "a read of at most %" PRIu32 " hands over %" PRIu32, ctx->limit, ctx->taken);
    return n;
}

uint32_t kit_emit(tide_out *out, const tide_message *messages, uint32_t count, uint32_t stride)
{
    return take(ctx_of(out), messages, count, stride);
}

uint32_t kit_lend(tide_out *out, const tide_message *messages, uint32_t count, uint32_t stride,
                  void (*release)(void *arg), void *arg)
{
    struct tide_ctx *ctx = ctx_of(out);
    if (mem_grow(&ctx->loans, &ctx->loan_cap, ctx->loan_count + 1, sizeof *ctx->loans))
        child_wrong("out of memory");
    struct kit_loan *loan = &ctx->loans[ctx->loan_count++];
    *loan = (struct kit_loan){.release = release, .arg = arg, .first = ctx->message_count};
    loan->count = take(ctx, messages, count, stride);
    loan->lent = need(mem_array(loan->count + 1, sizeof *loan->lent));
    for (size_t i = 0; i < loan->count; i++)
        loan->lent[i] =
            ((const tide_message *)(const void *)((const char *)messages + i * stride))->value.data;
    return (uint32_t)loan->count;
}

static void *release_all(void *arg)
{
    struct tide_ctx *ctx = arg;
    for (size_t i = 0; i < ctx->loan_count; i++)
        ctx->loans[i].release(ctx->loans[i].arg);
    return NULL;
}

void kit_release(struct tide_ctx *ctx)
{
    for (size_t i = 0; i < ctx->loan_count; i++) {
        const struct kit_loan *loan = &ctx->loans[i];
        for (size_t k = 0; k < loan->count; k++) {
            const struct kit_message *message = &ctx->messages[loan->first + k];
            if (message->value && memcmp(loan->lent[k], message->value, message->value_len))
                child_fail("host.h: lend", "lent bytes stay as they are until release",
                           "message %zu changed before its release", loan->first + k + 1);
        }
        mem_free(loan->lent);
    }
    pthread_t thread;
    child_calls("a release of lent messages");
    if (ctx->loan_count && !pthread_create(&thread, NULL, release_all, ctx))
        pthread_join(thread, NULL);
    ctx->loan_count = 0;
}

void *kit_reserve(tide_out *out, uint32_t split, size_t *size)
{
    struct tide_ctx *ctx = ctx_of(out);
    (void)known(ctx, split, "room");
    *size = 0;
    if (ctx->taken >= ctx->room)
        return NULL;
    ctx->reserved = lent_room(ctx->reserve_size, "the room that reserve gave");
    ctx->reserved_split = split;
    *size = ctx->reserve_size;
    return ctx->reserved;
}

tide_result kit_commit(tide_out *out, uint32_t id, size_t len, tide_bytes before)
{
    struct tide_ctx *ctx = ctx_of(out);
    struct kit_split *split = known(ctx, id, "bytes");
    if (!ctx->reserved || ctx->reserved_split != id || len > ctx->reserve_size)
        child_fail("host.h: reserve, commit", "a commit of what was reserved for the split",
                   "a commit of %zu bytes of split %" PRIu32 ", for which %zu were reserved", len,
                   id, ctx->reserved && ctx->reserved_split == id ? ctx->reserve_size : 0);
    buf_clear(&split->before);
    if (buf_append(&split->stream, ctx->reserved, len) ||
        (before.len && buf_append(&split->before, before.data, before.len)))
        child_wrong("out of memory");
    ctx->reserved = NULL;
    ctx->taken++;
    return TIDE_OK;
}

void kit_split_end(tide_out *out, uint32_t split)
{
    known(ctx_of(out), split, "the end")->ended = true;
}

tide_result kit_bad(tide_out *out, uint32_t split, tide_bytes partial, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    (void)known(ctx_of(out), split, "an error");
    if (ctx_of(out)->taken >= ctx_of(out)->room)
        return TIDE_AGAIN;
    mem_free(copy(partial));
    ctx_of(out)->bad_count++;
    return TIDE_OK;
}

static void forget(struct tide_ctx *ctx)
{
    for (size_t i = 0; i < ctx->message_count; i++) {
        mem_free(ctx->messages[i].key);
        mem_free(ctx->messages[i].value);
    }
    for (size_t i = 0; i < ctx->split_count; i++) {
        mem_free(ctx->splits[i].name);
        buf_deinit(&ctx->splits[i].position);
        buf_deinit(&ctx->splits[i].before);
        buf_deinit(&ctx->splits[i].stream);
    }
    mem_free(ctx->messages);
    mem_free(ctx->splits);
    mem_free(ctx->loans);
}

void ctx_end(struct tide_ctx *ctx)
{
    kit_release(ctx);
    forget(ctx);
    for (size_t i = 0; i < sizeof ctx->expanded / sizeof *ctx->expanded; i++)
        buf_deinit(&ctx->expanded[i]);
    // The ctx stays: a late wake of the plugin is to be seen, not to crash.
}
