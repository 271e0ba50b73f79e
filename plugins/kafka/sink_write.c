// SPDX-License-Identifier: MIT
#include "sink.h"
#include "murmur2.h"

#include <string.h>

// A batch's way into librdkafka: every record gets its topic and partition, then each partition's
// chain is produced in one call.

#define FULL_POLL_NS INT64_C(1000000)
#define STUCK_POLL_NS INT64_C(20000000)

// OK with the topic in sink->at[index]; AGAIN: its topic is not ready yet. Records whose topic
// cannot be told are refused: NULL.
static tide_result find_topic(struct sink *sink, const tide_batch *batch, uint32_t index)
{
    struct sink_topic *topic = sink->fixed;
    if (!topic) {
        tide_bytes name = sink->host->expand(sink->ctx, batch, index, sink->topic_template);
        rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;
        if (name.data)
            topic = sink_topic_get(sink, name.data, name.len, &err);
        if (err == RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE) // not the record's fault
            return sink->host->fail(sink->ctx, TIDE_FATAL, "out of memory");
        if (!topic)
            sink->host->refuse(
                sink->ctx, batch, index, "no topic: %.*s", name.data ? (int)name.len : 38,
                name.data ? (const char *)name.data : "a field that the template needs is absent");
    }
    sink->at[index] = topic;
    return topic ? sink_topic_ready(sink, topic) : TIDE_OK;
}

static int32_t choose(struct sink *sink, const struct sink_topic *topic, const tide_record *record)
{
    if (!sink->choose)
        return 0; // the one chain that librdkafka distributes
    if (record->key.data)
        return murmur2_partition(record->key.data, record->key.len, topic->counted);
    return sink->spread % topic->counted; // the same for the whole batch: larger requests
}

static void append(struct sink *sink, uint32_t index, int32_t partition)
{
    struct chain *chain = &sink->at[index]->chains[partition];
    sink->partition[index] = partition;
    sink->following[index] = -1;
    if (chain->first < 0)
        chain->first = (int32_t)index;
    else
        sink->following[chain->last] = (int32_t)index;
    chain->last = (int32_t)index;
}

// What to do with a record that librdkafka did not take.
static tide_result not_taken(struct sink *sink, const tide_batch *batch, uint32_t index,
                             int32_t partition, rd_kafka_resp_err_t err)
{
    struct sink_topic *topic = sink->at[index];
    const tide_record *record = tide_record_at(batch, index);
    if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        return backlog_add(sink, topic, partition, record) == 0
                   ? TIDE_OK
                   : sink->host->fail(sink->ctx, TIDE_FATAL, "out of memory");
    if (err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
        sink->host->refuse(sink->ctx, batch, index, "topic \"%s\": a record of %zu bytes: %s",
                           topic->ask.name, record->value.len, rd_kafka_err2str(err));
        return TIDE_OK;
    }
    if (delivery_goes_on(sink, err))
        return TIDE_OK;
    return sink->host->fail(sink->ctx, TIDE_FATAL, "topic \"%s\"/%d: %s", topic->ask.name,
                            partition, rd_kafka_err2str(err));
}

static tide_result produce(struct sink *sink, const tide_batch *batch, struct sink_topic *topic,
                           int32_t partition, int count)
{
    tide_result result = TIDE_OK;
    int taken = 0;
    if (count && !sink->backlog) // behind a backlog there is no overtaking
        taken = rd_kafka_produce_batch(topic->rkt, partition, RD_KAFKA_MSG_F_COPY, sink->messages,
                                       count);
    else
        for (int i = 0; i < count; i++)
            sink->messages[i].err = RD_KAFKA_RESP_ERR__QUEUE_FULL;
    sink->sent += (uint64_t)(taken > 0 ? taken : 0);
    for (int i = 0; taken < count && i < count && result == TIDE_OK; i++)
        if (sink->messages[i].err)
            result = not_taken(sink, batch, sink->index[i], partition, sink->messages[i].err);
    return result;
}

static tide_result produce_one(struct sink *sink, const tide_batch *batch, int32_t partition,
                               uint32_t index)
{
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__QUEUE_FULL;
    if (!sink->backlog)
        err = delivery_send(sink, sink->at[index], partition, tide_record_at(batch, index));
    return err ? not_taken(sink, batch, index, partition, err) : TIDE_OK;
}

static tide_result produce_chain(struct sink *sink, const tide_batch *batch,
                                 struct sink_topic *topic, int32_t number)
{
    struct chain *chain = &topic->chains[number];
    int32_t partition = sink->choose ? number : RD_KAFKA_PARTITION_UA;
    tide_result result = TIDE_OK;
    int count = 0;
    for (int32_t i = chain->first; i >= 0 && result == TIDE_OK; i = sink->following[i]) {
        const tide_record *record = tide_record_at(batch, (uint32_t)i);
        if (record->header_count || record->time_ms != TIDE_NO_TIME) {
            result = produce(sink, batch, topic, partition, count);
            count = 0;
            if (result == TIDE_OK)
                result = produce_one(sink, batch, partition, (uint32_t)i);
            continue;
        }
        sink->index[count] = (uint32_t)i;
        sink->messages[count++] = (rd_kafka_message_t){
            .payload = (void *)(uintptr_t)record->value.data,
            .len = record->value.len,
            .key = (void *)(uintptr_t)record->key.data,
            .key_len = record->key.len,
        };
    }
    *chain = (struct chain){-1, -1};
    return result == TIDE_OK ? produce(sink, batch, topic, partition, count) : result;
}

// Every record of a chain is met when the chain's first one is.
static tide_result produce_all(struct sink *sink, const tide_batch *batch, uint32_t count)
{
    tide_result result = TIDE_OK;
    for (uint32_t i = 0; i < count && result == TIDE_OK; i++) {
        struct sink_topic *topic = sink->at[i];
        if (topic && topic->chains[sink->partition[i]].first == (int32_t)i)
            result = produce_chain(sink, batch, topic, sink->partition[i]);
    }
    return result;
}

static uint32_t room(const struct sink *sink, uint32_t count)
{
    size_t held = (size_t)rd_kafka_outq_len(sink->client->rk);
    size_t free_slots = held < sink->queue_max ? sink->queue_max - held : 0;
    if (free_slots > SINK_BATCH)
        free_slots = SINK_BATCH;
    return count < free_slots ? count : (uint32_t)free_slots;
}

tide_result sink_write(void *self, const tide_batch *batch, uint32_t *accepted)
{
    struct sink *sink = self;
    *accepted = 0;
    tide_result result = delivery_check(sink);
    if (result == TIDE_OK)
        result = sink_topics_refresh(sink);
    if (result == TIDE_OK)
        result = backlog_send(sink);
    if (result < 0)
        return result;
    uint32_t want = result == TIDE_OK ? room(sink, batch->count) : 0, count = 0;
    for (; count < want; count++) {
        result = find_topic(sink, batch, count);
        if (result != TIDE_OK)
            break;
        if (sink->at[count])
            append(sink, count, choose(sink, sink->at[count], tide_record_at(batch, count)));
    }
    if (result < 0)
        return result;
    int topic_awaited = result == TIDE_AGAIN && count < want;
    result = produce_all(sink, batch, count);
    if (result < 0)
        return result;
    sink->spread = (sink->spread + 1) & INT32_MAX;
    *accepted = count;
    if (count == batch->count || count == SINK_BATCH)
        return TIDE_OK;
    int64_t now = sink->host->mono_ns(sink->ctx);
    if (!topic_awaited)
        sink->host->wait_until(sink->ctx,
                               now + (delivery_is_stuck(sink, now) ? STUCK_POLL_NS : FULL_POLL_NS));
    return TIDE_AGAIN;
}
