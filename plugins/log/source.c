// SPDX-License-Identifier: MIT
#include "source.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// One instance reads its partitions in turn. What other processes append is found by looking every
// POLL_NS; a sink of the same connection wakes the source at once.

enum { POLL_NS = 100000000, DISCOVER_NS = 1000000000 };

static const tide_option options[] = {
    {.name = "topic", .type = TIDE_TEXT, .help = "topic to read"},
    {.name = "topics", .type = TIDE_LIST, .item = TIDE_TEXT, .help = "more of them"},
    {.name = "start",
     .type = TIDE_CHOICE,
     .choices = "earliest|latest|committed",
     .default_text = "earliest",
     .help = "where to begin without a checkpoint; committed: as earliest"},
    {.name = "until",
     .type = TIDE_CHOICE,
     .choices = "latest",
     .help = "latest: read what is there at the start, then end"},
    {.name = "isolation",
     .type = TIDE_CHOICE,
     .choices = "committed",
     .default_text = "committed",
     .help = "only what the writer sealed is read"},
    {.name = NULL},
};

static tide_result add_topic(struct source *source, const char *name)
{
    if (!topic_name_ok(name, strlen(name)))
        return source->host->fail(source->ctx, TIDE_FATAL, "'%.300s' is no topic name", name);
    struct topic *grown =
        realloc(source->topics, (source->topic_count + 1) * sizeof *source->topics);
    char *copy = strdup(name);
    if (grown)
        source->topics = grown;
    if (!grown || !copy) {
        free(copy);
        return source->host->fail(source->ctx, TIDE_RETRY, "out of memory");
    }
    source->topics[source->topic_count++] = (struct topic){.name = copy};
    return TIDE_OK;
}

static tide_result read_options(struct source *source)
{
    const tide_host *host = source->host;
    const char *topic = host->opt_text(source->ctx, "topic");
    const tide_config *list = host->config(source->ctx, "topics");
    tide_result result = topic ? add_topic(source, topic) : TIDE_OK;
    for (uint32_t i = 0; list && !result && i < host->config_len(list); i++)
        result = add_topic(source, host->config_text(host->config_item(list, i)));
    if (!result && !source->topic_count)
        return host->fail(source->ctx, TIDE_FATAL, "needs `topic` or `topics`");
    const char *start = host->opt_text(source->ctx, "start");
    source->from_latest = start && !strcmp(start, "latest");
    source->bounded = host->opt_text(source->ctx, "until") != NULL;
    return result;
}

// Tells the host of partitions that it does not know yet.
static tide_result tell_splits(struct source *source, struct topic *topic, uint32_t partitions)
{
    for (; topic->partitions < partitions; topic->partitions++) {
        char name[TOPIC_NAME_MAX + 16];
        int len = snprintf(name, sizeof name, "%s/%" PRIu32, topic->name, topic->partitions);
        tide_bytes split = {name, (size_t)len};
        tide_result result = source->host->splits_added(source->ctx, &split, 1);
        if (result)
            return result;
        source->told++;
    }
    return TIDE_OK;
}

static tide_result discover(struct source *source)
{
    for (uint32_t i = 0; i < source->topic_count; i++) {
        char why[WHY];
        uint32_t partitions;
        int found = topic_load(source->connection->dir, source->topics[i].name, &partitions, why);
        if (found < 0)
            return source->host->fail(source->ctx, TIDE_FATAL, "%s", why);
        if (found == 1)
            continue;
        tide_result result = tell_splits(source, &source->topics[i], partitions);
        if (result)
            return result;
    }
    return TIDE_OK;
}

static tide_result open_it(const tide_host *host, tide_ctx *ctx, void **self)
{
    struct log_connection *connection = log_connection_of(host, ctx);
    if (!connection)
        return TIDE_FATAL;
    struct source *source = calloc(1, sizeof *source);
    if (!source)
        return host->fail(ctx, TIDE_RETRY, "out of memory");
    *self = source;
    source->host = host;
    source->ctx = ctx;
    source->connection = connection;
    source->listener.host = host;
    source->listener.ctx = ctx;
    tide_result result = read_options(source);
    if (result)
        return result;
    source->lost =
        host->metric(ctx, "log_dropped_records",
                     "Records that retention dropped before they were read", TIDE_METRIC_COUNTER);
    log_listen(connection, &source->listener);
    source->listening = true;
    source->opening = true; // partitions that are told now were there at the start
    result = discover(source);
    source->opening_told = source->told;
    source->discover_at = host->mono_ns(ctx) + DISCOVER_NS;
    return result;
}

static void close_it(void *self)
{
    struct source *source = self;
    if (source->listening)
        log_unlisten(source->connection, &source->listener);
    for (uint32_t i = 0; i < source->part_count; i++)
        part_close(source, &source->parts[i]);
    for (uint32_t i = 0; i < source->topic_count; i++)
        free(source->topics[i].name);
    free(source->topics);
    free(source->parts);
    free(source->messages);
    free(source);
}

static tide_result assign(void *self, const tide_split *splits, uint32_t count, uint32_t stride)
{
    struct source *source = self;
    struct part *grown =
        realloc(source->parts, (source->part_count + count) * sizeof *source->parts);
    if (!grown)
        return source->host->fail(source->ctx, TIDE_RETRY, "out of memory");
    source->parts = grown;
    for (uint32_t i = 0; i < count; i++) {
        const tide_split *split =
            (const tide_split *)(const void *)((const char *)splits + (size_t)i * stride);
        tide_result result = part_init(source, &source->parts[source->part_count], split);
        if (!result)
            result = part_open(source, &source->parts[source->part_count++]);
        if (result < 0)
            return result;
    }
    return TIDE_OK;
}

static struct part *part_of(struct source *source, uint32_t id)
{
    for (uint32_t i = 0; i < source->part_count; i++) {
        if (source->parts[i].id == id)
            return &source->parts[i];
    }
    return NULL;
}

static tide_result revoke(void *self, const uint32_t *ids, uint32_t count)
{
    struct source *source = self;
    for (uint32_t i = 0; i < count; i++) {
        struct part *part = part_of(source, ids[i]);
        if (!part)
            continue;
        part_close(source, part);
        *part = source->parts[--source->part_count];
    }
    return TIDE_OK;
}

static tide_result pause_parts(void *self, const uint32_t *ids, uint32_t count, int on)
{
    for (uint32_t i = 0; i < count; i++) {
        struct part *part = part_of(self, ids[i]);
        if (part)
            part->paused = on != 0;
    }
    return TIDE_OK;
}

// One turn over the partitions, beginning behind the one that came last.
static tide_result read_parts(struct source *source, tide_out *out, uint32_t max, uint32_t *taken)
{
    *taken = 0;
    source->full = false;
    for (uint32_t i = 0; i < source->part_count && *taken < max && !source->full; i++) {
        struct part *part = &source->parts[source->turn++ % source->part_count];
        tide_result result =
            part->paused ? TIDE_OK : part_read(source, part, out, max - *taken, taken);
        if (result < 0)
            return result;
    }
    return TIDE_OK;
}

// Bounded: every partition that was there at the start is read to the end that it had then.
static bool all_ended(const struct source *source)
{
    if (!source->bounded || source->part_count < source->opening_told)
        return false;
    for (uint32_t i = 0; i < source->part_count; i++) {
        if (!source->parts[i].ended)
            return false;
    }
    return true;
}

static tide_result wait_for_more(struct source *source)
{
    int64_t now = source->host->mono_ns(source->ctx);
    source->host->wait_until(source->ctx, now + POLL_NS);
    return TIDE_AGAIN;
}

static tide_result look_for_topics(struct source *source)
{
    int64_t now = source->host->mono_ns(source->ctx);
    bool all_known = true;
    for (uint32_t i = 0; i < source->topic_count; i++)
        all_known &= source->topics[i].partitions > 0;
    if (source->bounded || (all_known && now < source->discover_at))
        return TIDE_OK;
    source->opening = false;
    source->discover_at = now + DISCOVER_NS;
    return discover(source);
}

static tide_result read_it(void *self, tide_out *out, uint32_t max)
{
    struct source *source = self;
    for (int attempt = 0; attempt < 2; attempt++) {
        uint32_t taken;
        tide_result result = read_parts(source, out, max, &taken);
        if (result || taken || source->full)
            return result;
        if (all_ended(source))
            return TIDE_EOF;
        result = look_for_topics(source);
        if (result)
            return result;
        // Hungry first, then one more look: what is written in between is not missed.
        atomic_store(&source->listener.hungry, true);
    }
    return wait_for_more(source);
}

static tide_result position(void *self, uint32_t split, tide_buf *out)
{
    struct source *source = self;
    const struct part *part = part_of(source, split);
    if (!part)
        return source->host->fail(source->ctx, TIDE_FATAL, "split %u is not assigned", split);
    unsigned char bytes[POSITION_BYTES];
    part_position(part, bytes);
    return source->host->put(out, bytes, sizeof bytes)
               ? source->host->fail(source->ctx, TIDE_RETRY, "out of memory")
               : TIDE_OK;
}

static int64_t lag(void *self, uint32_t split)
{
    struct source *source = self;
    const struct part *part = part_of(source, split);
    uint64_t first, next;
    if (!part || !part->reader ||
        source->host->journal->reader_bounds(part->reader, &first, &next, NULL))
        return -1;
    if (part->next < first)
        return (int64_t)(next - first);
    return next > part->next ? (int64_t)(next - part->next) : 0;
}

const tide_source log_source = {
    .struct_size = sizeof log_source,
    .capabilities =
        TIDE_SOURCE_REPLAYABLE | TIDE_SOURCE_SPLITS | TIDE_SOURCE_BOUNDED | TIDE_SOURCE_BLOCKING,
    .options = options,
    .open = open_it,
    .close = close_it,
    .assign = assign,
    .revoke = revoke,
    .read = read_it,
    .position = position,
    .lag = lag,
    .pause = pause_parts,
};
