// SPDX-License-Identifier: MIT
#include "sink.h"

#include <stdlib.h>
#include <string.h>

// Records that were accepted while librdkafka's queue filled up: copies, in order, sent before
// anything else.

struct backlog_item {
    struct backlog_item *next;
    struct sink_topic *topic;
    int32_t partition;
    tide_record record; // its bytes follow the headers
    tide_header headers[];
};

static size_t size_of(const tide_record *record)
{
    size_t size = sizeof(struct backlog_item) + record->header_count * sizeof(tide_header) +
                  record->key.len + record->value.len;
    for (uint32_t i = 0; i < record->header_count; i++)
        size += strlen(record->headers[i].name) + 1 + record->headers[i].value.len;
    return size;
}

static tide_bytes keep(char **at, tide_bytes bytes)
{
    if (!bytes.data)
        return bytes;
    char *to = *at;
    memcpy(to, bytes.data, bytes.len);
    *at += bytes.len;
    return (tide_bytes){to, bytes.len};
}

int backlog_add(struct sink *sink, struct sink_topic *topic, int32_t partition,
                const tide_record *record)
{
    struct backlog_item *item = malloc(size_of(record) + 1);
    if (!item)
        return -1;
    item->next = NULL;
    item->topic = topic;
    item->partition = partition;
    item->record = *record;
    char *at = (char *)(item->headers + record->header_count);
    item->record.key = keep(&at, record->key);
    item->record.value = keep(&at, record->value);
    for (uint32_t i = 0; i < record->header_count; i++) {
        const tide_header *from = &record->headers[i];
        item->headers[i].name = keep(&at, (tide_bytes){from->name, strlen(from->name) + 1}).data;
        item->headers[i].value = keep(&at, from->value);
    }
    item->record.headers = item->headers;
    *sink->backlog_end = item;
    sink->backlog_end = &item->next;
    return 0;
}

tide_result backlog_send(struct sink *sink)
{
    while (sink->backlog) {
        struct backlog_item *item = sink->backlog;
        rd_kafka_resp_err_t err = delivery_send(sink, item->topic, item->partition, &item->record);
        if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL)
            return TIDE_AGAIN;
        if (err && !delivery_goes_on(sink, err))
            return sink->host->fail(sink->ctx, TIDE_FATAL, "topic \"%s\": %s",
                                    item->topic->ask.name, rd_kafka_err2str(err));
        sink->backlog = item->next;
        if (!sink->backlog)
            sink->backlog_end = &sink->backlog;
        free(item);
    }
    return TIDE_OK;
}

void backlog_free(struct sink *sink)
{
    while (sink->backlog) {
        struct backlog_item *item = sink->backlog;
        sink->backlog = item->next;
        free(item);
    }
}
