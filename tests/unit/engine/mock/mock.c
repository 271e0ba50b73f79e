/* SPDX-License-Identifier: MIT */
/* A source and a sink that do what their options say, to try the engine's patience. What the sink
 * wrote goes, line by line, to the file named by `path`. */
#include "tidemill/plugin.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int opens; /* over the life of the process: RETRY the first `retry_opens` of them */

struct mock {
    const tide_host *host;
    tide_ctx *ctx;
    int64_t count, at, every;
    FILE *file;
    int64_t calls;
};

static tide_result open_any(const tide_host *host, tide_ctx *ctx, void **self)
{
    struct mock *m = calloc(1, sizeof *m);
    if (!m)
        return host->fail(ctx, TIDE_FATAL, "out of memory");
    *self = m;
    m->host = host;
    m->ctx = ctx;
    m->count = host->opt_int(ctx, "count");
    m->every = host->opt_int(ctx, "every");
    if (opens++ < host->opt_int(ctx, "retry_opens"))
        return host->fail(ctx, TIDE_RETRY, "not yet");
    if (host->opt_text(ctx, "fatal"))
        return host->fail(ctx, TIDE_FATAL, "%s", host->opt_text(ctx, "fatal"));
    return TIDE_OK;
}

static tide_result open_source(const tide_host *host, tide_ctx *ctx, void **self)
{
    tide_result rc = open_any(host, ctx, self);
    tide_bytes name = {"only", 4};
    return rc == TIDE_OK ? host->splits_added(ctx, &name, 1) : rc;
}

static tide_result open_sink(const tide_host *host, tide_ctx *ctx, void **self)
{
    tide_result rc = open_any(host, ctx, self);
    struct mock *m = *self;
    if (rc == TIDE_OK && host->opt_text(ctx, "path") &&
        !(m->file = fopen(host->opt_text(ctx, "path"), "a")))
        return host->fail(ctx, TIDE_FATAL, "cannot open %s", host->opt_text(ctx, "path"));
    return rc;
}

static void close_any(void *self)
{
    struct mock *m = self;
    if (m->file)
        fclose(m->file);
    free(m);
}

static tide_result assign(void *self, const tide_split *splits, uint32_t count, uint32_t stride)
{
    (void)self;
    (void)splits;
    (void)count;
    (void)stride;
    return TIDE_OK;
}

static tide_result read_some(void *self, tide_out *out, uint32_t max)
{
    struct mock *m = self;
    if (m->every && m->calls++ % m->every) { /* AGAIN, by deadline or by wake in turn */
        if (m->calls % 2)
            m->host->wait_until(m->ctx, m->host->mono_ns(m->ctx) + 1000);
        else
            m->host->wake(m->ctx);
        return TIDE_AGAIN;
    }
    for (uint32_t i = 0; i < max && i < 100; i++) {
        char text[64];
        if (m->at == m->count)
            return TIDE_EOF;
        int len = snprintf(text, sizeof text, "{\"n\":%lld}", (long long)m->at);
        tide_message message = {.struct_size = sizeof message,
                                .offset = m->at,
                                .time_ms = m->at,
                                .value = {text, (size_t)len}};
        if (!m->host->emit(out, &message, 1, sizeof message))
            return TIDE_OK;
        m->at++;
    }
    return TIDE_OK;
}

static tide_result write_some(void *self, const tide_batch *batch, uint32_t *accepted)
{
    struct mock *m = self;
    int64_t most = m->host->opt_int(m->ctx, "accept");
    int64_t bad = m->host->opt_int(m->ctx, "refuse_every");
    if (m->every && m->calls++ % m->every) {
        m->host->wait_until(m->ctx, m->host->mono_ns(m->ctx) + 1000);
        return TIDE_AGAIN;
    }
    for (uint32_t i = 0; i < batch->count && (!most || i < most); i++) {
        const tide_record *record = tide_record_at(batch, i);
        ++*accepted;
        if (bad && ++m->at % bad == 0)
            m->host->refuse(m->ctx, batch, i, "record %lld is refused", (long long)m->at);
        else if (m->file)
            fprintf(m->file, "%.*s\n", (int)record->value.len, (const char *)record->value.data);
    }
    return TIDE_OK;
}

static tide_result flush_file(void *self)
{
    struct mock *m = self;
    return m->file && fflush(m->file) ? TIDE_FATAL : TIDE_OK;
}

#define COMMON                                                                                     \
    {.name = "every", .type = TIDE_INT, .default_text = "0", .help = "work every n-th call only"}, \
        {.name = "retry_opens",                                                                    \
         .type = TIDE_INT,                                                                         \
         .default_text = "0",                                                                      \
         .help = "RETRY that often"},                                                              \
    {                                                                                              \
        .name = "fatal", .type = TIDE_TEXT, .help = "open fails for good, with this reason"        \
    }

static const tide_option source_options[] = {
    COMMON, {.name = "count", .type = TIDE_INT, .default_text = "10", .help = "records"}, {0}};
static const tide_option sink_options[] = {
    COMMON,
    {.name = "path", .type = TIDE_TEXT, .help = "where lines go"},
    {.name = "accept", .type = TIDE_INT, .default_text = "0", .help = "records a call; 0: all"},
    {.name = "refuse_every", .type = TIDE_INT, .default_text = "0", .help = "refuse each n-th"},
    {0}};

static const tide_source source = {.struct_size = sizeof source,
                                   .capabilities = TIDE_SOURCE_BOUNDED,
                                   .options = source_options,
                                   .open = open_source,
                                   .close = close_any,
                                   .assign = assign,
                                   .read = read_some};
static const tide_sink sink = {.struct_size = sizeof sink,
                               .options = sink_options,
                               .open = open_sink,
                               .close = close_any,
                               .write = write_some,
                               .flush = flush_file};
static const tide_plugin plugin = {TIDE_PLUGIN_HEAD,
                                   .name = "mock",
                                   .version = "1.0.0",
                                   .license = "MIT",
                                   .help = "misbehaves on command",
                                   .source = &source,
                                   .sink = &sink};

const tide_plugin *tide_plugin_entry(uint32_t major, uint32_t minor)
{
    (void)minor;
    return major == TIDE_ABI_MAJOR ? &plugin : NULL;
}
