// SPDX-License-Identifier: MIT
#include "target.h"

#include <stdlib.h>
#include <string.h>

// A batch is packed into one entry a partition, each written and sealed by one system call: readers
// see it at once. To the disk it goes every `sync`, and when the host flushes. What could not be
// written (disk full) stays packed and is written later: nothing is taken twice.

enum { TOPICS_MAX = 1024, ENTRY_SOFT_MAX = 1 << 20, RETRY_NS = 500000000 };

static const tide_option create_options[] = {
    {.name = "partitions",
     .type = TIDE_INT,
     .min = 1,
     .max = PARTITIONS_MAX,
     .help = "partitions of a topic that is made"},
    {.name = "replication",
     .type = TIDE_INT,
     .min = 1,
     .max = 100,
     .help = "of no effect here: for pipelines that also run on Kafka"},
    {.name = NULL},
};

static const tide_option retain_options[] = {
    {.name = "bytes",
     .type = TIDE_SIZE,
     .min = 0,
     .max = 9e18,
     .help = "a partition's oldest segments are dropped beyond this size"},
    {.name = "age",
     .type = TIDE_DURATION,
     .min = 0,
     .max = 9e15,
     .help = "segments last written longer ago than this are dropped"},
    {.name = NULL},
};

static const tide_option options[] = {
    {.name = "topic",
     .type = TIDE_TEXT,
     .flags = TIDE_OPTION_REQUIRED | TIDE_OPTION_TEMPLATE,
     .help = "topic to write; made when it is missing; {field} parts are filled in per record"},
    {.name = "partitions",
     .type = TIDE_INT,
     .min = 1,
     .max = PARTITIONS_MAX,
     .help = "partitions of a topic that is made (4)"},
    {.name = "create",
     .type = TIDE_MAP,
     .members = create_options,
     .help = "the same, as for kafka"},
    {.name = "sync",
     .type = TIDE_DURATION,
     .default_text = "1s",
     .min = 0,
     .max = 3600e3,
     .help = "what was written goes to the disk (fdatasync) at least so often; 0: with each batch"},
    {.name = "segment",
     .type = TIDE_SIZE,
     .default_text = "128MiB",
     .min = 65536,
     .max = 1ull << 40,
     .help = "size at which a partition begins its next file"},
    {.name = "retain",
     .type = TIDE_MAP,
     .members = retain_options,
     .help = "what to keep of each partition (all)"},
    {.name = NULL},
};

static void read_options(struct sink *sink)
{
    const tide_host *host = sink->host;
    struct writer_options *to = &sink->options;
    const char *path =
        host->opt_given(sink->ctx, "partitions") ? "partitions" : "create.partitions";
    to->partitions_given = host->opt_given(sink->ctx, path);
    to->partitions =
        to->partitions_given ? (uint32_t)host->opt_int(sink->ctx, path) : PARTITIONS_DEFAULT;
    to->segment_size = (uint64_t)host->opt_int(sink->ctx, "segment");
    to->retain_bytes = (uint64_t)host->opt_int(sink->ctx, "retain.bytes");
    to->retain_ms = host->opt_int(sink->ctx, "retain.age");
    sink->sync_ns = host->opt_int(sink->ctx, "sync") * 1000000;
}

struct target *target_of(struct sink *sink, const char *topic, tide_result *result)
{
    for (uint32_t i = 0; i < sink->target_count; i++) {
        if (!strcmp(sink->targets[i].writer->topic, topic))
            return &sink->targets[i];
    }
    char why[WHY], note[WHY];
    struct log_writer *writer;
    *result = writer_open(sink->connection, topic, &sink->options, &writer, why, note);
    if (*result) {
        sink->host->fail(sink->ctx, *result, "%s", why);
        return NULL;
    }
    if (note[0])
        sink->host->log(sink->ctx, TIDE_LOG_WARN, "%s", note);
    struct packer *packers = calloc(writer->partitions, sizeof *packers);
    struct committed *base = calloc(writer->partitions, sizeof *base);
    struct target *grown =
        packers && base ? realloc(sink->targets, (sink->target_count + 1) * sizeof *grown) : NULL;
    if (!grown) {
        free(packers);
        free(base);
        (void)writer_close(sink->connection, writer, why);
        *result = sink->host->fail(sink->ctx, TIDE_RETRY, "out of memory");
        return NULL;
    }
    sink->targets = grown;
    struct target *target = &grown[sink->target_count++];
    *target = (struct target){.writer = writer, .packers = packers, .base = base};
    for (uint32_t p = 0; p < writer->partitions; p++)
        target_place(sink, target, p, &base[p]);
    return target;
}

static tide_result open_it(const tide_host *host, tide_ctx *ctx, void **self)
{
    struct log_connection *connection = log_connection_of(host, ctx);
    if (!connection)
        return TIDE_FATAL;
    struct sink *sink = calloc(1, sizeof *sink);
    if (!sink)
        return host->fail(ctx, TIDE_RETRY, "out of memory");
    *self = sink;
    sink->host = host;
    sink->ctx = ctx;
    sink->connection = connection;
    read_options(sink);
    const char *topic = host->opt_text(ctx, "topic");
    sink->template = strchr(topic, '{') ? host->template_of(ctx, "topic") : -1;
    if (sink->template >= 0)
        return TIDE_OK;
    if (!topic_name_ok(topic, strlen(topic)))
        return host->fail(ctx, TIDE_FATAL,
                          "'%.300s' is no topic name: letters, digits, '.', '_', '-', at most %d",
                          topic, TOPIC_NAME_MAX);
    tide_result result = TIDE_OK;
    (void)target_of(sink, topic, &result);
    return result;
}

static void close_it(void *self)
{
    struct sink *sink = self;
    for (uint32_t i = 0; i < sink->target_count; i++) {
        struct target *target = &sink->targets[i];
        for (uint32_t p = 0; p < target->writer->partitions; p++)
            pack_free(&target->packers[p]);
        free(target->packers);
        free(target->base);
        char why[WHY];
        if (writer_close(sink->connection, target->writer, why))
            sink->host->log(sink->ctx, TIDE_LOG_ERROR, "%s", why);
    }
    free(sink->targets);
    free(sink);
}

static tide_result write_packed(struct sink *sink, struct target *target, uint32_t partition,
                                char *why)
{
    struct packer *packer = &target->packers[partition];
    unsigned char header[ENTRY_HEADER];
    pack_header(packer, header);
    tide_bytes parts[2] = {{header, sizeof header}, {packer->data, packer->len}};
    tide_result result =
        writer_append(sink->host, target->writer, partition, parts, 2, packer->count, why);
    if (!result)
        pack_reset(packer);
    return result;
}

// Writes all that is packed. RETRY: some of it stays. The reason is told once, when it begins.
tide_result sink_write_all(struct sink *sink)
{
    char why[WHY];
    tide_result result = TIDE_OK;
    for (uint32_t i = 0; i < sink->target_count; i++) {
        struct target *target = &sink->targets[i];
        for (uint32_t p = 0; target->touched && p < target->writer->partitions; p++) {
            tide_result one = target->packers[p].count ? write_packed(sink, target, p, why) : 0;
            if (one && one != TIDE_RETRY)
                return sink->host->fail(sink->ctx, one, "%s", why);
            if (one)
                result = one;
        }
    }
    if (result && !sink->pending)
        sink->host->log(sink->ctx, TIDE_LOG_ERROR, "%s; trying again", why);
    sink->pending = result != TIDE_OK;
    return result;
}

tide_result sink_later(struct sink *sink)
{
    sink->host->wait_until(sink->ctx, sink->host->mono_ns(sink->ctx) + RETRY_NS);
    return TIDE_AGAIN;
}

tide_result sink_sync_all(struct sink *sink)
{
    char why[WHY];
    int64_t now = sink->host->wall_ms(sink->ctx);
    for (uint32_t i = 0; i < sink->target_count; i++) {
        if (!sink->targets[i].touched)
            continue;
        tide_result result = writer_sync(sink->host, sink->targets[i].writer, now, why);
        // Final for the journal, which is cut back to what is durable. What was cut off was
        // accepted, and nobody but the sources has it any more: no use in going on.
        if (result)
            return sink->host->fail(sink->ctx, TIDE_FATAL, "%s", why);
        sink->targets[i].touched = false;
    }
    sink->last_sync = 0;
    return TIDE_OK;
}

// The target of a record; NULL with OK: the record was refused.
static struct target *choose(struct sink *sink, const tide_batch *batch, uint32_t index,
                             tide_result *result)
{
    *result = TIDE_OK;
    if (sink->template <0)
        return &sink->targets[0];
    tide_bytes name = sink->host->expand(sink->ctx, batch, index, sink->template);
    if (!name.data || !topic_name_ok(name.data, name.len)) {
        *result = sink->host->refuse(sink->ctx, batch, index, "'%.*s' is no topic name",
                                     name.data ? (int)(name.len < 300 ? name.len : 300) : 0,
                                     name.data ? (const char *)name.data : "");
        return NULL;
    }
    char topic[TOPIC_NAME_MAX + 1];
    memcpy(topic, name.data, name.len);
    topic[name.len] = 0;
    if (sink->last_target < sink->target_count &&
        !strcmp(sink->targets[sink->last_target].writer->topic, topic))
        return &sink->targets[sink->last_target];
    if (sink->target_count >= TOPICS_MAX) {
        *result = sink->host->refuse(sink->ctx, batch, index, "more than %d topics", TOPICS_MAX);
        return NULL;
    }
    struct target *target = target_of(sink, topic, result);
    if (target)
        sink->last_target = (uint32_t)(target - sink->targets);
    return target;
}

static tide_result take(struct sink *sink, const tide_batch *batch, uint32_t index)
{
    const tide_record *record = tide_record_at(batch, index);
    tide_result result;
    struct target *target = choose(sink, batch, index, &result);
    if (!target)
        return result;
    if (!target->settled && (result = target_settle(sink, target)))
        return result;
    sink->wrote = true;
    uint32_t partitions = target->writer->partitions;
    uint32_t partition = record->key.data ? partition_of(record->key, partitions) : target->sticky;
    struct packer *packer = &target->packers[partition];
    target->touched = true;
    if (!pack(packer, record))
        return sink->host->fail(sink->ctx, TIDE_RETRY, "out of memory");
    char why[WHY];
    if (packer->len > ENTRY_SOFT_MAX && !sink->pending)
        (void)write_packed(sink, target, partition, why); // else it is written with the rest
    return TIDE_OK;
}

static void move_on(struct sink *sink)
{
    for (uint32_t i = 0; i < sink->target_count; i++)
        sink->targets[i].sticky =
            (sink->targets[i].sticky + 1) % sink->targets[i].writer->partitions;
}

static tide_result write_batch(void *self, const tide_batch *batch, uint32_t *accepted)
{
    struct sink *sink = self;
    *accepted = 0;
    tide_result result = sink->pending ? sink_write_all(sink) : TIDE_OK;
    if (result)
        return result == TIDE_RETRY ? sink_later(sink) : result;
    for (uint32_t i = 0; i < batch->count && !result; i++) {
        result = take(sink, batch, i);
        *accepted += !result;
    }
    move_on(sink);
    tide_result written = sink_write_all(sink);
    log_notify(sink->connection);
    if (written && written != TIDE_RETRY)
        return written;
    if (written && result) // not to be closed with what it could not write yet
        return sink_later(sink);
    if (result || !*accepted)
        return result;
    int64_t now = sink->host->mono_ns(sink->ctx);
    if (!sink->last_sync)
        sink->last_sync = now;
    return now - sink->last_sync >= sink->sync_ns ? sink_sync_all(sink) : TIDE_OK;
}

static tide_result flush(void *self)
{
    struct sink *sink = self;
    tide_result result = sink_write_all(sink);
    if (result)
        return result == TIDE_RETRY ? sink_later(sink) : result;
    log_notify(sink->connection);
    return sink_sync_all(sink);
}

const tide_sink log_sink = {
    .struct_size = sizeof log_sink,
    .capabilities = TIDE_SINK_BLOCKING | TIDE_SINK_TWO_PHASE,
    .options = options,
    .open = open_it,
    .close = close_it,
    .write = write_batch,
    .flush = flush,
    .prepare = sink_prepare,
    .commit = sink_commit,
    .abort = sink_abort,
};
