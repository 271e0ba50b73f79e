// SPDX-License-Identifier: MIT
#include "partition.h"
#include "tx.h"

#include <stdlib.h>
#include <string.h>

// The sources' part of a transaction: the offsets of the next records to read, for each group. They
// are for who looks from outside and for starts without state; the host's own positions win.

enum { TOPIC_MAX = 256 };

static const tide_position *at(const tide_position *positions, uint32_t index, uint32_t stride)
{
    return (const tide_position *)(const void *)((const char *)positions + (size_t)index * stride);
}

// Adds a position (of "topic/3"); 0: it is none of ours.
static int add(rd_kafka_topic_partition_list_t *list, const tide_position *position)
{
    const char *name = position->name.data;
    int64_t offset;
    size_t slash = position->name.len;
    while (slash && name[slash - 1] != '/')
        slash--;
    char topic[TOPIC_MAX], number[16];
    size_t digits = position->name.len - slash;
    if (slash < 2 || slash > sizeof topic || !digits || digits >= sizeof number ||
        position_read(position->position, &offset))
        return 0;
    memcpy(topic, name, slash - 1);
    topic[slash - 1] = 0;
    memcpy(number, name + slash, digits);
    number[digits] = 0;
    rd_kafka_topic_partition_list_add(list, topic, (int32_t)strtol(number, NULL, 10))->offset =
        offset;
    return 1;
}

static tide_result collect(struct tx *tx, const char *node, const tide_position *positions,
                           uint32_t count, uint32_t stride, rd_kafka_topic_partition_list_t *list)
{
    for (uint32_t i = 0; i < count; i++) {
        const tide_position *position = at(positions, i, stride);
        if (strcmp(position->node, node) == 0 && position->position.data && !add(list, position))
            return tx->host->fail(tx->ctx, TIDE_FATAL, "%s: a position that is none of Kafka's",
                                  node);
    }
    return TIDE_OK;
}

// A member's offsets carry its generation, so that the group refuses those of one that was put out.
static rd_kafka_consumer_group_metadata_t *metadata_of(struct tx *tx, struct tx_source *source)
{
    struct client *client = NULL;
    pthread_mutex_lock(&tx->lock);
    if ((client = source->client))
        client_ref(client);
    pthread_mutex_unlock(&tx->lock);
    rd_kafka_consumer_group_metadata_t *metadata =
        client ? rd_kafka_consumer_group_metadata(client->rk)
               : rd_kafka_consumer_group_metadata_new(source->group);
    if (client)
        client_unref(client);
    return metadata;
}

static tide_result send_list(struct tx *tx, struct tx_source *source,
                             const rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_consumer_group_metadata_t *metadata = metadata_of(tx, source);
    if (!metadata)
        return tx->host->fail(tx->ctx, TIDE_RETRY, "%s is no member of its group", source->node);
    rd_kafka_error_t *error =
        rd_kafka_send_offsets_to_transaction(tx->producer->rk, list, metadata, (int)tx->commit_ms);
    rd_kafka_consumer_group_metadata_destroy(metadata);
    return error ? tx_answer(tx, error, "send_offsets_to_transaction") : TIDE_OK;
}

static tide_result send_of(struct tx *tx, struct tx_source *source, const tide_position *positions,
                           uint32_t count, uint32_t stride)
{
    if (source->sent)
        return TIDE_OK;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    tide_result result = collect(tx, source->node, positions, count, stride, list);
    if (result == TIDE_OK && list->cnt) // an empty list is an error to librdkafka
        result = send_list(tx, source, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (result == TIDE_OK)
        source->sent = 1;
    return result;
}

// The list only grows, at its head: what is found under the lock stays until the connection goes.
static struct tx_source *first_source(struct tx *tx)
{
    pthread_mutex_lock(&tx->lock);
    struct tx_source *first = tx->sources;
    pthread_mutex_unlock(&tx->lock);
    return first;
}

static tide_result check_one(struct tx *tx, const tide_position *position)
{
    if (!TIDE_HAS(position, node) || !position->node || !position->name.data)
        return tx->host->fail(tx->ctx, TIDE_FATAL, "a position without its node and split");
    for (struct tx_source *source = first_source(tx); source; source = source->next)
        if (strcmp(source->node, position->node) == 0)
            return TIDE_OK;
    return tx->host->fail(tx->ctx, TIDE_FATAL, "a position of %s, which is no source here",
                          position->node);
}

tide_result tx_send_offsets(struct tx *tx, const tide_position *positions, uint32_t count,
                            uint32_t stride)
{
    tide_result result = TIDE_OK;
    for (uint32_t i = 0; i < count && result == TIDE_OK; i++)
        result = check_one(tx, at(positions, i, stride));
    for (struct tx_source *source = first_source(tx); source && result == TIDE_OK;
         source = source->next)
        result = send_of(tx, source, positions, count, stride);
    return result;
}

void tx_new_offsets(struct tx *tx)
{
    for (struct tx_source *source = first_source(tx); source; source = source->next)
        source->sent = 0;
}
