// SPDX-License-Identifier: MIT
#pragma once
#include "client.h"

// A batch of librdkafka messages whose bytes are lent to the host. Counted: the source holds a
// reference until all was handed over, each lend another one, given back by loan_release on
// whatever thread. The last one destroys the messages and the arrays of headers.

enum { LOAN_MAX = 1000 };

struct header_block;

struct loan {
    struct client *client; // a reference: the handle outlives its messages
    _Atomic int refs;
    uint32_t count;
    struct header_block *blocks;
    rd_kafka_message_t *messages[LOAN_MAX];
};

struct loan *loan_new(struct client *client); // NULL: memory is out
void loan_ref(struct loan *loan);
void loan_release(void *loan);
// The headers of a message as the ABI wants them: 0, or -1 when memory is out.
int loan_headers(struct loan *loan, const rd_kafka_message_t *message, tide_message *out);
