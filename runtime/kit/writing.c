// SPDX-License-Identifier: MIT
#include "kit/writing.h"
#include "base/clock.h"
#include "kit/child.h"
#include "kit/lent.h"
#include "kit/outputs.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

enum { STRIDE_EXTRA = 48, NOTHING_MAX = 1000, VALUE_MAX = 512, PROBE_EPOCH = 99 };

static bool unseen; // of this check's sink

#define CALL_NS INT64_C(2000000000)

static void mark_of(int epoch, uint32_t n, char out[32])
{
    (void)snprintf(out, 32, "<e%d:%" PRIu32 ">", epoch, n);
}

void writing_open(struct writing *w, const struct subject *s)
{
    *w = (struct writing){.sink = s->plugin->sink};
    instance_open(&w->instance, s, &s->sink);
}

void writing_close(struct writing *w)
{
    instance_close(&w->instance);
}

static tide_bytes lend(const char *text, const char *what)
{
    size_t len = strlen(text);
    return (tide_bytes){lent_copy(text, len, what), len};
}

// Record n of an epoch: JSON, of a length of its own, with a key and a header now and then.
static void make(tide_record *to, int epoch, uint32_t n, bool tombstone)
{
    char text[VALUE_MAX], mark[32];
    mark_of(epoch, n, mark);
    (void)snprintf(text, sizeof text,
                   "{\"mark\":\"%s\",\"device\":\"d%" PRIu32 "\",\"pad\":\"%.*s\"}", mark, n % 3,
                   (int)(n % 40), "0123456789012345678901234567890123456789");
    *to = (tide_record){.struct_size = sizeof *to, .offset = n, .time_ms = 1000 + n};
    if (!tombstone)
        to->value = lend(text, "a record's value");
    if (n % 2 || tombstone)
        to->key = lend("key", "a record's key");
    if (n % 5 == 0) {
        const tide_header header = {lent_copy("header", 7, "a header's name"),
                                    lend("of the kit", "a header's value")};
        to->headers = lent_copy(&header, sizeof header, "a record's headers");
        to->header_count = 1;
    }
}

static tide_result call_write(struct writing *w, tide_batch *batch, uint32_t *accepted)
{
    struct tide_ctx *ctx = w->instance.ctx;
    int64_t begin = clock_mono_ns(clock_system());
    lent_seal();
    ctx->batch = batch;
    ctx->refused = 0;
    child_calls("sink write");
    tide_result result = w->sink->write(w->instance.self, batch, accepted);
    ctx->batch = NULL;
    lent_take_back();
    int64_t ns = clock_mono_ns(clock_system()) - begin;
    if (ns > CALL_NS && !(w->sink->capabilities & TIDE_SINK_BLOCKING))
        child_fail("sink.h: TIDE_SINK_BLOCKING", "the capability, when calls may block",
                   "sink write took %" PRId64 " ms", ns / 1000000);
    return ctx_answer(ctx, result, 0);
}

uint32_t writing_offer(struct writing *w, int epoch, uint32_t first, uint32_t count, bool tombstone,
                       tide_result *result)
{
    uint32_t stride = sizeof(tide_record) + STRIDE_EXTRA, accepted = 0;
    char *rows = lent_room((size_t)count * stride, "the records of a batch");
    memset(rows, 0xA5, (size_t)count * stride);
    for (uint32_t i = 0; i < count; i++) {
        tide_record record;
        make(&record, epoch, first + i, tombstone);
        memcpy(rows + (size_t)i * stride, &record, sizeof record);
    }
    tide_batch *batch = lent_room(sizeof *batch, "the batch");
    *batch = (tide_batch){
        .struct_size = sizeof *batch, .count = count, .stride = stride, .records = rows};
    *result = call_write(w, batch, &accepted);
    if (accepted > count)
        child_fail("sink.h: write", "at most batch->count accepted",
                   "%" PRIu32 " of %" PRIu32 " records are accepted", accepted, count);
    if (w->instance.ctx->refused > accepted)
        child_fail("host.h: refuse", "a refused record is counted as accepted",
                   "%" PRIu32 " are refused, %" PRIu32 " accepted", w->instance.ctx->refused,
                   accepted);
    w->refused += w->instance.ctx->refused;
    return accepted;
}

static int descriptor(struct writing *w)
{
    if (!TIDE_HAS(w->sink, poll_fd) || !w->sink->poll_fd)
        return -1;
    char call[32];
    (void)snprintf(call, sizeof call, "%s", child_call());
    child_calls("sink poll_fd");
    int fd = w->sink->poll_fd(w->instance.self);
    child_calls(call);
    return fd;
}

void writing_put(struct writing *w, int epoch, uint32_t first, uint32_t count, uint32_t batch)
{
    uint32_t done = 0, nothing = 0;
    while (done < count) {
        tide_result result;
        uint32_t n = count - done < batch ? count - done : batch;
        uint32_t accepted = writing_offer(w, epoch, first + done, n, false, &result);
        done += accepted;
        nothing = accepted || result == TIDE_AGAIN ? 0 : nothing + 1;
        if (nothing > NOTHING_MAX)
            child_fail("sink.h: write", "TIDE_AGAIN when nothing can be taken now",
                       "sink write answers OK and accepts nothing, %d times in a row", NOTHING_MAX);
        // With all taken AGAIN is no reason to wait.
        if (result != TIDE_AGAIN || done < count)
            (void)instance_again(&w->instance, result, result == TIDE_AGAIN ? descriptor(w) : -1);
    }
}

static void until_ok(struct writing *w, const char *call, tide_result result)
{
    child_calls(call);
    (void)instance_again(&w->instance, result, result == TIDE_AGAIN ? descriptor(w) : -1);
}

void writing_flush(struct writing *w)
{
    tide_result result;
    do {
        child_calls("sink flush");
        result = w->sink->flush(w->instance.self);
        until_ok(w, "sink flush", result);
    } while (result == TIDE_AGAIN);
}

void writing_prepare(struct writing *w, uint64_t id, struct epoch_data *data)
{
    struct buf put;
    tide_result result;
    do {
        buf_init(&put, sizeof data->bytes);
        child_calls("sink prepare");
        result = w->sink->prepare(w->instance.self, id, (tide_buf *)(void *)&put);
        until_ok(w, "sink prepare", result);
        data->len = put.len;
        if (put.len)
            memcpy(data->bytes, put.data, put.len);
        buf_deinit(&put);
    } while (result == TIDE_AGAIN);
}

static void settle(struct writing *w, const struct epoch_data *data, const char *call,
                   tide_result (*how)(void *self, tide_bytes data))
{
    tide_result result;
    do {
        const tide_bytes lent = {lent_copy(data->bytes, data->len, "the data of the checkpoint"),
                                 data->len};
        lent_seal();
        child_calls(call);
        result = how(w->instance.self, lent);
        lent_take_back();
        until_ok(w, call, result);
    } while (result == TIDE_AGAIN);
}

void writing_commit(struct writing *w, const struct epoch_data *data)
{
    settle(w, data, "sink commit", w->sink->commit);
}

void writing_abort(struct writing *w, const struct epoch_data *data)
{
    settle(w, data, "sink abort", w->sink->abort);
}

void writing_expect(const struct writing *w, int epoch, uint32_t count, size_t times,
                    const char *rule, const char *when)
{
    size_t missing = 0;
    if (unseen)
        return;
    for (uint32_t n = 0; n < count; n++) {
        char mark[32];
        mark_of(epoch, n, mark);
        size_t found = outputs_count(mark);
        if (found < times && missing++ < w->refused)
            continue; // one of those that were refused
        if (found != times)
            child_fail(rule, times ? "each record once" : "no record of the epoch",
                       "%s record %" PRIu32 " of the epoch is there %zu times", when, n + 1, found);
    }
}

void writing_end(void)
{
    if (unseen)
        child_partly("its answers; what it writes is in no file below its working directory");
}

void writing_look(const struct subject *s)
{
    struct writing w;
    char mark[32];
    writing_open(&w, s);
    writing_put(&w, PROBE_EPOCH, 0, 1, 1);
    writing_flush(&w);
    if (w.sink->capabilities & TIDE_SINK_TWO_PHASE) {
        struct epoch_data data;
        writing_prepare(&w, 1, &data);
        writing_commit(&w, &data);
    }
    writing_close(&w);
    mark_of(PROBE_EPOCH, 0, mark);
    unseen = outputs_count(mark) == 0;
}
