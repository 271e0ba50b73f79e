// SPDX-License-Identifier: MIT
#include "sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What becomes of records after librdkafka has them.

#define FLUSH_POLL_NS INT64_C(1000000)
#define STUCK_POLL_NS INT64_C(50000000)
#define STUCK_NS INT64_C(3000000000)

// Only failures come here. Passing ones librdkafka retries by itself, so this one is final.
static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    (void)rk;
    struct sink *sink = ((struct client *)opaque)->owner;
    if (!sink || !message->err || sink->failed++ > 0)
        return;
    snprintf(sink->reason, sizeof sink->reason, "topic \"%s\"/%d: a record of %zu bytes: %s",
             rd_kafka_topic_name(message->rkt), message->partition, message->len,
             rd_kafka_err2str(message->err));
}

void delivery_configure(rd_kafka_conf_t *conf)
{
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
}

static rd_kafka_headers_t *headers_of(const tide_record *record)
{
    if (!record->header_count)
        return NULL;
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->header_count);
    for (uint32_t i = 0; i < record->header_count; i++) {
        const tide_header *item = &record->headers[i];
        rd_kafka_header_add(headers, item->name, -1, item->value.data, (ssize_t)item->value.len);
    }
    return headers;
}

rd_kafka_resp_err_t delivery_send(struct sink *sink, struct sink_topic *topic, int32_t partition,
                                  const tide_record *record)
{
    rd_kafka_headers_t *headers = headers_of(record);
    rd_kafka_vu_t vus[7] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = topic->rkt},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_VALUE,
         .u.mem = {(void *)(uintptr_t)record->value.data, record->value.len}},
        {.vtype = RD_KAFKA_VTYPE_KEY,
         .u.mem = {(void *)(uintptr_t)record->key.data, record->key.len}},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP,
         .u.i64 = record->time_ms == TIDE_NO_TIME ? 0 : record->time_ms}, // 0: now
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };
    rd_kafka_error_t *error = rd_kafka_produceva(sink->client->rk, vus, headers ? 7 : 6);
    if (!error) {
        sink->sent++;
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    rd_kafka_resp_err_t err = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    if (headers)
        rd_kafka_headers_destroy(headers); // ours as long as it was not sent
    return err;
}

int delivery_is_stuck(const struct sink *sink, int64_t now)
{
    return sink->moved_ns && now - sink->moved_ns >= STUCK_NS;
}

// A broker that is there and does not answer is not noticed by librdkafka for a minute.
static void watch(struct sink *sink)
{
    uint64_t held = (uint64_t)rd_kafka_outq_len(sink->client->rk);
    uint64_t acknowledged = sink->sent > held ? sink->sent - held : 0; // it counts events as well
    int64_t now = sink->host->mono_ns(sink->ctx);
    if (!held || acknowledged > sink->acknowledged || !sink->moved_ns) {
        sink->acknowledged = acknowledged;
        sink->moved_ns = now;
    }
    if (delivery_is_stuck(sink, now) && now - sink->said_ns >= STUCK_NS) {
        sink->said_ns = now;
        client_say(sink->client, TIDE_LOG_WARN,
                   "no answer for %lld s; %llu records wait to be acknowledged",
                   (long long)((now - sink->moved_ns) / 1000000000), (unsigned long long)held);
    }
}

int delivery_goes_on(struct sink *sink, rd_kafka_resp_err_t err)
{
    if (sink->tx)
        tx_break(sink->tx, TX_LOST, "%s: %s", sink->host->node(sink->ctx),
                 err == RD_KAFKA_RESP_ERR__STATE ? "no transaction takes its records"
                                                 : rd_kafka_err2str(err));
    return sink->tx != NULL;
}

tide_result delivery_check(struct sink *sink)
{
    if (sink->tx)
        return tx_check(sink->tx, sink->client); // reports are the connection's
    client_drain_fd(sink->client);
    rd_kafka_poll(sink->client->rk, 0);
    watch(sink);
    if (sink->failed)
        return sink->host->fail(sink->ctx, TIDE_FATAL,
                                "%s (%llu records that were accepted are not delivered)",
                                sink->reason, (unsigned long long)sink->failed);
    return client_check(sink->client);
}

tide_result sink_flush(void *self)
{
    struct sink *sink = self;
    tide_result result = delivery_check(sink);
    if (result == TIDE_OK)
        result = backlog_send(sink);
    if (result < 0)
        return result;
    if (sink->tx) { // the connection's `prepare` waits for the rest
        if (result == TIDE_AGAIN)
            sink->host->wait_until(sink->ctx, sink->host->mono_ns(sink->ctx) + FLUSH_POLL_NS);
        return result;
    }
    int64_t now = sink->host->mono_ns(sink->ctx);
    int stuck = delivery_is_stuck(sink, now);
    if (rd_kafka_outq_len(sink->client->rk) > 0 && !stuck)
        rd_kafka_flush(sink->client->rk, 1); // sends what lingers; waits 1 ms at most
    // Reports of failures count as held, so none is missed.
    if (result == TIDE_OK && rd_kafka_outq_len(sink->client->rk) == 0)
        return delivery_check(sink);
    sink->host->wait_until(sink->ctx, now + (stuck ? STUCK_POLL_NS : FLUSH_POLL_NS));
    return TIDE_AGAIN;
}
