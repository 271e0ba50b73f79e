// SPDX-License-Identifier: MIT
#pragma once
#include "connection.h"
#include "topics.h"
#include "tx.h"

// The sink: one idempotent producer handle; in exactly once the connection's transactional one,
// which all sinks share (see tx.h). Then the connection sees to what was accepted: it flushes,
// hears of failures, and an epoch that broke takes what still comes and drops it.
//
// A batch is sorted by topic and partition, in order, and goes to librdkafka in one call for each
// of them, without delivery reports for what went well: only failures are reported. Everything
// accepted is durable when the handle holds nothing any more and nothing has failed.
// Records with headers or a time stamp of their own need a call each.
//
// librdkafka says only in mid-batch that its queue is full. A record that was accepted and did not
// fit waits in the backlog, as a copy; nothing is accepted before that is empty again.

enum { SINK_BATCH = 1024 }; // records looked at in one write

struct sink_topic {
    struct topic_ask ask; // first; ask.name is ours
    rd_kafka_topic_t *rkt;
    int asked_again;    // to count its partitions anew
    int64_t refresh_ns; // when to count its partitions anew
    int counted;        // partitions of the lists below
    struct chain {      // records of the batch that go to one partition, in order
        int32_t first, last;
    } * chains; // [counted], or one for all when librdkafka chooses
    struct sink_topic *next;
};

struct backlog_item;

struct sink {
    const tide_host *host;
    tide_ctx *ctx;
    struct connection *connection;
    struct tx *tx; // NULL: the handle is its own
    struct client *client;
    struct scout *scout;
    rd_kafka_queue_t *queue; // NULL: not its own
    const char *partitioner;

    int32_t topic_template; // -1: `fixed` is the topic of all
    struct sink_topic *fixed;
    struct sink_topic *topics;
    struct topic_wish create;
    int choose;       // we choose the partition (murmur2_random), else librdkafka does
    int32_t spread;   // counts on, for records without a key
    size_t queue_max; // messages that the handle may hold

    struct backlog_item *backlog, **backlog_end;

    // Of the write that runs.
    struct sink_topic *at[SINK_BATCH]; // topic of a record
    int32_t partition[SINK_BATCH];     // number of its chain
    int32_t following[SINK_BATCH];     // the next one of its chain; -1: none
    rd_kafka_message_t messages[SINK_BATCH];
    uint32_t index[SINK_BATCH]; // of messages[i] in the batch

    // Is it getting on? Acknowledged is what was sent and is not held.
    uint64_t sent, acknowledged;
    int64_t moved_ns; // when one was acknowledged last, or nothing was held
    int64_t said_ns;  // when it was said last that none is

    // Deliveries that failed for good.
    uint64_t failed;
    char reason[512]; // of the first one
};

// sink.c
tide_result sink_open(const tide_host *host, tide_ctx *ctx, void **self);
void sink_close(void *self);
int sink_poll_fd(void *self);

// sink_topics.c. Borrowed; NULL with *err: __CRIT_SYS_RESOURCE when memory is out, else the name is
// none.
struct sink_topic *sink_topic_get(struct sink *sink, const char *name, size_t len,
                                  rd_kafka_resp_err_t *err);
// OK: its chains are there and empty. AGAIN, FATAL: as topic_look.
tide_result sink_topic_ready(struct sink *sink, struct sink_topic *topic);
// At the begin of a write, while all chains are empty: takes notice of partitions that were added.
tide_result sink_topics_refresh(struct sink *sink);
void sink_topics_free(struct sink *sink);

// sink_write.c
tide_result sink_write(void *self, const tide_batch *batch, uint32_t *accepted);

// sink_backlog.c. 0, or -1 when memory is out.
int backlog_add(struct sink *sink, struct sink_topic *topic, int32_t partition,
                const tide_record *record);
tide_result backlog_send(struct sink *sink); // OK: it is empty
void backlog_free(struct sink *sink);

// sink_delivery.c
void delivery_configure(rd_kafka_conf_t *conf);
// One record by itself, with headers and time.
rd_kafka_resp_err_t delivery_send(struct sink *sink, struct sink_topic *topic, int32_t partition,
                                  const tide_record *record);
// A record that librdkafka did not take, for another reason than a full queue. 1: in a transaction;
// the epoch is broken by it, and what it holds can go.
int delivery_goes_on(struct sink *sink, rd_kafka_resp_err_t err);
// Serves reports; FATAL when an accepted record is lost.
tide_result delivery_check(struct sink *sink);
int delivery_is_stuck(const struct sink *sink, int64_t now); // nothing acknowledged for a while
tide_result sink_flush(void *self);
