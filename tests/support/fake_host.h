// SPDX-License-Identifier: MIT
#pragma once
#include "tidemill/plugin.h"
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

// A host for one instance of a plugin, for tests: options come from fake_set, what the plugin
// hands over is kept in plain arrays, time is real unless it was set. One struct per instance (a
// connection, a source and a sink are three). All but `wake` and `waits_for` on one thread at a
// time.
//
//   struct fake_host host;
//   fake_host_init(&host);
//   const tide_plugin *plugin = fake_load(PLUGIN_FILE);
//   fake_set(&host, "topic", "t");
//   fake_defaults(&host, plugin->source->options);
//   plugin->source->open(&host.table, fake_ctx(&host), &self);
//   fake_assign(&host, plugin->source, self);
//   fake_read(&host, plugin->source, self, 100) == TIDE_OK; host.messages[0].value ...
//   plugin->source->close(self);
//   fake_host_deinit(&host);
//
// Where a plugin breaks a rule of the ABI (lent bytes that changed, a message of an unknown split,
// a commit of more than was reserved) the fake aborts with a line that says so.

struct fake_bytes { // owned; data NULL: none. A NUL follows the bytes.
    char *data;
    size_t len;
};

struct fake_header {
    char *name;
    struct fake_bytes value;
};

struct fake_message { // emitted or lent
    uint32_t split;
    uint32_t flags;
    int64_t offset, time_ms;
    struct fake_bytes key, value;
    struct fake_header *headers;
    uint32_t header_count;
};

struct fake_split {
    struct fake_bytes name;
    struct fake_bytes position; // fake_position sets it before fake_assign
    struct fake_bytes stream;   // raw bytes that were committed
    struct fake_bytes before;   // of the last commit
    bool assigned, ended, lost;
    uint32_t commits;
};

struct fake_bad {
    uint32_t index; // split (bad) or index in the batch (refuse)
    char text[512];
    struct fake_bytes partial;
};

struct fake_metric {
    char name[64];
    double value;
};

struct fake_loan {
    void (*release)(void *arg);
    void *arg;
    tide_bytes *lent;        // what was pointed to ...
    struct fake_bytes *copy; // ... and what was there
    size_t count;
};

struct fake_host {
    tide_host table; // first: ctx is this struct
    struct tide_config *config;
    void *connection;
    const char *pipeline, *node;

    struct fake_message *messages;
    size_t message_count;
    struct fake_split *splits; // id = index
    size_t split_count;
    struct fake_bad *bads;
    size_t bad_count;
    struct fake_bad *refused;
    size_t refused_count;
    struct fake_metric metrics[32];
    size_t metric_count;
    struct fake_loan *loans; // not yet released
    size_t loan_count;

    uint32_t room;       // messages that one read may hand over; UINT32_MAX at first
    size_t reserve_size; // of one reserve; 64 KiB at first
    char *reserved;      // within one read
    uint32_t reserved_split;

    void *numbers; // of templates and fields
    struct fake_bytes expanded;

    tide_result failed; // of the last fail
    char reason[1024];
    char log[1024]; // last line that was logged
    size_t log_count;

    bool clock_set; // else the system's
    int64_t wall_ms, mono_ns;
    int64_t wait_until; // of the last call; 0: none since the last fake_wait

    pthread_mutex_t lock; // wakes
    pthread_cond_t woken;
    uint64_t wakes, wakes_seen;
    char missing[256]; // of the last waits_for; under the lock while the plugin has threads
};

void fake_host_init(struct fake_host *host);
void fake_host_deinit(struct fake_host *host); // releases what is lent
tide_ctx *fake_ctx(struct fake_host *host);

// Loads a plugin (never unloaded); aborts when that fails.
const tide_plugin *fake_load(const char *file);

// Options: `path` like "create.partitions", or "options:linger.ms" where a name has dots. Numbers
// are written as text ("5"; durations and sizes also as "200ms", "64MiB").
void fake_set(struct fake_host *host, const char *path, const char *text);
void fake_add(struct fake_host *host, const char *path,
              const char *text); // one more item of a list
void fake_defaults(struct fake_host *host, const tide_option *options);

// Sources. fake_position: where a split is to be read on from, before it is assigned.
void fake_position(struct fake_host *host, const char *split, const void *bytes, size_t len);
tide_result fake_assign(struct fake_host *host, const tide_source *source, void *self);
tide_result fake_read(struct fake_host *host, const tide_source *source, void *self, uint32_t max);
// Reads until `count` messages are there, the source ends, or `timeout_ms` is over (waits as told
// by wait_until, wake and poll_fd in between; assigns new splits). The last result of read.
tide_result fake_read_until(struct fake_host *host, const tide_source *source, void *self,
                            size_t count, int timeout_ms);
int fake_split_id(const struct fake_host *host, const char *name); // -1: no such split
void fake_release(struct fake_host *host); // all that is lent, after checking that it is unchanged
void fake_forget(struct fake_host *host);  // messages, bads, refused

// Sinks: writes all of `records` (retrying as told), then the result of the last write.
tide_result fake_write(struct fake_host *host, const tide_sink *sink, void *self,
                       const tide_record *records, uint32_t count);
tide_result fake_flush(struct fake_host *host, const tide_sink *sink, void *self, int timeout_ms);

// Waits for wake, wait_until or fd (>= 0), at most timeout_ms. True: something happened.
bool fake_wait(struct fake_host *host, int fd, int timeout_ms);

double fake_metric(const struct fake_host *host, const char *name); // -1: no such metric

// A buffer for prepare and position: make it, look at it, drop it.
tide_buf *fake_buf_new(void);
struct fake_bytes *fake_buf_bytes(tide_buf *buf); // owned by the buffer
void fake_buf_free(tide_buf *buf);

#define FAKE_BYTES(text) ((tide_bytes){(text), sizeof(text) - 1})
