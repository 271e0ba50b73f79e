// SPDX-License-Identifier: MIT
#include "log.h"

#include <stdlib.h>
#include <string.h>

static const tide_option options[] = {
    {.name = "dir",
     .type = TIDE_TEXT,
     .default_text = "./data",
     .help = "directory that holds a directory a topic; made when it is missing"},
    {.name = NULL},
};

static tide_result open_it(const tide_host *host, tide_ctx *ctx, void **self)
{
    if (!host->journal)
        return host->fail(ctx, TIDE_FATAL, "the host has no journal");
    struct log_connection *connection = calloc(1, sizeof *connection);
    const char *dir = host->opt_text(ctx, "dir");
    char *copy = strdup(dir && *dir ? dir : ".");
    if (!connection || !copy) {
        free(connection);
        free(copy);
        return host->fail(ctx, TIDE_RETRY, "out of memory");
    }
    connection->host = host;
    connection->dir = copy;
    pthread_mutex_init(&connection->lock, NULL);
    *self = connection;
    return TIDE_OK;
}

static void close_it(void *self)
{
    struct log_connection *connection = self;
    pthread_mutex_destroy(&connection->lock);
    free(connection->dir);
    free(connection);
}

const tide_connection log_connection = {
    .struct_size = sizeof log_connection,
    .options = options,
    .open = open_it,
    .close = close_it,
};

struct log_connection *log_connection_of(const tide_host *host, tide_ctx *ctx)
{
    struct log_connection *connection = host->connection(ctx);
    if (!connection)
        host->fail(ctx, TIDE_FATAL, "needs `connection:`, the name of a connection of type log");
    return connection;
}

void log_listen(struct log_connection *connection, struct log_listener *listener)
{
    pthread_mutex_lock(&connection->lock);
    listener->next = connection->listeners;
    connection->listeners = listener;
    pthread_mutex_unlock(&connection->lock);
}

void log_unlisten(struct log_connection *connection, struct log_listener *listener)
{
    pthread_mutex_lock(&connection->lock);
    struct log_listener **link = &connection->listeners;
    while (*link && *link != listener)
        link = &(*link)->next;
    if (*link)
        *link = listener->next;
    pthread_mutex_unlock(&connection->lock);
}

// Under the lock: a listener that is woken is not gone.
void log_notify(struct log_connection *connection)
{
    pthread_mutex_lock(&connection->lock);
    for (struct log_listener *at = connection->listeners; at; at = at->next) {
        if (atomic_exchange(&at->hungry, false))
            at->host->wake(at->ctx);
    }
    pthread_mutex_unlock(&connection->lock);
}
