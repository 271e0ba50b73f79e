// SPDX-License-Identifier: MIT
#include "target.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The log sink in a checkpoint. Entries are sealed as ever, but readers stay behind `committed`
// (committed.h), which moves on when the checkpoint is decided. What prepare gives: a version, then
// for each partition of each open topic: where the epoch began and where it ends (COMMITTED_BYTES
// each), u32 partition, u32 length of the topic's name, the name; little-endian. Going on from a
// checkpoint cuts each partition back to its end; abort to its beginning.
//
// A topic that the checkpoint does not name was first written after it: its committed place, made
// before its first record, says where that was.

enum { DATA_VERSION = 1, ITEM_HEAD = 2 * COMMITTED_BYTES + 8 };

static tide_result failed(struct sink *sink, const char *why)
{
    return sink->host->fail(sink->ctx, TIDE_FATAL, "%s", why);
}

void target_place(const struct sink *sink, const struct target *target, uint32_t partition,
                  struct committed *out)
{
    tide_journal *journal = target->writer->journals[partition];
    sink->host->journal->end(journal, &out->place);
    memcpy(out->journal, sink->host->journal->id(journal), sizeof out->journal);
}

static tide_result cut(struct sink *sink, struct target *target, uint32_t partition,
                       const struct committed *to)
{
    const tide_journal_host *journal = sink->host->journal;
    struct log_writer *writer = target->writer;
    struct committed now;
    char why[WHY] = "";
    target_place(sink, target, partition, &now);
    if (memcmp(now.journal, to->journal, sizeof now.journal) != 0)
        return sink->host->fail(sink->ctx, TIDE_FATAL,
                                "%s/%" PRIu32 ": is another journal than the checkpoint was made "
                                "with: refusing to go on from it",
                                writer->topic, partition);
    pthread_mutex_lock(&writer->lock);
    tide_result result = now.place.sequence == to->place.sequence
                             ? TIDE_OK
                             : journal->cut(writer->journals[partition], &to->place, why);
    pthread_mutex_unlock(&writer->lock);
    if (result)
        return sink->host->fail(sink->ctx, TIDE_FATAL,
                                "%s/%" PRIu32 ": cannot go on from the checkpoint: %s",
                                writer->topic, partition, why);
    if (now.place.sequence > to->place.sequence)
        sink->host->log(sink->ctx, TIDE_LOG_INFO,
                        "%s/%" PRIu32 ": cut %" PRIu64 " records off: no checkpoint has them",
                        writer->topic, partition, now.place.sequence - to->place.sequence);
    return TIDE_OK;
}

static tide_result publish(struct sink *sink, struct target *target, uint32_t partition,
                           const struct committed *committed, bool durable)
{
    char why[WHY];
    return committed_write(sink->connection, target->writer->topic, partition, committed, durable,
                           why)
               ? failed(sink, why)
               : TIDE_OK;
}

// -- the first record --

// Written at least once: readers may read all of it.
static tide_result settle_plainly(struct sink *sink, struct target *target)
{
    char why[WHY];
    pthread_mutex_lock(&sink->connection->lock);
    bool exact = target->writer->exact;
    pthread_mutex_unlock(&sink->connection->lock);
    if (exact)
        return sink->host->fail(sink->ctx, TIDE_FATAL,
                                "topic %s is written exactly once by another sink",
                                target->writer->topic);
    for (uint32_t p = 0; p < target->writer->partitions; p++)
        if (committed_remove(sink->connection, target->writer->topic, p, why))
            return failed(sink, why);
    target->settled = true;
    return TIDE_OK;
}

static tide_result settle_partition(struct sink *sink, struct target *target, uint32_t partition)
{
    struct committed *base = &target->base[partition];
    char why[WHY];
    int found = sink->recovered
                    ? committed_read(sink->connection, target->writer->topic, partition, base, why)
                    : 1;
    if (found < 0)
        return failed(sink, why);
    if (found == 0)
        return cut(sink, target, partition, base);
    return publish(sink, target, partition, base, true); // what was there when it was opened
}

// Its records may be cut off, and nobody else's with them.
static tide_result own(struct sink *sink, struct target *target)
{
    struct log_writer *writer = target->writer;
    if (target->owned)
        return TIDE_OK;
    pthread_mutex_lock(&sink->connection->lock);
    bool alone = writer->users == 1;
    writer->exact |= alone;
    target->owned = alone;
    pthread_mutex_unlock(&sink->connection->lock);
    return alone ? TIDE_OK
                 : sink->host->fail(sink->ctx, TIDE_FATAL,
                                    "topic %s has another sink: one that is written exactly once "
                                    "has one sink only",
                                    writer->topic);
}

tide_result target_settle(struct sink *sink, struct target *target)
{
    if (!sink->two_phase)
        return settle_plainly(sink, target);
    tide_result result = own(sink, target);
    for (uint32_t p = 0; !result && p < target->writer->partitions; p++)
        result = settle_partition(sink, target, p);
    target->settled = !result;
    return result;
}

// -- prepare --

static int put_item(struct sink *sink, tide_buf *data, const struct target *target,
                    uint32_t partition, const struct committed *end)
{
    unsigned char head[ITEM_HEAD];
    size_t len = strlen(target->writer->topic);
    committed_pack(&target->base[partition], head);
    committed_pack(end, head + COMMITTED_BYTES);
    for (int i = 0; i < 4; i++) {
        head[2 * COMMITTED_BYTES + i] = (unsigned char)(partition >> 8 * i);
        head[2 * COMMITTED_BYTES + 4 + i] = (unsigned char)(len >> 8 * i);
    }
    return sink->host->put(data, head, sizeof head) ||
           sink->host->put(data, target->writer->topic, len);
}

static tide_result put_target(struct sink *sink, tide_buf *data, struct target *target)
{
    for (uint32_t p = 0; p < target->writer->partitions; p++) {
        struct committed end;
        target_place(sink, target, p, &end);
        if (put_item(sink, data, target, p, &end))
            return sink->host->fail(sink->ctx, TIDE_FATAL, "out of memory");
        target->base[p] = end;
    }
    return TIDE_OK;
}

static tide_result begin_phases(struct sink *sink)
{
    tide_result result = TIDE_OK;
    if (sink->two_phase)
        return TIDE_OK;
    sink->two_phase = true;
    for (uint32_t i = 0; !result && i < sink->target_count; i++)
        result = target_settle(sink, &sink->targets[i]);
    return result;
}

tide_result sink_prepare(void *self, uint64_t id, tide_buf *data)
{
    struct sink *sink = self;
    (void)id;
    unsigned char version = DATA_VERSION;
    tide_result result = begin_phases(sink);
    if (!result)
        result = sink_write_all(sink);
    if (result == TIDE_RETRY)
        return sink_later(sink);
    if (!result)
        result = sink_sync_all(sink);
    if (!result && sink->host->put(data, &version, 1))
        result = sink->host->fail(sink->ctx, TIDE_FATAL, "out of memory");
    for (uint32_t i = 0; !result && i < sink->target_count; i++)
        result = put_target(sink, data, &sink->targets[i]);
    sink->undecided = !result;
    return result;
}

// -- commit and abort --

struct item {
    struct committed base, end;
    uint32_t partition;
    char topic[TOPIC_NAME_MAX + 1];
};

static uint32_t get_u32(const unsigned char *in)
{
    return in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

// 1: the next one; 0: that was all; -1: these bytes are none of ours.
static int next_item(tide_bytes data, size_t *at, struct item *out)
{
    const unsigned char *bytes = data.data;
    if (*at == 0 && (data.len == 0 || bytes[(*at)++] != DATA_VERSION))
        return -1;
    if (*at == data.len)
        return 0;
    if (data.len - *at < ITEM_HEAD)
        return -1;
    const unsigned char *head = bytes + *at;
    committed_unpack(head, &out->base);
    committed_unpack(head + COMMITTED_BYTES, &out->end);
    out->partition = get_u32(head + 2 * COMMITTED_BYTES);
    uint32_t len = get_u32(head + 2 * COMMITTED_BYTES + 4);
    *at += ITEM_HEAD;
    if (len > TOPIC_NAME_MAX || data.len - *at < len)
        return -1;
    memcpy(out->topic, bytes + *at, len);
    out->topic[len] = '\0';
    *at += len;
    return topic_name_ok(out->topic, len) ? 1 : -1;
}

static tide_result recover_item(struct sink *sink, const struct item *item, bool to_base)
{
    const struct committed *to = to_base ? &item->base : &item->end;
    tide_result result = TIDE_OK;
    struct target *target = target_of(sink, item->topic, &result);
    if (!target)
        return result;
    if (item->partition >= target->writer->partitions)
        return sink->host->fail(sink->ctx, TIDE_FATAL,
                                "topic %s has fewer partitions than when the checkpoint was made",
                                item->topic);
    result = own(sink, target);
    if (!result)
        result = cut(sink, target, item->partition, to);
    if (!result)
        result = publish(sink, target, item->partition, to, true);
    target->base[item->partition] = *to;
    target->settled = !result;
    return result;
}

static tide_result publish_item(struct sink *sink, const struct item *item)
{
    tide_result result = TIDE_OK;
    struct target *target = target_of(sink, item->topic, &result);
    return target ? publish(sink, target, item->partition, &item->end, false) : result;
}

static tide_result each_item(struct sink *sink, tide_bytes data, bool recovers, bool to_base)
{
    struct item item;
    size_t at = 0;
    int more;
    tide_result result = TIDE_OK;
    while (!result && (more = next_item(data, &at, &item)) == 1)
        result = recovers ? recover_item(sink, &item, to_base) : publish_item(sink, &item);
    if (!result && more < 0)
        result = failed(sink, "a checkpoint's data is not a log sink's");
    return result;
}

tide_result sink_commit(void *self, tide_bytes data)
{
    struct sink *sink = self;
    bool recovers = !sink->undecided && !sink->wrote;
    if (!sink->undecided && !recovers)
        return TIDE_OK;
    sink->two_phase = true;
    sink->recovered |= recovers;
    tide_result result = each_item(sink, data, recovers, false);
    sink->undecided = result && sink->undecided;
    log_notify(sink->connection);
    return result;
}

tide_result sink_abort(void *self, tide_bytes data)
{
    struct sink *sink = self;
    sink->two_phase = sink->recovered = true;
    sink->undecided = false;
    for (uint32_t i = 0; i < sink->target_count; i++)
        for (uint32_t p = 0; p < sink->targets[i].writer->partitions; p++)
            pack_reset(&sink->targets[i].packers[p]);
    return each_item(sink, data, true, true);
}
