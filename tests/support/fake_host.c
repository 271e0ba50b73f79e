// SPDX-License-Identifier: MIT
#include "support/fake_parts.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void fake_die(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fputs("fake host: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    abort();
}

void *fake_more(void *items, size_t count, size_t size)
{
    char *grown = items;
    if ((count & (count - 1)) == 0) // 0 and powers of two: full, as arrays grow one by one
        grown = realloc(items, (count ? count * 2 : 1) * size);
    if (!grown)
        fake_die("out of memory");
    memset(grown + count * size, 0, size);
    return grown;
}

struct fake_bytes fake_copy(tide_bytes bytes)
{
    struct fake_bytes copy = {0};
    if (bytes.data)
        fake_append(&copy, bytes.data, bytes.len);
    return copy;
}

void fake_append(struct fake_bytes *to, const void *bytes, size_t len)
{
    char *data = realloc(to->data, to->len + len + 1);
    if (!data)
        fake_die("out of memory");
    to->data = data;
    if (len)
        memcpy(data + to->len, bytes, len);
    to->len += len;
    data[to->len] = 0;
}

void fake_free_bytes(struct fake_bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct fake_bytes){0};
}

static const char *pipeline(tide_ctx *ctx)
{
    return host_of(ctx)->pipeline;
}

static const char *node(tide_ctx *ctx)
{
    return host_of(ctx)->node;
}

static void *connection(tide_ctx *ctx)
{
    return host_of(ctx)->connection;
}

static void log_text(tide_ctx *ctx, int level, const char *fmt, ...)
{
    (void)level;
    struct fake_host *host = host_of(ctx);
    va_list args;
    va_start(args, fmt);
    vsnprintf(host->log, sizeof host->log, fmt, args);
    va_end(args);
    host->log_count++;
}

static tide_result fail(tide_ctx *ctx, tide_result result, const char *fmt, ...)
{
    struct fake_host *host = host_of(ctx);
    va_list args;
    va_start(args, fmt);
    vsnprintf(host->reason, sizeof host->reason, fmt, args);
    va_end(args);
    host->failed = result;
    return result;
}

static int32_t metric(tide_ctx *ctx, const char *name, const char *help, int kind)
{
    (void)help;
    (void)kind;
    struct fake_host *host = host_of(ctx);
    if (host->metric_count == sizeof host->metrics / sizeof host->metrics[0])
        return -1;
    snprintf(host->metrics[host->metric_count].name, sizeof host->metrics[0].name, "%s", name);
    return (int32_t)host->metric_count++;
}

static void metric_add(tide_ctx *ctx, int32_t number, double value)
{
    if (number >= 0)
        host_of(ctx)->metrics[number].value += value;
}

static void metric_set(tide_ctx *ctx, int32_t number, double value)
{
    if (number >= 0)
        host_of(ctx)->metrics[number].value = value;
}

double fake_metric(const struct fake_host *host, const char *name)
{
    for (size_t i = 0; i < host->metric_count; i++) {
        if (!strcmp(host->metrics[i].name, name))
            return host->metrics[i].value;
    }
    return -1;
}

static int64_t now_ns(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t wall_ms(tide_ctx *ctx)
{
    return host_of(ctx)->clock_set ? host_of(ctx)->wall_ms : now_ns(CLOCK_REALTIME) / 1000000;
}

static int64_t mono_ns(tide_ctx *ctx)
{
    return host_of(ctx)->clock_set ? host_of(ctx)->mono_ns : now_ns(CLOCK_MONOTONIC);
}

static void wait_until(tide_ctx *ctx, int64_t at)
{
    host_of(ctx)->wait_until = at;
}

static void wake(tide_ctx *ctx)
{
    struct fake_host *host = host_of(ctx);
    pthread_mutex_lock(&host->lock);
    host->wakes++;
    pthread_cond_broadcast(&host->woken);
    pthread_mutex_unlock(&host->lock);
}

static void waits_for(tide_ctx *ctx, const char *what)
{
    struct fake_host *host = host_of(ctx);
    pthread_mutex_lock(&host->lock);
    snprintf(host->missing, sizeof host->missing, "%s", what ? what : "");
    pthread_mutex_unlock(&host->lock);
}

// Slices of a few ms, because it waits for a condition and a descriptor at once.
bool fake_wait(struct fake_host *host, int fd, int timeout_ms)
{
    int64_t end = now_ns(CLOCK_MONOTONIC) + (int64_t)timeout_ms * 1000000;
    int64_t deadline = host->wait_until;
    host->wait_until = 0;
    for (;;) {
        pthread_mutex_lock(&host->lock);
        bool woken = host->wakes != host->wakes_seen;
        host->wakes_seen = host->wakes;
        pthread_mutex_unlock(&host->lock);
        if (woken || (deadline && mono_ns(fake_ctx(host)) >= deadline))
            return true;
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        if (poll(&poll_fd, 1, 2) > 0)
            return true;
        if (now_ns(CLOCK_MONOTONIC) >= end)
            return false;
    }
}

static int put(tide_buf *buf, const void *bytes, size_t len)
{
    fake_append(&buf->bytes, bytes, len);
    return 0;
}

tide_buf *fake_buf_new(void)
{
    return fake_more(NULL, 0, sizeof(struct tide_buf));
}

struct fake_bytes *fake_buf_bytes(tide_buf *buf)
{
    return &buf->bytes;
}

void fake_buf_free(tide_buf *buf)
{
    if (buf)
        fake_free_bytes(&buf->bytes);
    free(buf);
}

const tide_plugin *fake_load(const char *file)
{
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        fake_die("%s", dlerror());
    const tide_plugin *(*entry)(uint32_t, uint32_t);
    void *symbol = dlsym(library, "tide_plugin_entry");
    memcpy(&entry, &symbol, sizeof entry);
    const tide_plugin *plugin = entry ? entry(TIDE_ABI_MAJOR, TIDE_ABI_MINOR) : NULL;
    if (!plugin || plugin->abi_major != TIDE_ABI_MAJOR)
        fake_die("%s: no plugin of this ABI", file);
    return plugin;
}

tide_ctx *fake_ctx(struct fake_host *host)
{
    return (tide_ctx *)(void *)host;
}

void fake_host_init(struct fake_host *host)
{
    memset(host, 0, sizeof *host);
    host->table.struct_size = sizeof host->table;
    host->table.abi_major = TIDE_ABI_MAJOR;
    host->table.abi_minor = TIDE_ABI_MINOR;
    host->table.pipeline = pipeline;
    host->table.node = node;
    host->table.connection = connection;
    host->table.log = log_text;
    host->table.fail = fail;
    host->table.metric = metric;
    host->table.metric_add = metric_add;
    host->table.metric_set = metric_set;
    host->table.wall_ms = wall_ms;
    host->table.mono_ns = mono_ns;
    host->table.wait_until = wait_until;
    host->table.wake = wake;
    host->table.waits_for = waits_for;
    host->table.put = put;
    host->pipeline = "test";
    host->node = "node";
    pthread_mutex_init(&host->lock, NULL);
    pthread_cond_init(&host->woken, NULL);
    fake_config_init(host);
    fake_source_init(host);
    fake_sink_init(host);
}

void fake_host_deinit(struct fake_host *host)
{
    fake_sink_deinit(host);
    fake_source_deinit(host);
    fake_config_deinit(host);
    pthread_cond_destroy(&host->woken);
    pthread_mutex_destroy(&host->lock);
}
