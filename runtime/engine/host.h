// SPDX-License-Identifier: MIT
#pragma once
#include "base/clock.h"
#include "config/topology.h"
#include "engine/said.h"
#include "engine/waker.h"
#include "record/template.h"
#include "tidemill/plugin.h"

// The host's side of one plugin instance: what the functions of the host table work on. Belongs to
// the thread that steps the instance's driver; `poked` alone is for any thread.

struct outgoing;
struct sink_driver;
struct source_driver;

enum { CTX_TEMPLATES = 8, CTX_FIELDS = 64, CTX_METRICS = 32 };

struct ctx_metric {
    char name[64], help[96];
    int kind;
    _Atomic double value;
};

struct tide_ctx {
    const char *pipeline, *node;
    const struct tide_config *options;
    struct clock *clock;
    struct waker *waker; // of the thread that steps the driver
    void *connection;    // the connection's instance, or NULL
    _Atomic bool poked;  // wake was called
    int64_t wait_until_ns;
    struct error failure; // from fail()
    struct said missing;  // from waits_for(); "": nothing is missing

    struct source_driver *source; // sources only

    struct outgoing *outgoing; // sinks: the batch being written
    struct sink_driver *sink;  // sinks only
    uint32_t template_count;
    struct template *templates[CTX_TEMPLATES];
    uint32_t field_count;
    struct path fields[CTX_FIELDS];
    _Atomic uint32_t metric_count; // release: those before it are named
    struct ctx_metric metrics[CTX_METRICS];
};

extern const tide_host host_table;

void ctx_init(struct tide_ctx *ctx, const char *pipeline, const char *node,
              const struct tide_config *options, struct clock *clock, struct waker *waker);
void ctx_deinit(struct tide_ctx *ctx);
// The reason that the plugin gave for `result`; clears it.
void ctx_take_failure(struct tide_ctx *ctx, tide_result result, struct error *err);

// The parts of the table that live elsewhere (host_source.c, host_sink.c).
tide_result host_splits_added(tide_ctx *ctx, const tide_bytes *names, uint32_t count);
tide_result host_splits_lost(tide_ctx *ctx, const uint32_t *ids, uint32_t count, int how);
uint32_t host_emit(tide_out *out, const tide_message *messages, uint32_t count, uint32_t stride);
uint32_t host_lend(tide_out *out, const tide_message *messages, uint32_t count, uint32_t stride,
                   void (*release)(void *arg), void *arg);
void *host_reserve(tide_out *out, uint32_t split, size_t *size);
tide_result host_commit(tide_out *out, uint32_t split, size_t len, tide_bytes before);
void host_split_end(tide_out *out, uint32_t split);
tide_result host_bad(tide_out *out, uint32_t split, tide_bytes partial, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
int host_put(tide_buf *buf, const void *bytes, size_t len); // a tide_buf is a struct buf
int32_t host_template_of(tide_ctx *ctx, const char *path);
int32_t host_field_of(tide_ctx *ctx, const char *path);
tide_bytes host_expand(tide_ctx *ctx, const tide_batch *batch, uint32_t index, int32_t number);
void host_field(tide_ctx *ctx, const tide_batch *batch, uint32_t index, int32_t number,
                tide_value *out);
tide_bytes host_preamble(tide_ctx *ctx);
tide_result host_refuse(tide_ctx *ctx, const tide_batch *batch, uint32_t index, const char *fmt,
                        ...) __attribute__((format(printf, 4, 5)));
