// SPDX-License-Identifier: MIT
#include "loan.h"

#include <stdlib.h>

enum { BLOCK_HEADERS = 256 };

struct header_block {
    struct header_block *next;
    size_t used, cap;
    tide_header items[];
};

struct loan *loan_new(struct client *client)
{
    struct loan *loan = malloc(sizeof *loan);
    if (!loan)
        return NULL;
    client_ref(client);
    loan->client = client;
    loan->refs = 1;
    loan->count = 0;
    loan->blocks = NULL;
    return loan;
}

void loan_ref(struct loan *loan)
{
    atomic_fetch_add_explicit(&loan->refs, 1, memory_order_relaxed);
}

void loan_release(void *arg)
{
    struct loan *loan = arg;
    // Release what this reference has read; the last one acquires it all.
    if (atomic_fetch_sub_explicit(&loan->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (uint32_t i = 0; i < loan->count; i++)
        rd_kafka_message_destroy(loan->messages[i]);
    while (loan->blocks) {
        struct header_block *block = loan->blocks;
        loan->blocks = block->next;
        free(block);
    }
    client_unref(loan->client);
    free(loan);
}

static tide_header *room(struct loan *loan, size_t count)
{
    struct header_block *block = loan->blocks;
    if (!block || block->cap - block->used < count) {
        size_t cap = count > BLOCK_HEADERS ? count : BLOCK_HEADERS;
        block = malloc(sizeof *block + cap * sizeof *block->items);
        if (!block)
            return NULL;
        *block = (struct header_block){.next = loan->blocks, .cap = cap};
        loan->blocks = block;
    }
    tide_header *at = block->items + block->used;
    block->used += count;
    return at;
}

int loan_headers(struct loan *loan, const rd_kafka_message_t *message, tide_message *out)
{
    rd_kafka_headers_t *headers;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    size_t count = rd_kafka_header_cnt(headers);
    tide_header *items = room(loan, count);
    if (!items)
        return -1;
    for (size_t i = 0; i < count; i++) {
        tide_header *item = &items[i];
        rd_kafka_header_get_all(headers, i, &item->name, &item->value.data, &item->value.len);
    }
    out->headers = items;
    out->header_count = (uint32_t)count;
    return 0;
}
