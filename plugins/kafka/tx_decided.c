// SPDX-License-Identifier: MIT
#include "topics.h"
#include "tx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Which epoch was decided last: by looking only, or after everything that was pending is settled.
// Both are a row of steps, each of which may take several calls.

#define INIT_SLICE_MS 40 // one long call would sleep half a second over a transaction left open
#define INIT_CALL_NS INT64_C(1000000000)
#define METADATA_MS 1000
#define ASK_AGAIN_MS 100
#define PENDING_AGAIN_MS 20

// Unlike those of a sink's own producer, records time out with their transaction.
static const char *const defaults[] = {
    PRODUCER_DEFAULTS,
    "retry.backoff.ms",
    "5",
    NULL,
};

// -- the producer --

static int is_hopeless(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || err == RD_KAFKA_RESP_ERR_INVALID_MSG ||
           err == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE || err == RD_KAFKA_RESP_ERR_INVALID_RECORD ||
           err == RD_KAFKA_RESP_ERR_POLICY_VIOLATION ||
           err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
           err == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE;
}

// Only failures come here, on the host's thread for this connection.
static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    (void)rk;
    struct tx *tx = ((struct client *)opaque)->owner;
    rd_kafka_resp_err_t err = message->err;
    if (!tx || !err || err == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
        err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
        return; // it went with its transaction
    tx_break(tx, is_hopeless(err) ? TX_HOPELESS : TX_LOST,
             "topic \"%s\"/%d: a record of %zu bytes: %s", rd_kafka_topic_name(message->rkt),
             message->partition, message->len, rd_kafka_err2str(err));
}

static tide_result drop(struct tx *tx, tide_buf *mark)
{
    (void)mark;
    tx_drop_producer(tx);
    return TIDE_OK;
}

static tide_result make_producer(struct tx *tx, tide_buf *mark)
{
    (void)mark;
    char timeout[24];
    snprintf(timeout, sizeof timeout, "%lld", (long long)tx->transaction_ms);
    const char *const fixed[] = {
        "transactional.id",
        tx->id,
        "transaction.timeout.ms",
        timeout,
        "enable.idempotence",
        "true",
        "delivery.report.only.error",
        "true",
        NULL,
    };
    rd_kafka_conf_t *conf = NULL;
    struct client *client = NULL;
    tide_result result = connection_conf(tx->connection, tx->host, tx->ctx, defaults, fixed, &conf);
    if (result != TIDE_OK) {
        rd_kafka_conf_destroy(conf);
        return result;
    }
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    result = client_new(tx->host, tx->ctx, RD_KAFKA_PRODUCER, conf, tx, &client);
    if (result != TIDE_OK)
        return result;
    pthread_mutex_lock(&tx->lock);
    tx->producer = client;
    pthread_mutex_unlock(&tx->lock);
    tx->marker = rd_kafka_topic_new(client->rk, tx->marker_topic, NULL);
    return tx->marker ? TIDE_OK : tx_no_memory(tx);
}

static tide_result initialise(struct tx *tx, tide_buf *mark)
{
    (void)mark;
    int64_t until = tx->host->mono_ns(tx->ctx) + INIT_CALL_NS;
    do {
        rd_kafka_error_t *error = rd_kafka_init_transactions(tx->producer->rk, INIT_SLICE_MS);
        rd_kafka_poll(tx->producer->rk, 0);
        if (!error) {
            atomic_store_explicit(&tx->broken, 0, memory_order_release);
            return TIDE_OK;
        }
        tide_result result = tx_answer(tx, error, "init_transactions");
        if (result < 0)
            return result;
    } while (tx->host->mono_ns(tx->ctx) < until);
    client_say(tx->producer, TIDE_LOG_WARN, "transactional_id \"%s\": waiting for the cluster",
               tx->id);
    return tx_again(tx, 1);
}

// So that the first commit need not learn where the marker topic is: that would take it a second.
static tide_result know_marker(struct tx *tx, tide_buf *mark)
{
    (void)mark;
    const struct rd_kafka_metadata *metadata = NULL;
    if (rd_kafka_metadata(tx->producer->rk, 0, tx->marker, &metadata, METADATA_MS) == 0)
        rd_kafka_metadata_destroy(metadata);
    return TIDE_OK;
}

// -- the marker topic --

static tide_result open_reader(struct tx *tx, tide_buf *mark)
{
    (void)mark;
    return tx_reader_open(tx);
}

static tide_result look_for_rivals(struct tx *tx, tide_buf *mark)
{
    (void)mark;
    return tx_look_for_rivals(tx);
}

static tide_result make_marker(struct tx *tx, tide_buf *mark)
{
    (void)mark;
    struct topic_ask topic;
    struct client *client = tx_reader_client(tx);
    topic_ask_init(&topic, tx->marker_topic,
                   (struct topic_wish){1, tx->connection->create.replication});
    topic.compacted = 1;
    topic.ask.run(&topic.ask, client->rk);
    rd_kafka_poll(client->rk, 0);
    if (topic.partitions)
        return TIDE_OK;
    if (!topic_error_passes(topic.ask.err) && !topic_is_missing(topic.ask.err))
        return tx->host->fail(tx->ctx, TIDE_FATAL, "marker_topic \"%s\": %s", tx->marker_topic,
                              topic.ask.why);
    client_say(client, TIDE_LOG_WARN, "marker_topic \"%s\": %s; waiting", tx->marker_topic,
               topic.ask.why);
    return tx_again(tx, ASK_AGAIN_MS);
}

static tide_result read_newest(struct tx *tx, tide_buf *mark)
{
    (void)mark;
    int pending; // perhaps by an epoch of our own that is not settled
    return tx_reader_newest(tx, &pending);
}

// Our own transactions are settled: what still holds the end back is another's.
static tide_result decide(struct tx *tx, tide_buf *mark)
{
    int pending;
    tide_result result = tx_reader_newest(tx, &pending);
    if (result != TIDE_OK)
        return result;
    if (!pending)
        return tx_reader_put(tx, mark);
    if (tx->host->mono_ns(tx->ctx) - tx->step_ns >= tx->transaction_ms * 1000000)
        return tx->host->fail(tx->ctx, TIDE_FATAL,
                              "marker_topic \"%s\": an open transaction of somebody else hides its "
                              "end; each pipeline needs a marker topic of its own",
                              tx->marker_topic);
    client_say(tx_reader_client(tx), TIDE_LOG_WARN,
               "marker_topic \"%s\": waiting for a transaction of somebody else to end",
               tx->marker_topic);
    return tx_again(tx, PENDING_AGAIN_MS);
}

// -- the rows --

typedef tide_result step(struct tx *tx, tide_buf *mark);

static step *const looking[] = {open_reader, read_newest, look_for_rivals, tx_reader_put, NULL};
static step *const settling[] = {drop,       open_reader, make_marker, make_producer,
                                 initialise, know_marker, decide,      NULL};

static tide_result read_options(struct tx *tx)
{
    const tide_host *host = tx->host;
    const char *pipeline = host->pipeline(tx->ctx);
    const char *id = host->opt_text(tx->ctx, "transactional_id");
    const char *topic = host->opt_text(tx->ctx, "marker_topic");
    size_t size = strlen(pipeline) + sizeof ".tidemill";
    tx->transaction_ms = host->opt_int(tx->ctx, "transaction_timeout");
    tx->commit_ms = host->opt_int(tx->ctx, "commit_timeout");
    tx->id = strdup(id ? id : pipeline);
    tx->marker_topic = topic ? strdup(topic) : malloc(size);
    if (!tx->id || !tx->marker_topic)
        return tx_no_memory(tx);
    if (!topic)
        snprintf(tx->marker_topic, size, "%s.tidemill", pipeline);
    if (tx->commit_ms >= tx->transaction_ms)
        return host->fail(tx->ctx, TIDE_FATAL,
                          "commit_timeout must be shorter than transaction_timeout");
    return TIDE_OK;
}

static tide_result make(struct connection *connection)
{
    struct tx *tx = calloc(1, sizeof *tx);
    if (!tx)
        return connection->host->fail(connection->ctx, TIDE_FATAL, "out of memory");
    tx->host = connection->host;
    tx->ctx = connection->ctx;
    tx->connection = connection;
    pthread_mutex_init(&tx->lock, NULL);
    connection->tx = tx;
    return read_options(tx);
}

static void enter(struct tx *tx, int number)
{
    tx->step = number;
    tx->step_ns = tx->host->mono_ns(tx->ctx);
}

tide_result tx_decided(void *self, int look_only, tide_buf *mark)
{
    struct connection *connection = self;
    tide_result result = connection->tx ? TIDE_OK : make(connection);
    if (result != TIDE_OK)
        return result;
    struct tx *tx = connection->tx;
    step *const *row = look_only ? looking : settling;
    if (!tx->reader || tx->look != look_only)
        enter(tx, 0);
    tx->look = look_only;
    while (row[tx->step] && (result = row[tx->step](tx, mark)) == TIDE_OK)
        enter(tx, tx->step + 1);
    if (result != TIDE_AGAIN)
        tx_reader_close(tx);
    return result;
}
