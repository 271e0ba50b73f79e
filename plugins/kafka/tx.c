// SPDX-License-Identifier: MIT
#include "tx.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLOSE_MS 1000
#define PURGE_MS 500

tide_result tx_no_memory(struct tx *tx)
{
    return tx->host->fail(tx->ctx, TIDE_FATAL, "out of memory");
}

tide_result tx_again(struct tx *tx, int64_t ms)
{
    tx->host->wait_until(tx->ctx, tx->host->mono_ns(tx->ctx) + ms * 1000000);
    return TIDE_AGAIN;
}

// -- what nodes do, on their threads --

int tx_is_settled(const struct connection *connection)
{
    struct tx *tx = connection->tx;
    if (!tx)
        return 0;
    pthread_mutex_lock(&tx->lock);
    int settled = tx->producer != NULL;
    pthread_mutex_unlock(&tx->lock);
    return settled;
}

tide_result tx_join(struct tx *tx, const tide_host *host, tide_ctx *ctx, void *owner,
                    struct client **out)
{
    pthread_mutex_lock(&tx->lock);
    tide_result result = tx->producer ? client_share(tx->producer, host, ctx, owner, out)
                                      : host->fail(ctx, TIDE_RETRY, "its connection is closing");
    pthread_mutex_unlock(&tx->lock);
    return result;
}

void tx_break(struct tx *tx, int how, const char *fmt, ...)
{
    pthread_mutex_lock(&tx->lock);
    if (!atomic_load_explicit(&tx->broken, memory_order_relaxed)) {
        va_list args;
        va_start(args, fmt);
        vsnprintf(tx->reason, sizeof tx->reason, fmt, args);
        va_end(args);
        atomic_store_explicit(&tx->broken, how, memory_order_release);
    }
    pthread_mutex_unlock(&tx->lock);
}

// Under the lock. NULL: memory is out. What a node reads for does not change while it runs.
static struct tx_source *source_of(struct tx *tx, const char *node, const char *group)
{
    struct tx_source *source = tx->sources;
    while (source && strcmp(source->node, node) != 0)
        source = source->next;
    if (source)
        return source;
    source = calloc(1, sizeof *source);
    char *name = strdup(node), *copy = strdup(group);
    if (!source || !name || !copy) {
        free(source);
        free(name);
        free(copy);
        return NULL;
    }
    source->node = name;
    source->group = copy;
    source->next = tx->sources;
    return tx->sources = source;
}

int tx_add_source(struct tx *tx, const char *node, const char *group, struct client *client)
{
    struct client *old = NULL;
    pthread_mutex_lock(&tx->lock);
    struct tx_source *source = source_of(tx, node, group);
    if (source) {
        old = source->client;
        source->client = client;
        if (client)
            client_ref(client);
    }
    pthread_mutex_unlock(&tx->lock);
    if (old)
        client_unref(old);
    return source ? 0 : -1;
}

void tx_drop_source(struct tx *tx, const struct client *client)
{
    struct client *old = NULL;
    pthread_mutex_lock(&tx->lock);
    for (struct tx_source *source = tx->sources; source; source = source->next)
        if (source->client && source->client == client) {
            old = source->client;
            source->client = NULL;
        }
    pthread_mutex_unlock(&tx->lock);
    if (old)
        client_unref(old);
}

// -- errors --

tide_result tx_broken(struct tx *tx)
{
    char why[sizeof tx->reason];
    pthread_mutex_lock(&tx->lock);
    memcpy(why, tx->reason, sizeof why);
    pthread_mutex_unlock(&tx->lock);
    int hopeless = atomic_load_explicit(&tx->broken, memory_order_acquire) == TX_HOPELESS;
    return tx->host->fail(tx->ctx, hopeless ? TIDE_FATAL : TIDE_RETRY, "%s", why);
}

static int is_fenced(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR__FENCED || err == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
           err == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH ||
           err == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
}

static int is_forbidden(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED ||
           err == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED ||
           err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
           err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
}

tide_result tx_check(const struct tx *tx, struct client *client)
{
    char why[512];
    rd_kafka_resp_err_t err = rd_kafka_fatal_error(client->rk, why, sizeof why);
    if (!err)
        return TIDE_OK;
    if (!is_fenced(err))
        return client->host->fail(client->ctx, TIDE_FATAL, "%s: %s", rd_kafka_err2name(err), why);
    return client->host->fail(client->ctx, TIDE_FENCED,
                              "fenced: another process runs this pipeline (transactional_id "
                              "\"%s\"), or an epoch took longer than transaction_timeout: %s",
                              tx->id, why);
}

tide_result tx_answer(struct tx *tx, rd_kafka_error_t *error, const char *what)
{
    char why[512];
    rd_kafka_resp_err_t err = rd_kafka_error_code(error);
    int retriable = rd_kafka_error_is_retriable(error) || err == RD_KAFKA_RESP_ERR__TIMED_OUT;
    int abortable = rd_kafka_error_txn_requires_abort(error);
    snprintf(why, sizeof why, "%s", rd_kafka_error_string(error));
    int fatal = rd_kafka_error_is_fatal(error);
    rd_kafka_error_destroy(error);
    tide_result result = tx_check(tx, tx->producer);
    if (result != TIDE_OK)
        return result;
    if (is_fenced(err) || fatal || is_forbidden(err))
        return tx->host->fail(tx->ctx, is_fenced(err) ? TIDE_FENCED : TIDE_FATAL, "%s%s: %s",
                              is_fenced(err) ? "fenced: another process runs this pipeline: " : "",
                              what, why);
    if (retriable && !abortable)
        return TIDE_AGAIN;
    tx_break(tx, TX_LOST, "%s: %s", what, why);
    return tx_broken(tx);
}

// -- the end --

void tx_drop_producer(struct tx *tx)
{
    pthread_mutex_lock(&tx->lock);
    struct client *producer = tx->producer;
    tx->producer = NULL;
    pthread_mutex_unlock(&tx->lock);
    if (tx->marker)
        rd_kafka_topic_destroy(tx->marker);
    tx->marker = NULL;
    if (producer) {
        // A transaction that stays open would hold back who reads the topics until it times out.
        if (tx->open && !tx->unknown) {
            rd_kafka_error_t *error = rd_kafka_abort_transaction(producer->rk, CLOSE_MS);
            if (error)
                rd_kafka_error_destroy(error);
        }
        if (rd_kafka_outq_len(producer->rk) > 0) {
            rd_kafka_purge(producer->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
            rd_kafka_flush(producer->rk, PURGE_MS);
        }
        client_close(producer);
    }
    tx->open = tx->unknown = 0;
}

void tx_free(struct tx *tx)
{
    if (!tx)
        return;
    tx_reader_close(tx);
    tx_drop_producer(tx);
    while (tx->sources) {
        struct tx_source *source = tx->sources;
        tx->sources = source->next;
        if (source->client)
            client_unref(source->client);
        free(source->node);
        free(source->group);
        free(source);
    }
    pthread_mutex_destroy(&tx->lock);
    free(tx->id);
    free(tx->marker_topic);
    free(tx);
}
