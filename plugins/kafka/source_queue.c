// SPDX-License-Identifier: MIT
#include "source.h"

#include <string.h>

// The records: taken from librdkafka's queue by the thousand, handed over without a copy.

// The partition of a message; most often that of the message before. NULL: not read (any longer).
static struct partition *partition_of(struct source *source, const rd_kafka_message_t *message)
{
    struct partition *last = source->last;
    if (!last || last->rkt != message->rkt || last->number != message->partition)
        last = source->last = partitions_of(&source->partitions, message->rkt, message->partition);
    return last && last->state == PARTITION_ACTIVE ? last : NULL;
}

static void fill(tide_message *out, const rd_kafka_message_t *message, uint32_t split)
{
    rd_kafka_timestamp_type_t type;
    int64_t time_ms = rd_kafka_message_timestamp(message, &type);
    *out = (tide_message){
        .struct_size = sizeof *out,
        .split = split,
        .offset = message->offset,
        .time_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? TIDE_NO_TIME : time_ms,
        .key = {message->key, message->key_len},
        .value = {message->payload, message->len},
        .flags = message->payload ? 0 : TIDE_MESSAGE_TOMBSTONE,
    };
}

// 0, or -1 when memory is out.
static int add(struct source *source, const rd_kafka_message_t *message)
{
    if (message->err) {
        queue_event(source, message);
        return 0;
    }
    struct partition *partition = partition_of(source, message);
    if (!partition || message->offset < partition->next)
        return 0; // taken back meanwhile, or seen
    if (source->bounded && message->offset >= partition->end) {
        partition->at_end = 1;
        return 0;
    }
    tide_message *out = &source->out[source->count];
    fill(out, message, partition->id);
    if (loan_headers(source->loan, message, out) != 0)
        return -1;
    source->count++;
    if (source->bounded && message->offset + 1 >= partition->end)
        partition->at_end = 1;
    return 0;
}

// Says of which values 64 bytes behind them may be read: those whose neighbour in the same batch of
// the log, and so in the same buffer, is large enough. Within less than 64 bytes of a value there
// can only be a neighbour of the same batch: the head of another one alone takes 61, and its first
// record some more.
static void mark_padded(struct source *source)
{
    for (uint32_t i = 0; i + 1 < source->count; i++) {
        const tide_bytes *value = &source->out[i].value, *next = &source->out[i + 1].value;
        if (!value->data || !next->data)
            continue;
        uintptr_t end = (uintptr_t)value->data + value->len, start = (uintptr_t)next->data;
        if (start >= end && start - end < 64 && start + next->len - end >= 64)
            source->out[i].flags |= TIDE_MESSAGE_PADDED;
    }
}

static tide_result take(struct source *source)
{
    if (!source->spare && !(source->spare = loan_new(source->client)))
        return source->host->fail(source->ctx, TIDE_FATAL, "out of memory");
    ssize_t got = rd_kafka_consume_batch_queue(source->queue, 0, source->spare->messages, LOAN_MAX);
    if (got <= 0)
        return TIDE_OK;
    source->loan = source->spare;
    source->spare = NULL;
    source->loan->count = (uint32_t)got;
    source->at = source->count = 0;
    for (uint32_t i = 0; i < (uint32_t)got; i++)
        if (add(source, source->loan->messages[i]) != 0)
            return source->host->fail(source->ctx, TIDE_FATAL, "out of memory");
    mark_padded(source);
    return TIDE_OK;
}

void queue_drop(struct source *source)
{
    if (source->loan)
        loan_release(source->loan);
    source->loan = NULL;
    source->at = source->count = 0;
}

// Where each split stands after out[first .. last).
static void move_on(struct source *source, uint32_t first, uint32_t last)
{
    const tide_message *out = source->out;
    for (uint32_t i = first; i < last; i++)
        if (i + 1 == last || out[i + 1].split != out[i].split)
            partitions_at(&source->partitions, out[i].split)->next = out[i].offset + 1;
}

static uint32_t hand_over(struct source *source, tide_out *out, uint32_t max)
{
    uint32_t count = source->count - source->at;
    if (count > max)
        count = max;
    uint32_t taken = 0;
    if (count) {
        loan_ref(source->loan);
        taken = source->host->lend(out, source->out + source->at, count, sizeof *source->out,
                                   loan_release, source->loan);
        move_on(source, source->at, source->at + taken);
        source->at += taken;
    }
    if (source->at == source->count)
        queue_drop(source);
    return taken;
}

static void end_splits(struct source *source, tide_out *out)
{
    for (size_t i = 0; i < source->partitions.count; i++) {
        struct partition *partition = source->partitions.items[i];
        if (!partition->at_end || partition->state != PARTITION_ACTIVE)
            continue;
        partition->state = PARTITION_ENDED;
        source->host->split_end(out, partition->id);
    }
}

tide_result queue_read(void *self, tide_out *out, uint32_t max)
{
    struct source *source = self;
    if (source->was_idle)
        client_drain_fd(source->client); // before the look: what comes after it is seen
    source->was_idle = 0;
    tide_result result = TIDE_OK;
    uint32_t before = source->count - source->at;
    if (!source->loan)
        result = take(source);
    size_t fetched = source->loan && !before ? source->loan->count : 0;
    if (result == TIDE_OK)
        result = group_step(source);
    if (result < 0)
        return result;
    int held = source->loan != NULL;
    hand_over(source, out, max);
    if (source->bounded && !source->loan)
        end_splits(source, out);
    if (source->bounded && group_all_ended(source))
        return TIDE_EOF;
    int owed = kick_if_stalled(source, fetched);
    if (held)
        return TIDE_OK;
    if (owed)
        source->host->wait_until(source->ctx, source->host->mono_ns(source->ctx) + 1000000);
    source->was_idle = 1;
    return TIDE_AGAIN;
}
