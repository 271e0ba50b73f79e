// SPDX-License-Identifier: MIT
#pragma once
#include <librdkafka/rdkafka.h>
#include <stddef.h>

#include "tidemill/plugin.h"

// A connection is a cluster: its brokers and the librdkafka properties that every handle on it
// gets (TLS, SASL, ...). Nodes that name no connection own a private one, made of their `brokers`.
// Immutable after open (nodes on other threads read it) but for `tx`, which comes before the nodes.

struct property {
    char *name, *value;
};

struct properties {
    struct property *items;
    size_t count;
};

struct topic_wish { // `create:`; partitions 0: do not create
    int partitions, replication;
};

struct connection {
    char *brokers;
    struct properties properties;
    struct topic_wish create; // for nodes that say nothing themselves
    int private;              // of one node, which frees it
    char *group;              // of sources that name none; NULL: the pipeline's name

    const tide_host *host; // NULL: private
    tide_ctx *ctx;
    struct tx *tx; // NULL: the host has not asked it to decide
};

tide_result connection_open(const tide_host *host, tide_ctx *ctx, void **self);
void connection_close(void *self);

// The node's connection, or a private one. connection_release ends the use of either.
tide_result connection_of(const tide_host *host, tide_ctx *ctx, struct connection **out);
void connection_release(struct connection *connection);

// What a node wants made when it is missing: its own `create`, else the connection's.
struct topic_wish connection_wish(const struct connection *connection, const tide_host *host,
                                  tide_ctx *ctx);

const char *connection_group(const struct connection *connection, const tide_host *host,
                             tide_ctx *ctx);

// What every producer begins with: a queue of 16 MB and batches of up to 10,000, for throughput as
// with the 1 GB of librdkafka's defaults. Pairs, as below.
#define PRODUCER_DEFAULTS                                                                          \
    "client.id", "tidemill", "linger.ms", "5", "batch.num.messages", "10000",                      \
        "queue.buffering.max.messages", "100000", "queue.buffering.max.kbytes", "16384",           \
        "reconnect.backoff.max.ms", "2000", "socket.keepalive.enable", "true"

// A configuration in layers, the later one wins: `defaults`, the connection's properties, the
// node's `options`, then `fixed` (pairs of name and value, NULL ends), which `options` must not
// name. The caller owns *out. FATAL names the property that librdkafka refuses.
tide_result connection_conf(const struct connection *connection, const tide_host *host,
                            tide_ctx *ctx, const char *const *defaults, const char *const *fixed,
                            rd_kafka_conf_t **out);
