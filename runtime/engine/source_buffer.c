// SPDX-License-Identifier: MIT
#include "engine/source_buffer.h"
#include "base/alloc.h"
#include "base/log.h"
#include "config/setting.h"
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

enum { LOCK_WAIT_MS = 1500, SEGMENTS = 8 };

bool source_is_buffered(const struct plan_node *node)
{
    return node->spec->kind == NODE_SOURCE && setting_int(node->spec->common, "buffer.disk", 0) > 0;
}

void source_buffers_check(const struct plan *plan, struct problems *problems)
{
    for (uint32_t i = 0; i < plan->node_count; i++) {
        const struct plan_node *node = &plan->nodes[i];
        if (!node->plugin || !source_is_buffered(node))
            continue;
        struct place place = setting_at(node->spec->common, "buffer")->place;
        if (!setting_at(plan->topology->top, "checkpoint"))
            problem_add(problems, place, REASON_MISSING_KEY,
                        "%s: `buffer` needs `checkpoint:`, which says how far it was read",
                        node->spec->name);
        if (node->plugin->source->capabilities & TIDE_SOURCE_REPLAYABLE)
            problem_add(problems, place, REASON_CONFLICT,
                        "%s: `buffer` is for sources that cannot be read again; this one can",
                        node->spec->name);
    }
}

// -- making --

int source_buffer_new(struct source_driver *source, struct error *err)
{
    const struct tide_config *common = source->driver.node->spec->common;
    struct source_buffer *buffer = source->buffer = mem_zalloc(sizeof *buffer);
    if (!buffer)
        return error_nomem(err);
    buffer->disk_size = (uint64_t)setting_int(common, "buffer.disk", 0);
    buffer->sync_ns = setting_int(common, "buffer.sync", 0) * 1000000;
    buffer->out_tail = &buffer->out;
    return 0;
}

static void free_splits(struct source_buffer *buffer)
{
    for (size_t i = 0; i < buffer->split_count; i++) {
        mem_free(buffer->splits[i].of.name);
        buf_deinit(&buffer->splits[i].of.position);
    }
    mem_free(buffer->splits);
}

void source_buffer_free(struct source_driver *source)
{
    struct source_buffer *buffer = source->buffer;
    if (!buffer)
        return;
    for (struct parcel *parcel; (parcel = buffer->out);) {
        buffer->out = parcel->next;
        parcel_free(parcel);
    }
    free_splits(buffer);
    journal_reader_close(buffer->reader);
    if (buffer->journal)
        (void)journal_close(buffer->journal, NULL); // source_buffer_finish has said what went wrong
    mem_free(buffer);
    source->buffer = NULL;
}

// -- opening --

static int path_of(const struct source_driver *source, const char *checkpoints, char *out,
                   struct error *err)
{
    const struct tide_ctx *ctx = &source->driver.ctx;
    const char *dir = setting_text(source->driver.node->spec->common, "buffer.dir");
    int len = snprintf(out, PATH_MAX, "%s/%s/buffer-%s", dir ? dir : checkpoints, ctx->pipeline,
                       ctx->node);
    return len < PATH_MAX ? 0 : error_set(err, ERR_INPUT, "its directory's name is too long");
}

// The number to go on at. Nothing may be missing from there on.
static int find_place(struct source_buffer *buffer, bool fresh, struct error *err)
{
    uint64_t first = journal_first(buffer->journal), next = journal_next(buffer->journal);
    if (fresh || !buffer->is_placed)
        buffer->at = fresh ? next : first;
    buffer->settled = buffer->at;
    if (buffer->at >= first && buffer->at <= next)
        return 0;
    return error_set(err, ERR_REFUSED,
                     "the checkpoint goes on at record %" PRIu64 " of it, but it has %" PRIu64
                     " to %" PRIu64,
                     buffer->at, first, next);
}

static int start(struct source_buffer *buffer, const char *dir, struct error *err)
{
    struct image image;
    image_init(&image, 64);
    image_end(&image, BUFFER_START, NULL, 0);
    struct iovec part = {image.bytes.data, image.bytes.len};
    int rc = image.rc ? error_nomem(err)
                      : journal_append(buffer->journal, &part, 1, 1, JOURNAL_SEAL, NULL, err);
    image_deinit(&image);
    rc = rc ? rc : journal_sync(buffer->journal, err);
    rc = rc ? rc : journal_reader_open(&buffer->reader, dir, 0, err);
    return rc ? rc : journal_reader_seek(buffer->reader, buffer->at, err);
}

int source_buffer_open(struct source_driver *source, const char *checkpoints, bool fresh,
                       struct error *err)
{
    struct source_buffer *buffer = source->buffer;
    struct tide_ctx *ctx = &source->driver.ctx;
    const struct journal_options options = {.segment_size = buffer->disk_size / SEGMENTS,
                                            .lock_wait_ms = LOCK_WAIT_MS};
    char dir[PATH_MAX];
    int rc = path_of(source, checkpoints, dir, err);
    rc = rc ? rc : journal_open(&buffer->journal, dir, &options, err);
    rc = rc ? rc : find_place(buffer, fresh, err);
    rc = rc ? rc : journal_drop(buffer->journal, buffer->at, err);
    rc = rc ? rc : start(buffer, dir, err);
    if (!rc && buffer_renew_splits(source))
        rc = error_nomem(err);
    buffer->metric_bytes =
        host_table.metric(ctx, "buffer_bytes", "bytes of the buffer on disk", TIDE_METRIC_GAUGE);
    buffer->metric_records = host_table.metric(
        ctx, "buffer_records", "in the buffer, not in a checkpoint yet", TIDE_METRIC_GAUGE);
    return rc ? error_prefix(err, "%s: buffer", ctx->node) : 0;
}

// -- running --

static void measure(struct source_driver *source)
{
    const struct source_buffer *buffer = source->buffer;
    struct tide_ctx *ctx = &source->driver.ctx;
    host_table.metric_set(ctx, buffer->metric_bytes, (double)journal_bytes(buffer->journal));
    host_table.metric_set(ctx, buffer->metric_records,
                          (double)(journal_next(buffer->journal) - buffer->settled));
}

bool source_buffer_pass(struct source_driver *source)
{
    struct source_buffer *buffer = source->buffer;
    bool took = buffer_take_in(source);
    if (source->driver.state != DRIVER_FAILED)
        buffer_hand_out(source);
    measure(source);
    return took && !buffer->ended && source->driver.state != DRIVER_FAILED;
}

uint64_t source_buffer_place(struct source_driver *source)
{
    struct source_buffer *buffer = source->buffer;
    struct error err = ERROR_INIT;
    if (journal_durable(buffer->journal).sequence >= buffer->at)
        return buffer->at;
    if (journal_sync(buffer->journal, &err))
        buffer_fail(source, &err);
    else
        buffer->unsealed = buffer->unsynced = false;
    return buffer->at;
}

void source_buffer_settle(struct source_driver *source, uint64_t place)
{
    struct source_buffer *buffer = source->buffer;
    struct error err = ERROR_INIT;
    buffer->settled = place;
    // What cannot be dropped now is with the next one.
    int rc = journal_drop(buffer->journal, place, &err);
    if (rc && rc != ERR_IO)
        buffer_fail(source, &err);
}

void source_buffer_finish(struct source_driver *source)
{
    struct source_buffer *buffer = source->buffer;
    buffer->any_room = true;
    buffer->sync_ns = 0;
    if (!buffer_take_in(source))
        log_line(LOG_ERROR, source->driver.ctx.node,
                 "buffer: what was read last is lost: the disk has not taken it");
}

bool source_buffer_is_over(const struct source_driver *source)
{
    const struct source_buffer *buffer = source->buffer;
    return buffer->ended && !source->ready && !buffer->unsealed && !buffer_unread(buffer);
}

void source_buffer_wait(const struct source_driver *source, struct wait *wait)
{
    const struct source_buffer *buffer = source->buffer;
    int64_t sync = buffer->unsynced_ns + buffer->sync_ns;
    if (buffer->retry_ns && buffer->retry_ns < wait->until_ns)
        wait->until_ns = buffer->retry_ns;
    else if (buffer->unsynced && !buffer->retry_ns && sync < wait->until_ns)
        wait->until_ns = sync;
}
