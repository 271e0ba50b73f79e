// SPDX-License-Identifier: MIT
#include "partition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void run_lookup(struct ask *ask, rd_kafka_t *rk)
{
    struct partition *partition = (struct partition *)ask;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, partition->topic, partition->number);
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (partition->want_committed)
        err = rd_kafka_committed(rk, list, SCOUT_TIMEOUT_MS);
    if (!err)
        err = list->elems[0].err;
    partition->committed = !err && partition->want_committed && list->elems[0].offset >= 0
                               ? list->elems[0].offset
                               : OFFSET_NONE;
    if (!err)
        err = rd_kafka_query_watermark_offsets(rk, partition->topic, partition->number,
                                               &partition->low, &partition->high, SCOUT_TIMEOUT_MS);
    rd_kafka_topic_partition_list_destroy(list);
    snprintf(ask->why, sizeof ask->why, "%s", rd_kafka_err2str(err));
    ask->err = err;
}

static struct partition *new_partition(const char *topic, int32_t number)
{
    struct partition *fresh = calloc(1, sizeof *fresh);
    char *name = strdup(topic);
    if (!fresh || !name) {
        free(fresh);
        free(name);
        return NULL;
    }
    *fresh = (struct partition){.ask = {.run = run_lookup},
                                .topic = name,
                                .number = number,
                                .next = OFFSET_NONE,
                                .end = OFFSET_NONE,
                                .asked_commit = OFFSET_NONE};
    return fresh;
}

static int is(const struct partition *partition, const char *topic, int32_t number)
{
    return partition->number == number && strcmp(partition->topic, topic) == 0;
}

struct partition *partitions_get(struct partitions *all, const char *topic, int32_t number)
{
    for (size_t i = 0; i < all->count; i++)
        if (is(all->items[i], topic, number))
            return all->items[i];
    if (all->count == all->cap) {
        size_t cap = all->cap ? all->cap * 2 : 16;
        struct partition **items = realloc(all->items, cap * sizeof(struct partition *));
        if (!items)
            return NULL;
        all->items = items;
        all->cap = cap;
    }
    struct partition *fresh = new_partition(topic, number);
    if (fresh)
        all->items[all->count++] = fresh;
    return fresh;
}

size_t partition_name(const struct partition *partition, char *out, size_t size)
{
    int len = snprintf(out, size, "%s/%d", partition->topic, partition->number);
    return (size_t)len < size ? (size_t)len : size - 1;
}

struct partition *partitions_named(const struct partitions *all, const void *name, size_t len)
{
    char text[300]; // a topic's name has 249 bytes at most
    for (size_t i = 0; i < all->count; i++)
        if (partition_name(all->items[i], text, sizeof text) == len && !memcmp(text, name, len))
            return all->items[i];
    return NULL;
}

struct partition *partitions_of(const struct partitions *all, const rd_kafka_topic_t *rkt,
                                int32_t number)
{
    for (size_t i = 0; i < all->count; i++)
        if (all->items[i]->rkt == rkt && all->items[i]->number == number)
            return all->items[i];
    const char *topic = rd_kafka_topic_name(rkt);
    for (size_t i = 0; i < all->count; i++)
        if (is(all->items[i], topic, number)) {
            all->items[i]->rkt = rkt;
            return all->items[i];
        }
    return NULL;
}

int partitions_number(struct partitions *all, struct partition *partition, uint32_t id)
{
    if (id >= all->id_cap) {
        size_t cap = (size_t)id + 16;
        struct partition **by_id = realloc(all->by_id, cap * sizeof(struct partition *));
        if (!by_id)
            return -1;
        memset(by_id + all->id_cap, 0, (cap - all->id_cap) * sizeof(struct partition *));
        all->by_id = by_id;
        all->id_cap = cap;
    }
    all->by_id[id] = partition;
    partition->id = id;
    partition->has_id = 1;
    return 0;
}

void partitions_deinit(struct partitions *all)
{
    for (size_t i = 0; i < all->count; i++) {
        free(all->items[i]->topic);
        free(all->items[i]);
    }
    free(all->items);
    free(all->by_id);
}

void position_write(int64_t offset, unsigned char out[POSITION_BYTES])
{
    for (int i = 0; i < POSITION_BYTES; i++)
        out[i] = (unsigned char)((uint64_t)offset >> (8 * i));
}

int position_read(tide_bytes position, int64_t *offset)
{
    const unsigned char *bytes = position.data;
    uint64_t value = 0;
    if (!bytes || position.len != POSITION_BYTES)
        return -1;
    for (int i = POSITION_BYTES; i--;)
        value = value << 8 | bytes[i];
    *offset = (int64_t)value;
    return 0;
}
