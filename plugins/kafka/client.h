// SPDX-License-Identifier: MIT
#pragma once
#include <librdkafka/rdkafka.h>
#include <stdatomic.h>
#include <stdint.h>

#include "tidemill/plugin.h"

// One librdkafka handle of a node, with what it has to say. Its log lines and errors arrive on the
// handle's queue and are told to the host from there (on the node's thread, at most one line a
// second), because a node may speak to its host only from within a call.
//
// Counted: messages that are lent to the host keep the handle alive beyond the node's close; who
// drops the last reference destroys it. No call into the node comes from it after client_close.

struct client {
    rd_kafka_t *rk;
    struct client *base; // whose handle `rk` is; NULL: it is this one's
    _Atomic int refs;
    int event_fd; // readable when the queue has turned from empty to not empty

    const tide_host *host; // these: the node's thread only, until client_close
    tide_ctx *ctx;
    void *owner; // the source or sink, for its callbacks
    struct scout *scout;
    int64_t last_line_ns;
    unsigned held;     // lines since then that were not told
    char brokers[128]; // as they were given, cut short
};

// Takes conf (also when it fails). The configuration's callbacks get the client as their opaque.
tide_result client_new(const tide_host *host, tide_ctx *ctx, rd_kafka_type_t type,
                       rd_kafka_conf_t *conf, void *owner, struct client **out);
// Another voice on the handle of `base`, for another node. The handle's queue is not its business:
// log lines, errors and reports go to the base.
tide_result client_share(struct client *base, const tide_host *host, tide_ctx *ctx, void *owner,
                         struct client **out);
void client_close(struct client *client); // no more words; drops the owner's reference
void client_ref(struct client *client);
void client_unref(struct client *client);

// OK, or FATAL with librdkafka's text when the handle is beyond help.
tide_result client_check(struct client *client);
// Tells the host, naming the brokers, but at most one line a second; the next one says how many
// were held back.
void client_say(struct client *client, int level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
// Writes an event to the descriptor whenever `queue` turns from empty to not empty.
void client_watch(struct client *client, rd_kafka_queue_t *queue);
void client_drain_fd(struct client *client);
