/* SPDX-License-Identifier: MIT */
/* A connection that decides, whose mark lies in a file; right, or with the fault that FAULT names.
 */
#include "tidemill/plugin.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum fault { GOOD, FORGETS_MARK, ABORT_DECIDES, UNDECIDED, PREPARE_DECIDES, LEAKS, LACKS_DECIDED };

struct connection {
    const tide_host *host;
    tide_ctx *ctx;
    void *more;
};

static tide_result open_it(const tide_host *host, tide_ctx *ctx, void **self)
{
    struct connection *c = calloc(1, sizeof *c);
    if (!c)
        return host->fail(ctx, TIDE_RETRY, "out of memory");
    c->host = host;
    c->ctx = ctx;
    *self = c;
    if (FAULT == FORGETS_MARK)
        (void)unlink("mark");
    if (FAULT == LEAKS)
        c->more = malloc(10);
    return TIDE_OK;
}

static void close_it(void *self)
{
    free(self);
}

static void write_mark(const char *text, size_t len)
{
    FILE *file = fopen("mark", "w");
    if (!file || fwrite(text, 1, len, file) != len)
        abort();
    fclose(file);
}

static tide_result begin(void *self, uint64_t epoch)
{
    (void)self, (void)epoch;
    return TIDE_OK;
}

static tide_result prepare(void *self, uint64_t epoch, const tide_position *positions,
                           uint32_t count, uint32_t stride)
{
    (void)self, (void)positions, (void)count, (void)stride;
    if (FAULT == PREPARE_DECIDES && epoch == 3)
        write_mark("mark-3", 6);
    return TIDE_OK;
}

static tide_result commit(void *self, uint64_t epoch, tide_bytes mark, int32_t *decided)
{
    (void)self, (void)epoch;
    write_mark(mark.data, mark.len);
    *decided = FAULT == UNDECIDED ? TIDE_UNKNOWN : TIDE_DECIDED;
    return TIDE_OK;
}

static tide_result abort_it(void *self, uint64_t epoch)
{
    (void)self, (void)epoch;
    if (FAULT == ABORT_DECIDES)
        write_mark("mark-2", 6);
    return TIDE_OK;
}

static tide_result decided(void *self, int look, tide_buf *mark)
{
    struct connection *c = self;
    char text[64];
    (void)look;
    FILE *file = fopen("mark", "r");
    size_t len = file ? fread(text, 1, sizeof text, file) : 0;
    if (file)
        fclose(file);
    if (len && c->host->put(mark, text, len))
        return c->host->fail(c->ctx, TIDE_FATAL, "out of memory");
    return TIDE_OK;
}

static tide_result write_batch(void *self, const tide_batch *batch, uint32_t *accepted)
{
    (void)self;
    *accepted = batch->count;
    return TIDE_OK;
}

static tide_result flush(void *self)
{
    (void)self;
    return TIDE_OK;
}

static const tide_sink sink = {.struct_size = sizeof sink,
                               .open = open_it,
                               .close = close_it,
                               .write = write_batch,
                               .flush = flush};

static const tide_connection connection = {
    .struct_size = sizeof connection,
    .capabilities = TIDE_CONNECTION_DECIDES,
    .open = open_it,
    .close = close_it,
    .begin = begin,
    .prepare = prepare,
    .commit = commit,
    .abort = abort_it,
    .decided = FAULT == LACKS_DECIDED ? NULL : decided,
};

static const tide_plugin plugin = {TIDE_PLUGIN_HEAD,         .name = "mock",   .version = "1.0.0",
                                   .license = "MIT",         .help = "a mock", .sink = &sink,
                                   .connection = &connection};

const tide_plugin *tide_plugin_entry(uint32_t major, uint32_t minor)
{
    (void)minor;
    return major == TIDE_ABI_MAJOR ? &plugin : NULL;
}
