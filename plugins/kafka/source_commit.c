// SPDX-License-Identifier: MIT
#include "source.h"

#include <stdlib.h>

// Offsets for the group: what is durable downstream, told to the cluster in passing. The host's
// own positions win over them; they are for who looks from outside, and for starts without state.

static void on_commit(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                      rd_kafka_topic_partition_list_t *list, void *opaque)
{
    (void)rk;
    struct client *client = opaque;
    struct source *source = client->owner;
    if (!source)
        return;
    source->commits_pending--;
    if (!err)
        return;
    client_say(client, TIDE_LOG_WARN, "offsets were not committed: %s", rd_kafka_err2str(err));
    for (int i = 0; list && i < list->cnt; i++) { // the next ack sends them again
        struct partition *partition =
            partitions_get(&source->partitions, list->elems[i].topic, list->elems[i].partition);
        if (partition)
            partition->asked_commit = OFFSET_NONE;
    }
}

void commit_configure(rd_kafka_conf_t *conf)
{
    rd_kafka_conf_set_offset_commit_cb(conf, on_commit);
}

static void add(struct source *source, rd_kafka_topic_partition_list_t *list,
                const tide_position *position)
{
    struct partition *partition = partitions_at(&source->partitions, position->split);
    int64_t offset;
    if (!partition || position_read(position->position, &offset) ||
        offset == partition->asked_commit)
        return;
    rd_kafka_topic_partition_list_add(list, partition->topic, partition->number)->offset = offset;
    partition->asked_commit = offset;
}

tide_result commit_ack(void *self, uint64_t id, const tide_position *positions, uint32_t count,
                       uint32_t stride)
{
    (void)id;
    struct source *source = self;
    if (source->tx)
        return TIDE_OK; // they went with the transaction
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (uint32_t i = 0; i < count; i++)
        add(source, list,
            (const tide_position *)(const void *)((const char *)positions + (size_t)i * stride));
    // An empty commit would answer "no offset stored".
    if (list->cnt && rd_kafka_commit(source->client->rk, list, 1) == RD_KAFKA_RESP_ERR_NO_ERROR)
        source->commits_pending++;
    rd_kafka_topic_partition_list_destroy(list);
    return TIDE_OK;
}

tide_result commit_position(void *self, uint32_t split, tide_buf *out)
{
    struct source *source = self;
    const struct partition *partition = partitions_at(&source->partitions, split);
    if (!partition || partition->next < 0)
        return TIDE_OK; // not known yet: as the options say
    unsigned char bytes[POSITION_BYTES];
    position_write(partition->next, bytes);
    if (source->host->put(out, bytes, sizeof bytes) != 0)
        return source->host->fail(source->ctx, TIDE_FATAL, "out of memory");
    return TIDE_OK;
}
