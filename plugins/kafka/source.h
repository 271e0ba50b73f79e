// SPDX-License-Identifier: MIT
#pragma once
#include "connection.h"
#include "loan.h"
#include "partition.h"
#include "topics.h"
#include "tx.h"

// The source: one consumer handle whose partitions all feed one queue.
//
//   open           makes the handle, no more
//   read           first looks whether the topics are there, then joins the group (or takes all
//                  partitions), then hands over what the queue holds
//
// A partition's way: the group assigns it (or it is found) -> splits_added -> assign -> the scout
// asks for its committed offset and its ends -> rd_kafka_assign with a plain offset -> ... -> the
// group takes it back -> splits_lost. Every start is a number before the first record is read, so
// that a position can be told at any time.
//
// Messages are lent to the host, not copied. One thread at a time; the scout has its own.

enum source_start { START_COMMITTED, START_EARLIEST, START_LATEST };

enum source_stage {
    STAGE_TOPICS, // waiting for the topics to be there
    STAGE_RUNNING
};

// What the group wants and has not yet got.
enum source_turn { TURN_NONE, TURN_ASSIGN, TURN_REVOKE, TURN_LOST };

struct kick {
    struct ask ask;
    char *topic; // of the partition whose broker is asked; owned
    int32_t number;
};

struct source {
    const tide_host *host;
    tide_ctx *ctx;
    struct connection *connection;
    struct tx *tx; // offsets go with its transactions; NULL: the group is told in passing
    struct client *client;
    struct scout *scout;
    rd_kafka_queue_t *queue;

    // Options.
    struct topic_ask *topics; // named ones; patterns are only subscribed to
    size_t topic_count;
    char **subscription; // all, patterns included
    size_t subscription_count;
    enum source_start start;
    int bounded;     // until: latest
    int take_all;    // assignment: all
    int resets;      // the user set auto.offset.reset: librdkafka deals with lost offsets
    size_t low_mark; // messages in the queue below which librdkafka fetches more

    enum source_stage stage;
    enum source_turn turn;
    rd_kafka_topic_partition_list_t *turned; // partitions of the turn
    int64_t revoke_by_ns; // 0: the host was not yet told; else the revoke is completed then
    int stale;            // rd_kafka_assign is due
    struct partitions partitions;
    int recheck;     // a topic may have gone away: look again
    char fatal[512]; // found while taking messages; told by the next step
    int fenced;      // it is that another process took the place

    // What was taken from the queue and is not yet handed over: out[at .. count).
    struct loan *loan, *spare; // spare: an empty one for the next look
    tide_message *out;         // LOAN_MAX
    uint32_t at, count;
    struct partition *last; // of the message before

    struct kick kick;
    int64_t kicked_ns;
    size_t since_kick; // messages taken since then
    size_t backlog;    // messages in the queue when looked last

    int was_idle;        // the descriptor may be set
    int commits_pending; // asked for and not yet answered
};

// source.c
tide_result source_open(const tide_host *host, tide_ctx *ctx, void **self);
void source_close(void *self);
int source_poll_fd(void *self);
int64_t source_lag(void *self, uint32_t split);

// source_group.c: which partitions. OK: go on reading.
tide_result group_step(struct source *source);
int group_all_ended(const struct source *source);
void group_configure(rd_kafka_conf_t *conf);
tide_result group_assign(void *self, const tide_split *splits, uint32_t count, uint32_t stride);
tide_result group_revoke(void *self, const uint32_t *ids, uint32_t count);
tide_result group_pause(void *self, const uint32_t *ids, uint32_t count, int on);

// source_queue.c: the records.
tide_result queue_read(void *self, tide_out *out, uint32_t max);
// An error or an end, as it came in the queue.
void queue_event(struct source *source, const rd_kafka_message_t *message); // source_event.c
void queue_drop(struct source *source); // what is held and was not handed over

// source_commit.c: offsets for the group.
void commit_configure(rd_kafka_conf_t *conf);
tide_result commit_ack(void *self, uint64_t id, const tide_position *positions, uint32_t count,
                       uint32_t stride);
tide_result commit_position(void *self, uint32_t split, tide_buf *out);

// kick.c: after each look at the queue, `taken` messages later. 1: a kick is owed, come back soon.
void kick_init(struct kick *kick);
int kick_if_stalled(struct source *source, size_t taken);
