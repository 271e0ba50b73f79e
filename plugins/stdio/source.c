// SPDX-License-Identifier: MIT
#include "standard.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 256 * 1024 };

struct input {
    const tide_host *host;
    tide_ctx *ctx;
    uint32_t split;
    int assigned;
    uint64_t offset;
};

static tide_result open_source(const tide_host *host, tide_ctx *ctx, void **self)
{
    struct input *in = calloc(1, sizeof *in);
    if (!in)
        return host->fail(ctx, TIDE_FATAL, "out of memory");
    in->host = host;
    in->ctx = ctx;
    *self = in;
    const tide_bytes name = {"stdin", 5};
    return host->splits_added(ctx, &name, 1);
}

static void close_source(void *self)
{
    free(self);
}

static tide_result assign(void *self, const tide_split *splits, uint32_t count, uint32_t stride)
{
    struct input *in = self;
    (void)stride;
    if (count > 0) {
        in->split = splits->id;
        in->assigned = 1;
    }
    return TIDE_OK;
}

static tide_result read_chunk(void *self, tide_out *out, uint32_t max)
{
    struct input *in = self;
    (void)max; // messages are cut by the host
    struct pollfd ready = {.fd = STDIN_FILENO, .events = POLLIN};
    if (!in->assigned || poll(&ready, 1, 0) == 0)
        return TIDE_AGAIN;
    size_t size = CHUNK;
    void *room = in->host->reserve(out, in->split, &size);
    if (!room || size == 0)
        return TIDE_OK;
    ssize_t n = read(STDIN_FILENO, room, size);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return TIDE_AGAIN;
    if (n < 0)
        return in->host->fail(in->ctx, TIDE_FATAL, "cannot read standard input (at byte %llu): %s",
                              (unsigned long long)in->offset, strerror(errno));
    if (n == 0) {
        in->host->split_end(out, in->split);
        return TIDE_EOF;
    }
    uint64_t before = in->offset;
    in->offset += (uint64_t)n;
    return in->host->commit(out, in->split, (size_t)n, (tide_bytes){&before, sizeof before});
}

static int poll_fd(void *self)
{
    (void)self;
    return STDIN_FILENO;
}

const tide_source stdio_source = {
    .struct_size = sizeof stdio_source,
    .capabilities = TIDE_SOURCE_BOUNDED | TIDE_SOURCE_STREAM,
    .open = open_source,
    .close = close_source,
    .assign = assign,
    .read = read_chunk,
    .poll_fd = poll_fd,
};
