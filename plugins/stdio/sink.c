// SPDX-License-Identifier: MIT
#include "standard.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER = 64 * 1024, NO_SPACE_MS = 500 };

struct output {
    const tide_host *host;
    tide_ctx *ctx;
    int ready_fd;   // an epoll that is readable when fd 1 is writable; -1: fd 1 never waits
    size_t at_once; // what a write that poll(2) allowed takes without waiting
    int full;       // said that there is no space
    int headed;     // has got the bytes that the stream begins with
    char *buffer;
    size_t start, used, size; // buffer[start..used) is to be written
};

static void close_sink(void *self)
{
    struct output *out = self;
    if (out->ready_fd >= 0)
        close(out->ready_fd);
    free(out->buffer);
    free(out);
}

static tide_result look_at_fd(struct output *out)
{
    struct stat st;
    if (fstat(STDOUT_FILENO, &st) < 0)
        return out->host->fail(out->ctx, TIDE_FATAL, "cannot use standard output: %s",
                               strerror(errno));
    out->at_once = S_ISREG(st.st_mode) || S_ISBLK(st.st_mode) ? SIZE_MAX : PIPE_BUF;
    out->ready_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLOUT};
    if (out->ready_fd >= 0 && epoll_ctl(out->ready_fd, EPOLL_CTL_ADD, STDOUT_FILENO, &event) == 0)
        return TIDE_OK;
    if (out->ready_fd < 0 || errno != EPERM)
        return out->host->fail(out->ctx, TIDE_FATAL, "cannot wait for standard output: %s",
                               strerror(errno));
    close(out->ready_fd); // a file: always ready
    out->ready_fd = -1;
    return TIDE_OK;
}

static tide_result open_sink(const tide_host *host, tide_ctx *ctx, void **self)
{
    struct output *out = calloc(1, sizeof *out);
    if (!out)
        return host->fail(ctx, TIDE_FATAL, "out of memory");
    out->host = host;
    out->ctx = ctx;
    out->ready_fd = -1;
    *self = out;
    out->buffer = malloc(BUFFER);
    out->size = BUFFER;
    if (!out->buffer)
        return host->fail(ctx, TIDE_FATAL, "out of memory");
    // A reader that went away is an error of this node, not the end of the process.
    struct sigaction now;
    if (sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
        (void)signal(SIGPIPE, SIG_IGN);
    return look_at_fd(out);
}

static tide_result cannot_write(struct output *out, int code)
{
    if (code == EAGAIN || code == EINTR)
        return TIDE_AGAIN;
    if (code == EPIPE)
        return out->host->fail(out->ctx, TIDE_FATAL,
                               "standard output: the reader closed the pipe (%zu bytes unwritten)",
                               out->used - out->start);
    if (code != ENOSPC && code != EDQUOT)
        return out->host->fail(out->ctx, TIDE_FATAL, "cannot write standard output: %s",
                               strerror(code));
    if (!out->full)
        out->host->log(out->ctx, TIDE_LOG_WARN, "standard output: %s; waiting for space",
                       strerror(code));
    out->full = 1;
    out->host->wait_until(out->ctx, out->host->mono_ns(out->ctx) + NO_SPACE_MS * INT64_C(1000000));
    return TIDE_AGAIN;
}

static tide_result write_out(struct output *out)
{
    while (out->start < out->used) {
        struct pollfd ready = {.fd = STDOUT_FILENO, .events = POLLOUT};
        if (out->ready_fd >= 0 && poll(&ready, 1, 0) <= 0)
            return TIDE_AGAIN;
        size_t len = out->used - out->start;
        ssize_t n =
            write(STDOUT_FILENO, out->buffer + out->start, len < out->at_once ? len : out->at_once);
        if (n < 0 && errno != EINTR)
            return cannot_write(out, errno);
        if (n > 0)
            out->start += (size_t)n;
    }
    out->start = out->used = 0;
    out->full = 0;
    return TIDE_OK;
}

// Room for `len` bytes. A record larger than the buffer gets a larger buffer.
static tide_result make_room(struct output *out, size_t len)
{
    if (len <= out->size - out->used)
        return TIDE_OK;
    tide_result result = write_out(out);
    if (result != TIDE_OK || len <= out->size)
        return result;
    char *buffer = realloc(out->buffer, len);
    if (!buffer)
        return out->host->fail(out->ctx, TIDE_FATAL, "out of memory");
    out->buffer = buffer;
    out->size = len;
    return TIDE_OK;
}

static tide_result put_preamble(struct output *out)
{
    tide_bytes bytes = {NULL, 0};
    if (TIDE_HAS(out->host, preamble) && out->host->preamble)
        bytes = out->host->preamble(out->ctx);
    tide_result result = make_room(out, bytes.len);
    if (result != TIDE_OK)
        return result;
    if (bytes.len)
        memcpy(out->buffer + out->used, bytes.data, bytes.len);
    out->used += bytes.len;
    out->headed = 1;
    return TIDE_OK;
}

static tide_result write_batch(void *self, const tide_batch *batch, uint32_t *accepted)
{
    struct output *out = self;
    tide_result headed = out->headed ? TIDE_OK : put_preamble(out);
    *accepted = 0;
    if (headed != TIDE_OK)
        return headed;
    for (; *accepted < batch->count; (*accepted)++) {
        const tide_record *record = tide_record_at(batch, *accepted);
        tide_bytes value = record->value;
        tide_result result = value.data ? make_room(out, value.len + 1)
                                        : out->host->refuse(out->ctx, batch, *accepted,
                                                            "a tombstone is no line of text");
        if (result != TIDE_OK)
            return result;
        if (!value.data)
            continue;
        memcpy(out->buffer + out->used, value.data, value.len);
        out->used += value.len;
        if (!(record->flags & TIDE_RECORD_FRAMED))
            out->buffer[out->used++] = '\n';
    }
    return TIDE_OK;
}

static tide_result flush(void *self)
{
    return write_out(self);
}

static int poll_fd(void *self)
{
    return ((struct output *)self)->ready_fd;
}

const tide_sink stdio_sink = {
    .struct_size = sizeof stdio_sink,
    .capabilities = TIDE_SINK_STREAM | TIDE_SINK_PREAMBLE,
    .open = open_sink,
    .close = close_sink,
    .write = write_batch,
    .flush = flush,
    .poll_fd = poll_fd,
};
