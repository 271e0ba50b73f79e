/* SPDX-License-Identifier: MIT */
#pragma once
#include "tidemill/plugin.h"
#include <stdio.h>

/* One instance of the mock plugin: source, sink or connection. */

enum { SPLITS_MAX = 8 };

struct mock_split {
    uint32_t id;
    int active, ended;
    int64_t at;  /* number of its next record */
    size_t sent; /* streams: bytes of `text` */
};

struct mock {
    const tide_host *host;
    tide_ctx *ctx;
    int64_t count, every, calls, done;
    FILE *file, *log;
    struct mock_split splits[SPLITS_MAX];
    uint32_t split_count;
    int revoking; /* 1: waits for the host's word, 2: has had it */
};

tide_result mock_open(const tide_host *host, tide_ctx *ctx, void **self);
void mock_close(void *self);
/* True on all but each n-th call, with a deadline or a wake set. */
int mock_rests(struct mock *m);
/* A line to the file named by `log`. */
void mock_say(struct mock *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Faults happen once a name and process: in the first instance that comes to it. */
int mock_once(struct mock *m, const char *option, int64_t now);

extern int64_t mock_flushed; /* records that sinks have flushed; guarded by mock_lock */
void mock_lock(void);
void mock_unlock(void);

extern const tide_source mock_source;
extern const tide_sink mock_sink;

#define MOCK_OPTIONS                                                                               \
    {.name = "every", .type = TIDE_INT, .default_text = "0", .help = "work every n-th call only"}, \
        {.name = "retry_opens",                                                                    \
         .type = TIDE_INT,                                                                         \
         .default_text = "0",                                                                      \
         .help = "RETRY that often"},                                                              \
        {.name = "log", .type = TIDE_TEXT, .help = "a line for each thing that happens"},          \
        {.name = "retry_at", .type = TIDE_INT, .default_text = "-1", .help = "RETRY there, once"}, \
        {.name = "fatal_at", .type = TIDE_INT, .default_text = "-1", .help = "FATAL there"},       \
    {                                                                                              \
        .name = "fatal", .type = TIDE_TEXT, .help = "open fails for good, with this reason"        \
    }
