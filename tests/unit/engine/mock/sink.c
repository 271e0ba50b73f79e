/* SPDX-License-Identifier: MIT */
#include "mock.h"

/* What it wrote goes, line by line, to the file named by `path`; headers too, when asked. */

static tide_result open_sink(const tide_host *host, tide_ctx *ctx, void **self)
{
    tide_result rc = mock_open(host, ctx, self);
    struct mock *m = *self;
    const char *path = host->opt_text(ctx, "path");
    mock_lock();
    mock_flushed = 0;
    mock_unlock();
    if (rc == TIDE_OK && path && !(m->file = fopen(path, "a")))
        return host->fail(ctx, TIDE_FATAL, "cannot open %s", path);
    return rc;
}

static void write_one(struct mock *m, const tide_record *record)
{
    if (record->value.data)
        fprintf(m->file, "%.*s", (int)record->value.len, (const char *)record->value.data);
    else
        fputs("(none)", m->file);
    for (uint32_t i = 0; m->host->opt_bool(m->ctx, "show_headers") && i < record->header_count; i++)
        fprintf(m->file, " %s=%.*s", record->headers[i].name, (int)record->headers[i].value.len,
                (const char *)record->headers[i].value.data);
    fputc('\n', m->file);
}

static tide_result write_some(void *self, const tide_batch *batch, uint32_t *accepted)
{
    struct mock *m = self;
    int64_t most = m->host->opt_int(m->ctx, "accept");
    int64_t bad = m->host->opt_int(m->ctx, "refuse_every");
    if (m->host->opt_bool(m->ctx, "stuck"))
        return TIDE_AGAIN;
    if (mock_rests(m))
        return TIDE_AGAIN;
    for (uint32_t i = 0; i < batch->count && (!most || i < most); i++) {
        if (mock_once(m, "retry_at", m->done))
            return m->host->fail(m->ctx, TIDE_RETRY, "the line is cut");
        if (mock_once(m, "fatal_at", m->done))
            return m->host->fail(m->ctx, TIDE_FATAL, "it broke");
        ++*accepted;
        if (bad && (m->done + 1) % bad == 0) {
            m->host->refuse(m->ctx, batch, i, "record %lld is refused", (long long)m->done + 1);
            m->host->refuse(m->ctx, batch, i, "as I said");
        } else if (m->file) {
            write_one(m, tide_record_at(batch, i));
        }
        m->done++;
    }
    if (m->host->opt_bool(m->ctx, "boast"))
        *accepted = UINT32_MAX;
    return TIDE_OK;
}

static tide_result flush_file(void *self)
{
    struct mock *m = self;
    if (m->file && fflush(m->file))
        return TIDE_FATAL;
    mock_lock();
    mock_flushed = m->done;
    mock_unlock();
    return TIDE_OK;
}

static const tide_option options[] = {
    MOCK_OPTIONS,
    {.name = "path", .type = TIDE_TEXT, .help = "where lines go"},
    {.name = "accept", .type = TIDE_INT, .default_text = "0", .help = "records a call; 0: all"},
    {.name = "refuse_every", .type = TIDE_INT, .default_text = "0", .help = "refuse each n-th"},
    {.name = "stuck", .type = TIDE_BOOL, .default_text = "false", .help = "takes nothing"},
    {.name = "boast", .type = TIDE_BOOL, .default_text = "false", .help = "says it took more"},
    {.name = "show_headers", .type = TIDE_BOOL, .default_text = "false", .help = "write them"},
    {0}};

const tide_sink mock_sink = {.struct_size = sizeof mock_sink,
                             .capabilities = MOCK_SINK,
                             .options = options,
                             .open = open_sink,
                             .close = mock_close,
                             .write = write_some,
                             .flush = flush_file};
