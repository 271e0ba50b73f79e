// SPDX-License-Identifier: MIT
#include "tidemill/plugin.h"
#include <stdlib.h>

// A sink that counts and forgets: for measurements, and for outputs that nobody wants.

struct null {
    const tide_host *host;
    tide_ctx *ctx;
    int32_t records, bytes; // metrics
};

static tide_result open_sink(const tide_host *host, tide_ctx *ctx, void **self)
{
    struct null *s = malloc(sizeof *s);
    if (!s)
        return host->fail(ctx, TIDE_FATAL, "out of memory");
    s->host = host;
    s->ctx = ctx;
    s->records = host->metric(ctx, "null_records", "records forgotten", TIDE_METRIC_COUNTER);
    s->bytes = host->metric(ctx, "null_bytes", "bytes of their values", TIDE_METRIC_COUNTER);
    *self = s;
    return TIDE_OK;
}

static void close_sink(void *self)
{
    free(self);
}

static tide_result write_batch(void *self, const tide_batch *batch, uint32_t *accepted)
{
    struct null *s = self;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < batch->count; i++)
        bytes += tide_record_at(batch, i)->value.len;
    s->host->metric_add(s->ctx, s->records, batch->count);
    s->host->metric_add(s->ctx, s->bytes, (double)bytes);
    *accepted = batch->count;
    return TIDE_OK;
}

static tide_result flush(void *self)
{
    (void)self;
    return TIDE_OK;
}

static const tide_sink sink = {
    .struct_size = sizeof sink,
    .capabilities = TIDE_SINK_IDEMPOTENT | TIDE_SINK_STREAM | TIDE_SINK_PARALLEL,
    .open = open_sink,
    .close = close_sink,
    .write = write_batch,
    .flush = flush,
};

static const tide_plugin plugin = {
    TIDE_PLUGIN_HEAD,
    .name = "null",
    .version = "1.0.0",
    .license = "MIT",
    .help = "counts records and forgets them",
    .sink = &sink,
};

TIDE_EXPORT const tide_plugin *tide_plugin_entry(uint32_t host_major, uint32_t host_minor)
{
    (void)host_minor;
    return host_major == TIDE_ABI_MAJOR ? &plugin : NULL;
}
