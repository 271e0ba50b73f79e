// SPDX-License-Identifier: MIT
#include "tx.h"

#include <string.h>

// An epoch's transaction, from begin to commit or abort.

#define FLUSH_MS 50
#define PATIENCE_NS INT64_C(3000000000)

// OK, or why nothing more can be done with this producer.
static tide_result check(struct tx *tx)
{
    if (!tx->producer || tx->unknown)
        return tx->host->fail(tx->ctx, TIDE_RETRY, "what was pending is not settled yet");
    rd_kafka_poll(tx->producer->rk, 0);
    if (atomic_load_explicit(&tx->broken, memory_order_acquire))
        return tx_broken(tx);
    return TIDE_OK;
}

tide_result tx_begin(void *self, uint64_t epoch)
{
    (void)epoch;
    struct tx *tx = ((struct connection *)self)->tx;
    tide_result result = check(tx);
    if (result != TIDE_OK)
        return result;
    tx_new_offsets(tx);
    rd_kafka_error_t *error = rd_kafka_begin_transaction(tx->producer->rk);
    if (error) {
        result = tx_answer(tx, error, "begin_transaction");
        return result == TIDE_AGAIN ? tx_again(tx, 1) : result;
    }
    tx->open = 1;
    tx->waiting_ns = 0;
    return TIDE_OK;
}

static tide_result not_yet(struct tx *tx, const char *what)
{
    int64_t now = tx->host->mono_ns(tx->ctx);
    if (!tx->waiting_ns)
        tx->waiting_ns = now;
    if (now - tx->waiting_ns >= PATIENCE_NS)
        client_say(tx->producer, TIDE_LOG_WARN, "%s: no answer for %lld s", what,
                   (long long)((now - tx->waiting_ns) / 1000000000));
    return tx_again(tx, 1);
}

tide_result tx_prepare(void *self, uint64_t epoch, const tide_position *positions, uint32_t count,
                       uint32_t stride)
{
    (void)epoch;
    struct tx *tx = ((struct connection *)self)->tx;
    tide_result result = check(tx);
    if (result != TIDE_OK)
        return result;
    rd_kafka_resp_err_t err = rd_kafka_flush(tx->producer->rk, FLUSH_MS);
    if ((result = check(tx)) != TIDE_OK)
        return result;
    if (err)
        return not_yet(tx, "records that wait to be acknowledged");
    result = tx_send_offsets(tx, positions, count, stride);
    if (result == TIDE_AGAIN)
        return not_yet(tx, "send_offsets_to_transaction");
    tx->waiting_ns = 0;
    return result;
}

static rd_kafka_error_t *produce_mark(struct tx *tx, tide_bytes mark)
{
    rd_kafka_vu_t vus[5] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = tx->marker},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = 0},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {tx->id, strlen(tx->id)}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)mark.data, mark.len}},
    };
    return rd_kafka_produceva(tx->producer->rk, vus, 5);
}

tide_result tx_commit(void *self, uint64_t epoch, tide_bytes mark, int32_t *decided)
{
    (void)epoch;
    struct tx *tx = ((struct connection *)self)->tx;
    *decided = TIDE_UNDECIDED;
    tide_result result = check(tx);
    if (result != TIDE_OK)
        return result;
    rd_kafka_error_t *error = produce_mark(tx, mark);
    if (error) {
        result = tx_answer(tx, error, "the mark");
        if (result == TIDE_AGAIN)
            tx_break(tx, TX_LOST, "the mark could not be written");
        return result <= TIDE_FATAL ? result : TIDE_OK; // surely not committed
    }
    error = rd_kafka_commit_transaction(tx->producer->rk, (int)tx->commit_ms);
    if (!error) {
        tx->open = 0;
        *decided = TIDE_DECIDED;
        return TIDE_OK;
    }
    // Whatever it was, a request may be on its way: only a new producer can tell.
    tx->unknown = 1;
    *decided = TIDE_UNKNOWN;
    client_say(tx->producer, TIDE_LOG_WARN, "commit: %s", rd_kafka_error_string(error));
    result = tx_answer(tx, error, "commit_transaction");
    return result <= TIDE_FATAL ? result : TIDE_OK;
}

tide_result tx_abort(void *self, uint64_t epoch)
{
    (void)epoch;
    struct tx *tx = ((struct connection *)self)->tx;
    if (!tx->producer || tx->unknown || !tx->open)
        return TIDE_OK; // `decided` settles it
    rd_kafka_error_t *error = rd_kafka_abort_transaction(tx->producer->rk, (int)tx->commit_ms);
    if (error) {
        tide_result result = tx_answer(tx, error, "abort_transaction");
        return result == TIDE_AGAIN ? not_yet(tx, "abort_transaction") : result;
    }
    tx->open = 0;
    atomic_store_explicit(&tx->broken, 0, memory_order_release);
    return TIDE_OK;
}
