// SPDX-License-Identifier: MIT
#include "sink.h"

#include <stdlib.h>
#include <string.h>

#define PURGE_DEADLINE_MS 500

static const char *const defaults[] = {
    PRODUCER_DEFAULTS,
    "enable.idempotence",
    "true",
    "message.timeout.ms",
    "0", // retried for ever: what was accepted is not dropped
    NULL,
};

static tide_result out_of_memory(const struct sink *sink)
{
    return sink->host->fail(sink->ctx, TIDE_FATAL, "out of memory");
}

static tide_result read_topic(struct sink *sink)
{
    const char *text = sink->host->opt_text(sink->ctx, "topic");
    if (!text || !*text)
        return sink->host->fail(sink->ctx, TIDE_FATAL, "topic must be given");
    sink->create = connection_wish(sink->connection, sink->host, sink->ctx);
    sink->topic_template = -1;
    if (strchr(text, '{')) {
        sink->topic_template = sink->host->template_of(sink->ctx, "topic");
        return TIDE_OK;
    }
    rd_kafka_resp_err_t err;
    sink->fixed = sink_topic_get(sink, text, strlen(text), &err);
    if (err == RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE)
        return out_of_memory(sink);
    return sink->fixed ? TIDE_OK
                       : sink->host->fail(sink->ctx, TIDE_FATAL, "topic \"%s\": %s", text,
                                          rd_kafka_err2str(err));
}

static tide_result own_client(struct sink *sink)
{
    const char *const fixed[] = {
        "partitioner", sink->partitioner, "delivery.report.only.error", "true", NULL,
    };
    rd_kafka_conf_t *conf = NULL;
    tide_result result =
        connection_conf(sink->connection, sink->host, sink->ctx, defaults, fixed, &conf);
    if (result != TIDE_OK) {
        rd_kafka_conf_destroy(conf);
        return result;
    }
    delivery_configure(conf);
    result = client_new(sink->host, sink->ctx, RD_KAFKA_PRODUCER, conf, sink, &sink->client);
    if (result != TIDE_OK)
        return result;
    sink->queue = rd_kafka_queue_get_main(sink->client->rk);
    client_watch(sink->client, sink->queue);
    return TIDE_OK;
}

static tide_result shared_client(struct sink *sink)
{
    const tide_config *options = sink->host->config(sink->ctx, "options");
    if (options && sink->host->config_len(options))
        return sink->host->fail(sink->ctx, TIDE_FATAL,
                                "options: with delivery: exactly_once all sinks share their "
                                "connection's producer; give them to the connection, or say "
                                "delivery: at_least_once here");
    sink->tx = sink->connection->tx;
    return tx_join(sink->tx, sink->host, sink->ctx, sink, &sink->client);
}

static int wants_transactions(const struct sink *sink)
{
    const char *delivery = sink->host->opt_text(sink->ctx, "delivery");
    return tx_is_settled(sink->connection) && !(delivery && !strcmp(delivery, "at_least_once"));
}

static tide_result make_client(struct sink *sink)
{
    sink->partitioner = sink->host->opt_text(sink->ctx, "partitioner");
    if (!sink->partitioner)
        sink->partitioner = "murmur2_random";
    sink->choose = strcmp(sink->partitioner, "murmur2_random") == 0;
    tide_result result = wants_transactions(sink) ? shared_client(sink) : own_client(sink);
    if (result != TIDE_OK)
        return result;
    char text[32] = "";
    size_t size = sizeof text;
    rd_kafka_conf_get(rd_kafka_conf(sink->client->rk), "queue.buffering.max.messages", text, &size);
    sink->queue_max = strtoul(text, NULL, 10);
    sink->scout = scout_new(sink->client);
    return sink->scout ? TIDE_OK : out_of_memory(sink);
}

tide_result sink_open(const tide_host *host, tide_ctx *ctx, void **self)
{
    struct sink *sink = calloc(1, sizeof *sink);
    if (!sink)
        return host->fail(ctx, TIDE_FATAL, "out of memory");
    *self = sink;
    sink->host = host;
    sink->ctx = ctx;
    sink->backlog_end = &sink->backlog;
    tide_result result = connection_of(host, ctx, &sink->connection);
    if (result == TIDE_OK)
        result = make_client(sink);
    if (result == TIDE_OK)
        result = read_topic(sink);
    // Ask now, so that the first write need not wait.
    if (result == TIDE_OK && sink->fixed)
        result = sink_topic_ready(sink, sink->fixed);
    return result < 0 ? result : TIDE_OK;
}

void sink_close(void *self)
{
    struct sink *sink = self;
    scout_free(sink->scout);
    if (sink->client && !sink->tx) {
        // What the host wanted to keep it has flushed; a broker that is away must not hold us.
        sink->client->owner = NULL;
        rd_kafka_purge(sink->client->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_flush(sink->client->rk, PURGE_DEADLINE_MS);
    }
    backlog_free(sink);
    sink_topics_free(sink);
    if (sink->queue)
        rd_kafka_queue_destroy(sink->queue);
    if (sink->client)
        client_close(sink->client);
    connection_release(sink->connection);
    free(sink);
}

int sink_poll_fd(void *self)
{
    const struct sink *sink = self;
    return sink->client->event_fd;
}
