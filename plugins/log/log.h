// SPDX-License-Identifier: MIT
#pragma once
#include "tidemill/journal.h"
#include "tidemill/plugin.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

// The embedded topic log. On disk:
//
//   <dir>/<topic>/topic        "partitions: 4": made last, so that a topic is there whole or not
//   <dir>/<topic>/0/ 1/ ...    a journal a partition; its record numbers are the offsets
//
// A journal entry is a batch of records (entry.h). The connection is what sinks and sources of one
// process share: the open writers, and the list of sources to wake when something was written.

enum { TOPIC_NAME_MAX = 249, PARTITIONS_DEFAULT = 4, PARTITIONS_MAX = 4096, PATH_BYTES = 4096 };
enum { WHY = TIDE_WHY };

struct log_writer; // a topic that is being written

struct log_listener { // a source
    const tide_host *host;
    tide_ctx *ctx;
    _Atomic bool hungry; // it found nothing: wake it
    struct log_listener *next;
};

struct log_connection {
    const tide_host *host;
    char *dir;
    pthread_mutex_t lock; // what follows
    struct log_listener *listeners;
    struct log_writer *writers;
};

extern const tide_connection log_connection;
extern const tide_source log_source;
extern const tide_sink log_sink;

// The connection of a node; NULL after host->fail.
struct log_connection *log_connection_of(const tide_host *host, tide_ctx *ctx);
void log_listen(struct log_connection *connection, struct log_listener *listener);
void log_unlisten(struct log_connection *connection, struct log_listener *listener);
void log_notify(struct log_connection *connection); // wakes who is hungry

// -- topics on disk --

bool topic_name_ok(const char *name, size_t len);
// 0: *partitions; 1: there is no such topic; -1: `why`.
int topic_load(const char *dir, const char *topic, uint32_t *partitions, char *why);
// Makes the topic, durably; -1: `why`.
enum { TOPIC_NEVER = -2 }; // it cannot be made before somebody changes something
int topic_create(const char *dir, const char *topic, uint32_t partitions, char *why);
// <dir>/<topic>/<partition>; -1: too long.
int partition_path(char out[PATH_BYTES], const char *dir, const char *topic, uint32_t partition);
// As Kafka's Java client: murmur2 of the key.
uint32_t partition_of(tide_bytes key, uint32_t partitions);

// -- topics that are written: shared by all sinks of the connection --

struct writer_options {
    uint32_t partitions; // of a new topic
    bool partitions_given;
    uint64_t segment_size;
    uint64_t retain_bytes;
    int64_t retain_ms;
};

struct log_writer {
    char *topic;
    pthread_mutex_t lock; // the journals
    uint32_t partitions;
    tide_journal **journals;
    bool *dirty; // not synced
    struct writer_options options;
    uint32_t users; // under the connection's lock
    bool exact;     // likewise; its one sink writes exactly once
    struct log_writer *next;
};

// Opens or makes the topic, or shares it with who has it open. OK, RETRY or FATAL with `why`.
// `note` (WHY bytes): something to warn about, or empty.
tide_result writer_open(struct log_connection *connection, const char *topic,
                        const struct writer_options *options, struct log_writer **out, char *why,
                        char *note);
// The last one closes the journals. NULL is fine.
tide_result writer_close(struct log_connection *connection, struct log_writer *writer, char *why);
// One entry, sealed.
tide_result writer_append(const tide_host *host, struct log_writer *writer, uint32_t partition,
                          const tide_bytes *parts, uint32_t part_count, uint32_t count, char *why);
tide_result writer_sync(const tide_host *host, struct log_writer *writer, int64_t wall_ms,
                        char *why);
