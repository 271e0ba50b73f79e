// SPDX-License-Identifier: MIT
#include "poll.h"
#include <errno.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { FIRST_ROOM = 2048 };

void exchange_drop(struct poll *p, struct device *device)
{
    if (device->state == DEVICE_ASKED || device->state == DEVICE_ANSWERED)
        p->busy--;
    if (device->fd >= 0)
        close(device->fd);
    device->fd = -1;
    free(device->bytes);
    device->bytes = NULL;
    device->len = device->room = device->sent = 0;
}

static uint64_t next_random(struct poll *p)
{
    p->random ^= p->random << 13; // xorshift64
    p->random ^= p->random >> 7;
    p->random ^= p->random << 17;
    return p->random;
}

// from, 2 from, 4 from ... to; a random part of up to a half is taken off, so that devices that
// failed together do not come back together.
static int64_t pause_of(struct poll *p, const struct device *device)
{
    int64_t pause = p->backoff_from_ns;
    for (uint32_t i = 1; i < device->failures && pause < p->backoff_to_ns; i++)
        pause *= 2;
    if (pause > p->backoff_to_ns)
        pause = p->backoff_to_ns;
    return pause - (int64_t)(next_random(p) % (uint64_t)(pause / 2 + 1));
}

static void wait_for_turn(struct poll *p, struct device *device)
{
    device->state = DEVICE_IDLE;
    if (device->due_ns <= p->now_ns)
        device->due_ns += ((p->now_ns - device->due_ns) / p->interval_ns + 1) * p->interval_ns;
    heap_set(&p->heap, device, device->due_ns);
}

void exchange_fail(struct poll *p, tide_out *out, struct device *device, const char *why)
{
    p->host->bad(out, device->split, (tide_bytes){device->bytes, device->len}, "%s", why);
    p->host->metric_add(p->ctx, p->failures, 1);
    p->handed++;
    exchange_drop(p, device);
    if (device->failures < 64)
        device->failures++;
    device->state = DEVICE_IDLE;
    heap_set(&p->heap, device, p->now_ns + pause_of(p, device));
}

static void fail(struct poll *p, tide_out *out, struct device *device, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void fail(struct poll *p, tide_out *out, struct device *device, const char *fmt, ...)
{
    char why[200];
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, sizeof why, fmt, args);
    va_end(args);
    exchange_fail(p, out, device, why);
}

static int watch(struct poll *p, struct device *device, int op, uint32_t events)
{
    struct epoll_event event = {.events = events, .data = {.ptr = device}};
    return epoll_ctl(p->epoll, op, device->fd, &event);
}

int exchange_start(struct poll *p, tide_out *out, struct device *device)
{
    int fd = socket(device->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM))
        return -1;
    device->fd = fd;
    device->state = DEVICE_ASKED;
    p->busy++;
    heap_set(&p->heap, device, p->now_ns + p->timeout_ns);
    if (fd < 0 || (connect(fd, (struct sockaddr *)&device->address, device->address_len) < 0 &&
                   errno != EINPROGRESS))
        fail(p, out, device, "cannot connect: %s", strerror(errno));
    else if (watch(p, device, EPOLL_CTL_ADD, p->request ? EPOLLOUT : EPOLLIN) < 0)
        fail(p, out, device, "cannot wait for it: %s", strerror(errno));
    return 0;
}

void exchange_late(struct poll *p, tide_out *out, struct device *device)
{
    int ms = (int)(p->timeout_ns / 1000000);
    if (device->len > 0)
        fail(p, out, device, "no end of the reading in %d ms (%zu bytes came)", ms, device->len);
    else
        fail(p, out, device, "no answer in %d ms", ms);
}

int exchange_deliver(struct poll *p, tide_out *out, struct device *device)
{
    tide_message message = {.struct_size = sizeof message,
                            .split = device->split,
                            .offset = TIDE_NO_OFFSET,
                            .time_ms = device->time_ms,
                            .value = {device->bytes, device->len}};
    if (p->host->emit(out, &message, 1, sizeof message) == 0)
        return 0;
    p->host->metric_add(p->ctx, p->readings, 1);
    p->handed++;
    device->failures = 0;
    exchange_drop(p, device);
    wait_for_turn(p, device);
    return 1;
}

static void finish(struct poll *p, tide_out *out, struct device *device)
{
    if (device->len == 0) {
        exchange_fail(p, out, device, "closed without a reading");
        return;
    }
    close(device->fd); // the next one can have it
    device->fd = -1;
    device->time_ms = p->host->wall_ms(p->ctx);
    if (p->answered.first || !exchange_deliver(p, out, device)) {
        device->state = DEVICE_ANSWERED;
        heap_remove(&p->heap, device);
        queue_put(&p->answered, device);
    }
}

// Room for more bytes; 0: there are max_bytes already, -1: memory is out.
static int make_room(struct poll *p, struct device *device)
{
    if (device->len < device->room)
        return 1;
    if (device->len > p->max_bytes)
        return 0;
    size_t room = device->room ? 2 * device->room : FIRST_ROOM;
    if (room > p->max_bytes + 1) // one more tells that it is too long
        room = p->max_bytes + 1;
    char *bytes = realloc(device->bytes, room);
    if (!bytes)
        return -1;
    device->bytes = bytes;
    device->room = room;
    return 1;
}

static void read_on(struct poll *p, tide_out *out, struct device *device)
{
    for (;;) {
        int room = make_room(p, device);
        if (room < 0) {
            exchange_fail(p, out, device, "out of memory");
            return;
        }
        if (room == 0) {
            device->len = p->max_bytes;
            fail(p, out, device, "the reading is longer than max_bytes (%zu)", p->max_bytes);
            return;
        }
        ssize_t n = read(device->fd, device->bytes + device->len, device->room - device->len);
        if (n > 0) {
            device->len += (size_t)n;
            continue;
        }
        if (n == 0)
            finish(p, out, device);
        else if (errno != EAGAIN && errno != EINTR && device->len > 0)
            fail(p, out, device, "%s after %zu bytes", strerror(errno), device->len);
        else if (errno != EAGAIN && errno != EINTR)
            fail(p, out, device, "%s", strerror(errno));
        return;
    }
}

static void send_on(struct poll *p, tide_out *out, struct device *device)
{
    ssize_t n =
        send(device->fd, p->request + device->sent, p->request_len - device->sent, MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0) {
        fail(p, out, device, "cannot send the request: %s", strerror(errno));
        return;
    }
    device->sent += (size_t)n;
    if (device->sent == p->request_len && watch(p, device, EPOLL_CTL_MOD, EPOLLIN) < 0)
        fail(p, out, device, "cannot wait for it: %s", strerror(errno));
}

void exchange_go_on(struct poll *p, tide_out *out, struct device *device)
{
    if (device->state != DEVICE_ASKED)
        return; // ended by an earlier event of the same wait
    if (p->request && device->sent < p->request_len)
        send_on(p, out, device);
    else
        read_on(p, out, device);
}
