// SPDX-License-Identifier: MIT
#include "tx.h"
#include "topics.h"

#include <stdlib.h>
#include <string.h>

// The marker topic: one partition, compacted, a record for each committed epoch. It is read from
// shortly before its end; the last committed mark is never compacted away, but transactions that
// were aborted and marks of other keys may lie behind it, so the look back widens.

enum { LOOK_BACK = 8, WIDEN = 16, MARK_MAX = 4096 };

#define READ_MS 1000
#define ASK_AGAIN_MS 100

struct tx_reader {
    struct client *client;
    rd_kafka_topic_t *topic;
    size_t len; // of the newest mark that was found
    int found;
    char mark[MARK_MAX];
};

// fetch.wait.max.ms: the end is told at once. Nothing behind the end is awaited.
static const char *const defaults[] = {
    "client.id",
    "tidemill",
    "fetch.wait.max.ms",
    "10",
    "fetch.error.backoff.ms",
    "50",
    "reconnect.backoff.max.ms",
    "2000",
    NULL,
};

tide_result tx_reader_open(struct tx *tx)
{
    if (tx->reader)
        return TIDE_OK;
    static const char *const fixed[] = {
        "isolation.level",
        "read_committed",
        "enable.partition.eof",
        "true",
        "auto.offset.reset",
        "earliest", // never over a mark that is there
        "enable.auto.commit",
        "false",
        NULL,
    };
    struct tx_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return tx_no_memory(tx);
    rd_kafka_conf_t *conf = NULL;
    tide_result result = connection_conf(tx->connection, tx->host, tx->ctx, defaults, fixed, &conf);
    if (result == TIDE_OK)
        result = client_new(tx->host, tx->ctx, RD_KAFKA_CONSUMER, conf, NULL, &reader->client);
    else
        rd_kafka_conf_destroy(conf);
    if (result == TIDE_OK)
        reader->topic = rd_kafka_topic_new(reader->client->rk, tx->marker_topic, NULL);
    tx->reader = reader;
    if (result == TIDE_OK && !reader->topic)
        result = tx->host->fail(tx->ctx, TIDE_FATAL, "marker_topic \"%s\": %s", tx->marker_topic,
                                rd_kafka_err2str(rd_kafka_last_error()));
    return result;
}

void tx_reader_close(struct tx *tx)
{
    struct tx_reader *reader = tx->reader;
    tx->reader = NULL;
    if (!reader)
        return;
    if (reader->topic)
        rd_kafka_topic_destroy(reader->topic);
    if (reader->client)
        client_close(reader->client);
    free(reader);
}

struct client *tx_reader_client(const struct tx *tx)
{
    return tx->reader->client;
}

static void keep(const struct tx *tx, const rd_kafka_message_t *message)
{
    struct tx_reader *reader = tx->reader;
    if (message->key_len != strlen(tx->id) || memcmp(message->key, tx->id, message->key_len) != 0 ||
        message->len > MARK_MAX)
        return;
    if (message->len)
        memcpy(reader->mark, message->payload, message->len);
    reader->len = message->len;
    reader->found = message->payload != NULL; // a tombstone takes it back
}

// From `start` to the end of what is committed, which is returned; -1 with *err: not in time.
static int64_t scan(struct tx *tx, int64_t start, rd_kafka_resp_err_t *err)
{
    struct tx_reader *reader = tx->reader;
    int64_t until = tx->host->mono_ns(tx->ctx) + READ_MS * 1000000LL, end = -1;
    if (rd_kafka_consume_start(reader->topic, 0, start) != 0) {
        *err = rd_kafka_last_error();
        return -1;
    }
    *err = RD_KAFKA_RESP_ERR__TIMED_OUT;
    while (end < 0 && tx->host->mono_ns(tx->ctx) < until) {
        rd_kafka_poll(reader->client->rk, 0);
        rd_kafka_message_t *message = rd_kafka_consume(reader->topic, 0, 50);
        if (!message)
            continue;
        if (!message->err)
            keep(tx, message);
        else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            end = message->offset;
        else
            *err = message->err;
        rd_kafka_message_destroy(message);
    }
    rd_kafka_consume_stop(reader->topic, 0);
    return end;
}

static int is_missing(rd_kafka_resp_err_t err)
{
    return topic_is_missing(err) || err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
}

static tide_result not_read(struct tx *tx, rd_kafka_resp_err_t err)
{
    if (!topic_error_passes(err))
        return tx->host->fail(tx->ctx, TIDE_FATAL, "marker_topic \"%s\": %s", tx->marker_topic,
                              rd_kafka_err2str(err));
    client_say(tx->reader->client, TIDE_LOG_WARN, "marker_topic \"%s\": %s; waiting",
               tx->marker_topic, rd_kafka_err2str(err));
    return tx_again(tx, ASK_AGAIN_MS);
}

tide_result tx_reader_put(struct tx *tx, tide_buf *mark)
{
    const struct tx_reader *reader = tx->reader;
    if (reader->found && tx->host->put(mark, reader->mark, reader->len) != 0)
        return tx_no_memory(tx);
    return TIDE_OK;
}

tide_result tx_reader_newest(struct tx *tx, int *pending)
{
    struct tx_reader *reader = tx->reader;
    int64_t low = 0, high = 0, end = 0;
    *pending = 0;
    reader->found = 0;
    rd_kafka_resp_err_t err = rd_kafka_query_watermark_offsets(reader->client->rk, tx->marker_topic,
                                                               0, &low, &high, READ_MS);
    if (is_missing(err))
        return TIDE_OK;
    if (err)
        return not_read(tx, err);
    for (int64_t back = LOOK_BACK;; back *= WIDEN) {
        int64_t start = high - back > low ? high - back : low;
        end = scan(tx, start, &err);
        if (end < 0)
            return not_read(tx, err);
        if (reader->found || start == low)
            break;
    }
    // Behind the last stable offset there may be a mark that is committed but not yet to be seen.
    if (rd_kafka_get_watermark_offsets(reader->client->rk, tx->marker_topic, 0, &low, &high) == 0)
        *pending = end < high;
    return TIDE_OK;
}
