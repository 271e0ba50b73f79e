// SPDX-License-Identifier: MIT
#include "poll.h"
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS = 256 };

#define MS_NS INT64_C(1000000)
#define NO_DESCRIPTOR_NS (100 * MS_NS)

static tide_result read_targets(struct poll *p)
{
    const tide_host *host = p->host;
    const tide_config *list = host->config(p->ctx, "targets");
    uint32_t count = host->config_text(list) ? 1 : host->config_len(list);
    p->targets.lowest_port = 1;
    for (uint32_t i = 0; i < count; i++) {
        const tide_config *item = host->config_text(list) ? list : host->config_item(list, i);
        const char *text = host->config_text(item);
        const char *wrong = targets_add(&p->targets, text);
        if (wrong)
            return host->fail(p->ctx, TIDE_FATAL, "targets: '%s' %s", text, wrong);
    }
    const char *twice;
    if (targets_twice(&p->targets, &twice) < 0)
        return host->fail(p->ctx, TIDE_FATAL, "targets: out of memory");
    if (twice)
        return host->fail(p->ctx, TIDE_FATAL, "targets: %s is there twice", twice);
    if (p->targets.count == 0)
        return host->fail(p->ctx, TIDE_FATAL, "targets: there are none");
    return TIDE_OK;
}

static void read_options(struct poll *p)
{
    const tide_host *host = p->host;
    p->interval_ns = host->opt_int(p->ctx, "interval") * MS_NS;
    p->timeout_ns = host->opt_int(p->ctx, "timeout") * MS_NS;
    p->backoff_from_ns = host->opt_int(p->ctx, "backoff.from") * MS_NS;
    p->backoff_to_ns = host->opt_int(p->ctx, "backoff.to") * MS_NS;
    p->max_bytes = (size_t)host->opt_int(p->ctx, "max_bytes");
    p->connections = (uint32_t)host->opt_int(p->ctx, "connections");
    p->request = host->opt_text(p->ctx, "request");
    p->request_len = p->request ? strlen(p->request) : 0;
    if (p->request_len == 0)
        p->request = NULL;
    if (p->backoff_from_ns < MS_NS)
        p->backoff_from_ns = MS_NS;
    if (p->backoff_to_ns < p->backoff_from_ns)
        p->backoff_to_ns = p->backoff_from_ns;
    p->random = (uint64_t)host->mono_ns(p->ctx) | 1;
}

static tide_result make_devices(struct poll *p)
{
    p->count = (uint32_t)p->targets.count;
    p->devices = calloc(p->count, sizeof *p->devices);
    p->resolver = resolver_new(p->host, p->ctx);
    p->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!p->devices || !p->resolver || heap_init(&p->heap, p->count))
        return p->host->fail(p->ctx, TIDE_FATAL, "out of memory");
    if (p->epoll < 0)
        return p->host->fail(p->ctx, TIDE_RETRY, "no descriptor is left");
    for (uint32_t i = 0; i < p->count; i++) {
        struct device *device = &p->devices[i];
        device->name = p->targets.names[i];
        device->fd = -1;
        device->heap_index = UINT32_MAX;
        (void)resolve_numeric(device->name, &device->address, &device->address_len);
    }
    return TIDE_OK;
}

static tide_result announce(struct poll *p)
{
    tide_bytes *names = calloc(p->count, sizeof *names);
    if (!names)
        return p->host->fail(p->ctx, TIDE_FATAL, "out of memory");
    for (uint32_t i = 0; i < p->count; i++)
        names[i] = (tide_bytes){p->devices[i].name, strlen(p->devices[i].name)};
    tide_result result = p->host->splits_added(p->ctx, names, p->count);
    free(names);
    return result;
}

static tide_result open_poll(const tide_host *host, tide_ctx *ctx, void **self)
{
    struct poll *p = calloc(1, sizeof *p);
    if (!p)
        return host->fail(ctx, TIDE_FATAL, "out of memory");
    p->host = host;
    p->ctx = ctx;
    p->epoll = -1;
    *self = p;
    read_options(p);
    p->readings = host->metric(ctx, "tcp_poll_readings", "whole readings", TIDE_METRIC_COUNTER);
    p->failures = host->metric(ctx, "tcp_poll_failures", "polls without a whole reading",
                               TIDE_METRIC_COUNTER);
    tide_result result = read_targets(p);
    if (result == TIDE_OK)
        result = make_devices(p);
    return result == TIDE_OK ? announce(p) : result;
}

static void close_poll(void *self)
{
    struct poll *p = self;
    for (uint32_t i = 0; p->devices && i < p->count; i++)
        exchange_drop(p, &p->devices[i]);
    if (p->epoll >= 0)
        close(p->epoll);
    resolver_free(p->resolver);
    heap_deinit(&p->heap);
    free(p->devices);
    targets_deinit(&p->targets);
    free(p);
}

// Names usually come in the order in which they were announced.
static struct device *named(struct poll *p, tide_bytes name)
{
    for (uint32_t tried = 0; tried < p->count; tried++) {
        struct device *device = &p->devices[p->cursor];
        p->cursor = (p->cursor + 1) % p->count;
        if (strlen(device->name) == name.len && !memcmp(device->name, name.data, name.len))
            return device;
    }
    return NULL;
}

static tide_result assign(void *self, const tide_split *splits, uint32_t count, uint32_t stride)
{
    struct poll *p = self;
    int64_t now = p->host->mono_ns(p->ctx);
    for (uint32_t i = 0; i < count; i++) {
        const tide_split *split =
            (const tide_split *)(const void *)((const char *)splits + (size_t)i * stride);
        struct device *device = named(p, split->name);
        if (!device || device->state != DEVICE_OUT)
            continue;
        device->split = split->id;
        device->state = DEVICE_IDLE;
        device->due_ns = now + p->interval_ns / p->count * (device - p->devices);
        heap_set(&p->heap, device, device->due_ns);
    }
    return TIDE_OK;
}

static void unlink_from(struct queue *queue, const struct device *gone)
{
    struct queue rest = {0};
    for (struct device *device; (device = queue_take(queue));)
        if (device != gone)
            queue_put(&rest, device);
    *queue = rest;
}

static tide_result revoke_splits(void *self, const uint32_t *ids, uint32_t count)
{
    struct poll *p = self;
    for (uint32_t n = 0; n < count; n++)
        for (uint32_t i = 0; i < p->count; i++) {
            struct device *device = &p->devices[i];
            if (device->state == DEVICE_OUT || device->split != ids[n])
                continue;
            unlink_from(&p->queued, device);
            unlink_from(&p->answered, device);
            heap_remove(&p->heap, device);
            exchange_drop(p, device);
            device->state = DEVICE_OUT;
        }
    return TIDE_OK;
}

static void begin(struct poll *p, tide_out *out, struct device *device)
{
    if (device->address_len == 0) {
        heap_remove(&p->heap, device);
        device->state = DEVICE_RESOLVING;
        if (resolver_ask(p->resolver, (uint32_t)(device - p->devices), device->name))
            exchange_fail(p, out, device, "cannot look up its name: no thread or memory is left");
        return;
    }
    device->state = DEVICE_QUEUED;
    heap_remove(&p->heap, device);
    queue_put(&p->queued, device);
}

// Devices in line get the connections that are free; each stays first in line until it has one.
static void start_queued(struct poll *p, tide_out *out)
{
    while (p->queued.first && p->busy < p->connections) {
        if (exchange_start(p, out, p->queued.first) < 0) {
            if (!p->no_descriptors)
                p->host->log(p->ctx, TIDE_LOG_WARN,
                             "no descriptor is left at %u connections; fewer are used", p->busy);
            p->no_descriptors = 1;
            p->host->wait_until(p->ctx, p->now_ns + NO_DESCRIPTOR_NS);
            return;
        }
        queue_take(&p->queued);
    }
}

static void run_clock(struct poll *p, tide_out *out)
{
    while (p->heap.count > 0 && p->heap.items[0]->at_ns <= p->now_ns) {
        struct device *device = p->heap.items[0];
        if (device->state == DEVICE_ASKED)
            exchange_late(p, out, device);
        else
            begin(p, out, device);
    }
    start_queued(p, out);
}

static void run_resolver(struct poll *p, tide_out *out)
{
    struct resolved answer;
    while (resolver_take(p->resolver, &answer)) {
        struct device *device = &p->devices[answer.index];
        if (device->state != DEVICE_RESOLVING)
            continue;
        if (answer.len == 0) {
            char why[200];
            snprintf(why, sizeof why, "cannot look up its name: %s", gai_strerror(answer.error));
            exchange_fail(p, out, device, why);
            continue;
        }
        device->address = answer.address;
        device->address_len = answer.len;
        begin(p, out, device);
    }
}

static void run_sockets(struct poll *p, tide_out *out, uint32_t max)
{
    struct epoll_event events[EVENTS];
    int n = EVENTS;
    while (n == EVENTS && p->handed < max && !p->answered.first) {
        n = epoll_wait(p->epoll, events, EVENTS, 0);
        for (int i = 0; i < n; i++)
            exchange_go_on(p, out, events[i].data.ptr);
    }
}

static tide_result read_devices(void *self, tide_out *out, uint32_t max)
{
    struct poll *p = self;
    p->handed = 0;
    p->now_ns = p->host->mono_ns(p->ctx);
    while (p->answered.first) {
        if (!exchange_deliver(p, out, p->answered.first))
            return TIDE_OK; // a full batch
        queue_take(&p->answered);
    }
    run_resolver(p, out);
    run_sockets(p, out, max);
    run_clock(p, out);
    if (p->handed > 0 || p->answered.first)
        return TIDE_OK;
    if (p->heap.count > 0 && !(p->queued.first && p->busy < p->connections))
        p->host->wait_until(p->ctx, p->heap.items[0]->at_ns);
    return TIDE_AGAIN;
}

static int poll_fd(void *self)
{
    return ((struct poll *)self)->epoll;
}

static const tide_option options[] = {
    {.name = "targets",
     .type = TIDE_LIST,
     .item = TIDE_TEXT,
     .flags = TIDE_OPTION_REQUIRED,
     .help = "host:port of each device; 127.0.0.[1-50]:9000 stands for fifty"},
    {.name = "interval",
     .type = TIDE_DURATION,
     .default_text = "1s",
     .min = 1,
     .max = 1e11,
     .help = "each device is asked once in it; the devices are spread over it"},
    {.name = "timeout",
     .type = TIDE_DURATION,
     .default_text = "500ms",
     .min = 1,
     .max = 1e9,
     .help = "from the connect to the last byte"},
    {.name = "request", .type = TIDE_TEXT, .help = "sent after the connect"},
    {.name = "max_bytes",
     .type = TIDE_SIZE,
     .default_text = "64KiB",
     .min = 1,
     .max = 1073741824,
     .help = "a longer reading is an error"},
    {.name = "connections",
     .type = TIDE_INT,
     .default_text = "512",
     .min = 1,
     .max = 65536,
     .help = "devices that are asked at the same time"},
    {.name = "backoff",
     .type = TIDE_RANGE,
     .default_text = "200ms..30s",
     .help = "the pause after a failure; doubles with each one"},
    {.name = NULL},
};

static const tide_source source = {
    .struct_size = sizeof source,
    .capabilities = TIDE_SOURCE_SPLITS,
    .options = options,
    .open = open_poll,
    .close = close_poll,
    .assign = assign,
    .revoke = revoke_splits,
    .read = read_devices,
    .poll_fd = poll_fd,
};

static const tide_plugin plugin = {
    TIDE_PLUGIN_HEAD,
    .name = "tcp_poll",
    .version = "1.0.0",
    .license = "MIT",
    .help = "asks devices for a reading, one TCP connection each, once an interval",
    .source = &source,
};

TIDE_EXPORT const tide_plugin *tide_plugin_entry(uint32_t host_major, uint32_t host_minor)
{
    (void)host_minor;
    return host_major == TIDE_ABI_MAJOR ? &plugin : NULL;
}
