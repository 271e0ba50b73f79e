// SPDX-License-Identifier: MIT
#include "client.h"
#include "scout.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define LINE_EVERY_NS INT64_C(1000000000)

void client_say(struct client *client, int level, const char *fmt, ...)
{
    if (!client->host)
        return;
    int64_t now = client->host->mono_ns(client->ctx);
    if (client->last_line_ns && now - client->last_line_ns < LINE_EVERY_NS) {
        client->held++;
        return;
    }
    client->last_line_ns = now;
    char line[512], where[160] = "", more[48] = "";
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    if (!strstr(line, client->brokers))
        snprintf(where, sizeof where, " [%s]", client->brokers);
    if (client->held)
        snprintf(more, sizeof more, " (and %u lines more)", client->held);
    client->host->log(client->ctx, level, "%s%s%s", line, where, more);
    client->held = 0;
}

// Served from the queue, so on the node's thread.
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    struct client *client = rd_kafka_opaque(rk);
    int to = level <= 3 ? TIDE_LOG_ERROR : level == 4 ? TIDE_LOG_WARN : TIDE_LOG_DEBUG;
    if (level <= 4)
        client_say(client, to, "%s: %s", facility, text);
    else if (client->host)
        client->host->log(client->ctx, to, "%s: %s", facility, text);
}

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    (void)rk;
    struct client *client = opaque;
    if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && client->scout)
        scout_lost(client->scout, "all brokers are away");
    // Fatal ones are found by client_check; single brokers' troubles are log lines already.
    if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || err == RD_KAFKA_RESP_ERR__AUTHENTICATION)
        client_say(client, TIDE_LOG_ERROR, "%s: %s", rd_kafka_err2str((rd_kafka_resp_err_t)err),
                   reason);
}

static struct client *make(const tide_host *host, tide_ctx *ctx, void *owner)
{
    struct client *client = calloc(1, sizeof *client);
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (client && fd >= 0) {
        *client =
            (struct client){.refs = 1, .event_fd = fd, .host = host, .ctx = ctx, .owner = owner};
        return client;
    }
    free(client);
    if (fd >= 0)
        close(fd);
    host->fail(ctx, TIDE_FATAL, "out of memory or descriptors");
    return NULL;
}

tide_result client_new(const tide_host *host, tide_ctx *ctx, rd_kafka_type_t type,
                       rd_kafka_conf_t *conf, void *owner, struct client **out)
{
    char why[512];
    struct client *client = make(host, ctx, owner);
    if (!client) {
        rd_kafka_conf_destroy(conf);
        return TIDE_FATAL;
    }
    size_t size = sizeof client->brokers;
    rd_kafka_conf_get(conf, "bootstrap.servers", client->brokers, &size);
    rd_kafka_conf_set_opaque(conf, client);
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set(conf, "log.queue", "true", why, sizeof why);
    client->rk = rd_kafka_new(type, conf, why, sizeof why);
    if (!client->rk) {
        rd_kafka_conf_destroy(conf);
        close(client->event_fd);
        free(client);
        return host->fail(ctx, TIDE_FATAL, "%s", why);
    }
    rd_kafka_set_log_queue(client->rk, NULL);
    *out = client;
    return TIDE_OK;
}

tide_result client_share(struct client *base, const tide_host *host, tide_ctx *ctx, void *owner,
                         struct client **out)
{
    struct client *client = make(host, ctx, owner);
    if (!client)
        return TIDE_FATAL;
    client_ref(base);
    client->base = base;
    client->rk = base->rk;
    memcpy(client->brokers, base->brokers, sizeof client->brokers);
    *out = client;
    return TIDE_OK;
}

void client_ref(struct client *client)
{
    atomic_fetch_add_explicit(&client->refs, 1, memory_order_relaxed);
}

void client_unref(struct client *client)
{
    // Release what this reference has done; the last one acquires it all.
    if (atomic_fetch_sub_explicit(&client->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (client->base)
        client_unref(client->base);
    else
        rd_kafka_destroy_flags(client->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    close(client->event_fd);
    free(client);
}

void client_close(struct client *client)
{
    client->host = NULL;
    client->owner = NULL;
    client_unref(client);
}

tide_result client_check(struct client *client)
{
    char why[512];
    rd_kafka_resp_err_t err = rd_kafka_fatal_error(client->rk, why, sizeof why);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
        return TIDE_OK;
    if (err != RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
        return client->host->fail(client->ctx, TIDE_FATAL, "%s: %s", rd_kafka_err2name(err), why);
    return client->host->fail(client->ctx, TIDE_FENCED,
                              "fenced: another process took the place in the group: %s", why);
}

void client_watch(struct client *client, rd_kafka_queue_t *queue)
{
    static const uint64_t one = 1;
    rd_kafka_queue_io_event_enable(queue, client->event_fd, &one, sizeof one);
}

void client_drain_fd(struct client *client)
{
    uint64_t events;
    if (read(client->event_fd, &events, sizeof events) < 0)
        return; // EAGAIN: nothing there
}
