// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "config/setting.h"
#include "tidemill/plugin.h"

#include <stdatomic.h>

// The host's side of one instance under check: what it is told is kept, what it breaks is a
// finding, which ends the check. `wake` alone may be called by any thread.

struct kit_split {
    char *name;
    size_t name_len;
    struct buf position; // to assign it with; empty: none
    bool assigned, lost, ended;
    struct buf stream; // committed bytes
    struct buf before; // of the last commit
};

struct kit_message { // as it was handed over
    uint32_t split;
    int64_t offset;
    char *key, *value; // NULL: none
    size_t key_len, value_len;
};

struct kit_loan {
    void (*release)(void *arg);
    void *arg;
    size_t first, count; // messages
    const void **lent;   // where their values were
};

struct tide_ctx {
    const char *part; // "source", "sink", "connection"
    const char *node;
    const struct tide_config *options;
    void *connection;
    char reason[400]; // of the last fail
    bool failed;
    int32_t metrics;
    bool opening;
    _Atomic bool open, poked;
    int wake_fd;
    int64_t wait_until_ns;

    struct kit_split *splits; // id = index
    size_t split_count, split_cap;
    struct kit_message *messages;
    size_t message_count, message_cap;
    struct kit_loan *loans;
    size_t loan_count, loan_cap;
    size_t bad_count;
    size_t reserve_size; // of one reserve
    uint32_t limit;      // sources: the `max` of this read
    uint32_t room;       // messages (or commits) that the host takes in this read
    uint32_t taken;      // of it
    char *reserved;
    uint32_t reserved_split;

    const tide_batch *batch; // sinks: being written
    uint32_t refused;        // in this write
    struct buf expanded[8];
    uint32_t expanded_next;
};

extern const tide_host kit_host;

void ctx_begin(struct tide_ctx *ctx, const char *part, const struct tide_config *options,
               void *connection);
void ctx_end(struct tide_ctx *ctx); // after the instance's close
// Any result of a call: known, allowed, with a reason when it is negative. Returns it.
tide_result ctx_answer(struct tide_ctx *ctx, tide_result result, int eof_allowed);
// After AGAIN: waits until the instance is to be called again; false: that may never be.
bool ctx_wait(struct tide_ctx *ctx, int poll_fd, int most_ms);

// host_source.c, host_sink.c
tide_result kit_splits_added(tide_ctx *ctx, const tide_bytes *names, uint32_t count);
tide_result kit_splits_lost(tide_ctx *ctx, const uint32_t *ids, uint32_t count, int how);
uint32_t kit_emit(tide_out *out, const tide_message *messages, uint32_t count, uint32_t stride);
uint32_t kit_lend(tide_out *out, const tide_message *messages, uint32_t count, uint32_t stride,
                  void (*release)(void *arg), void *arg);
void *kit_reserve(tide_out *out, uint32_t split, size_t *size);
tide_result kit_commit(tide_out *out, uint32_t split, size_t len, tide_bytes before);
void kit_split_end(tide_out *out, uint32_t split);
tide_result kit_bad(tide_out *out, uint32_t split, tide_bytes partial, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void kit_release(struct tide_ctx *ctx); // all that was lent by the plugin, on another thread
int32_t kit_template_of(tide_ctx *ctx, const char *path);
int32_t kit_field_of(tide_ctx *ctx, const char *path);
tide_bytes kit_expand(tide_ctx *ctx, const tide_batch *batch, uint32_t index, int32_t number);
void kit_field(tide_ctx *ctx, const tide_batch *batch, uint32_t index, int32_t number,
               tide_value *out);
tide_bytes kit_preamble(tide_ctx *ctx);
tide_result kit_refuse(tide_ctx *ctx, const tide_batch *batch, uint32_t index, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
