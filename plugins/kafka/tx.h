// SPDX-License-Identifier: MIT
#pragma once
#include <pthread.h>
#include <stdatomic.h>

#include "connection.h"
#include "scout.h"

// A connection as the commit point: one transactional producer for all sinks of the pipeline on
// this cluster. An epoch is a transaction: the sinks' records, the offsets of the sources, and one
// record with the host's mark in the marker topic. After a crash the newest committed mark tells
// which epoch was decided last.
//
//   decided(look = 1)  tx_decided.c: is the group free, what does the marker topic hold
//   decided(look = 0)  makes the marker topic and a new producer, whose
//                      init_transactions ends what a predecessor left open and fences who is still
//                      there, then reads the mark once more
//   begin ... commit   tx_epoch.c, with tx_offsets.c for the sources' part
//
// What must never be done: a commit that timed out is not repeated (an old request may still end
// a later transaction), and who was fenced does not come back (two processes would fence each
// other for ever). So after any failed commit there is a new producer, and the marker decides.
//
// An epoch that broke (a record could not be delivered, an error that only an abort mends) takes
// what still comes and lets it go: `prepare` says RETRY then. Nothing of it can become visible.
//
// The host calls begin .. decided on a thread of its own; sinks and sources come on theirs to
// tx_join, tx_add_source, tx_break and tx_broken.

struct tx_reader; // tx_marker.c

struct tx_source { // what a node reads on this cluster
    char *node, *group;
    struct client *client; // group members: whose generation the offsets carry; NULL: closed, or
                           // no member
    int sent;              // its offsets are part of the epoch
    struct tx_source *next;
};

struct tx {
    const tide_host *host; // the connection's
    tide_ctx *ctx;
    struct connection *connection;
    char *id, *marker_topic; // transactional.id and key of the marks; where they are kept
    int64_t transaction_ms, commit_ms;

    struct client *producer; // NULL: not settled; guarded by `lock` against other threads
    rd_kafka_topic_t *marker;
    int open;           // between begin and the end of commit or abort
    int unknown;        // what became of the last commit: the producer is not to be used any more
    int64_t waiting_ns; // since when `prepare` or `abort` waits; 0: it does not

    struct tx_reader *reader; // while `decided` runs
    int look;                 // which of the two runs
    int step;                 // how far it is
    int64_t step_ns;          // since when it is there

    pthread_mutex_t lock;
    struct tx_source *sources; // under `lock`
    _Atomic int broken;        // TX_LOST or TX_HOPELESS
    char reason[512];          // why; under `lock`
};

enum { TX_LOST = 1, TX_HOPELESS = 2 }; // another attempt can do better, or not

// The functions of tide_connection; `self` is the connection.
tide_result tx_begin(void *self, uint64_t epoch);
tide_result tx_prepare(void *self, uint64_t epoch, const tide_position *positions, uint32_t count,
                       uint32_t stride);
tide_result tx_commit(void *self, uint64_t epoch, tide_bytes mark, int32_t *decided);
tide_result tx_abort(void *self, uint64_t epoch);
tide_result tx_decided(void *self, int look, tide_buf *mark);

// -- for nodes --

// 1: the connection decides, and nodes that open now take part.
int tx_is_settled(const struct connection *connection);
// A client for the node on the shared producer.
tide_result tx_join(struct tx *tx, const tide_host *host, tide_ctx *ctx, void *owner,
                    struct client **out);
// The epoch cannot be committed any more. The first reason stays.
void tx_break(struct tx *tx, int how, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
// OK, or why the producer is beyond help: FENCED, most often, or FATAL. For any of its nodes.
tide_result tx_check(const struct tx *tx, struct client *client);
// A source of this cluster: its offsets go with the transaction. `client`: a member of the group,
// or NULL. 0, or -1 when memory is out. tx_drop_source: the client goes away, the group stays.
int tx_add_source(struct tx *tx, const char *node, const char *group, struct client *client);
void tx_drop_source(struct tx *tx, const struct client *client);

// -- between its files --

void tx_free(struct tx *tx);
// Ends the use of the producer; what its transaction holds open is aborted when that is known to
// be possible.
void tx_drop_producer(struct tx *tx);
// What to do about an error of a transactional call, which it takes: AGAIN: call it again; RETRY:
// the epoch is lost; FENCED; FATAL: forbidden or beyond help.
tide_result tx_answer(struct tx *tx, rd_kafka_error_t *error, const char *what);
// RETRY or FATAL with the reason of tx_break.
tide_result tx_broken(struct tx *tx);
tide_result tx_again(struct tx *tx, int64_t ms); // AGAIN, in so many ms
tide_result tx_no_memory(struct tx *tx);

// tx_offsets.c. OK: the positions are part of the transaction. What was sent is not sent again
// until tx_new_offsets.
tide_result tx_send_offsets(struct tx *tx, const tide_position *positions, uint32_t count,
                            uint32_t stride);
void tx_new_offsets(struct tx *tx);

// tx_marker.c: a handle of its own that reads committed marks only.
tide_result tx_reader_open(struct tx *tx);
void tx_reader_close(struct tx *tx);
// OK: the newest mark is known (or that there is none). `pending`: the topic goes on behind what is
// committed so far. AGAIN: no answer yet.
tide_result tx_reader_newest(struct tx *tx, int *pending);
tide_result tx_reader_put(struct tx *tx, tide_buf *mark);
struct client *tx_reader_client(const struct tx *tx); // for questions besides

// tx_rivals.c. OK: nobody else is in the connection's group.
tide_result tx_look_for_rivals(struct tx *tx);
