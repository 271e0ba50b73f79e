// SPDX-License-Identifier: MIT
#include "connection.h"
#include "tx.h"

#include <stdlib.h>
#include <string.h>

static void free_properties(struct properties *properties)
{
    for (size_t i = 0; i < properties->count; i++) {
        free(properties->items[i].name);
        free(properties->items[i].value);
    }
    free(properties->items);
}

static tide_result out_of_memory(const tide_host *host, tide_ctx *ctx)
{
    return host->fail(ctx, TIDE_FATAL, "out of memory");
}

static tide_result read_options(const tide_host *host, tide_ctx *ctx, struct properties *out)
{
    const tide_config *map = host->config(ctx, "options");
    uint32_t count = map ? host->config_len(map) : 0;
    out->items = calloc(count ? count : 1, sizeof *out->items);
    if (!out->items)
        return out_of_memory(host, ctx);
    for (uint32_t i = 0; i < count; i++) {
        const char *name = host->config_name(map, i);
        const char *value = host->config_text(host->config_item(map, i));
        if (!value)
            return host->fail(ctx, TIDE_FATAL, "options.%s: a plain value expected", name);
        struct property *item = &out->items[out->count++];
        item->name = strdup(name);
        item->value = strdup(value);
        if (!item->name || !item->value)
            return out_of_memory(host, ctx);
    }
    return TIDE_OK;
}

static const char *broker_at(const tide_host *host, const tide_config *list, uint32_t index)
{
    const char *one = host->config_text(list); // a scalar stands for a list of one
    return one ? one : host->config_text(host->config_item(list, index));
}

// `brokers` is a list; librdkafka wants commas.
static tide_result read_brokers(const tide_host *host, tide_ctx *ctx, char **out)
{
    const tide_config *list = host->config(ctx, "brokers");
    uint32_t count = list ? host->config_len(list) : 0;
    if (list && host->config_text(list))
        count = 1;
    size_t size = 1;
    for (uint32_t i = 0; i < count; i++)
        size += strlen(broker_at(host, list, i)) + 1;
    char *at = *out = calloc(size, 1);
    if (!at)
        return out_of_memory(host, ctx);
    for (uint32_t i = 0; i < count; i++) {
        const char *broker = broker_at(host, list, i);
        if (i)
            *at++ = ',';
        memcpy(at, broker, strlen(broker));
        at += strlen(broker);
    }
    return **out ? TIDE_OK
                 : host->fail(ctx, TIDE_FATAL, "brokers: \"host:port\" expected, nothing given");
}

static struct topic_wish read_wish(const tide_host *host, tide_ctx *ctx)
{
    struct topic_wish wish = {0, -1}; // -1: as the broker is set
    if (host->opt_given(ctx, "create.partitions"))
        wish.partitions = (int)host->opt_int(ctx, "create.partitions");
    if (host->opt_given(ctx, "create.replication"))
        wish.replication = (int)host->opt_int(ctx, "create.replication");
    return wish;
}

struct topic_wish connection_wish(const struct connection *connection, const tide_host *host,
                                  tide_ctx *ctx)
{
    struct topic_wish own = read_wish(host, ctx);
    return own.partitions ? own : connection->create;
}

const char *connection_group(const struct connection *connection, const tide_host *host,
                             tide_ctx *ctx)
{
    return connection->group ? connection->group : host->pipeline(ctx);
}

static tide_result read_group(struct connection *connection)
{
    const char *group = connection->host->opt_text(connection->ctx, "group");
    if (group && !(connection->group = strdup(group)))
        return out_of_memory(connection->host, connection->ctx);
    return TIDE_OK;
}

static const char *const no_pairs[] = {NULL};

tide_result connection_open(const tide_host *host, tide_ctx *ctx, void **self)
{
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        return out_of_memory(host, ctx);
    *self = connection;
    connection->host = host;
    connection->ctx = ctx;
    tide_result result = read_brokers(host, ctx, &connection->brokers);
    if (result == TIDE_OK)
        result = read_group(connection);
    if (result == TIDE_OK)
        result = read_options(host, ctx, &connection->properties);
    if (result != TIDE_OK)
        return result;
    connection->create = read_wish(host, ctx);
    // What librdkafka refuses is told here, not by the first node.
    struct connection bare = {.brokers = connection->brokers};
    bare.properties = connection->properties;
    rd_kafka_conf_t *conf = NULL;
    result = connection_conf(&bare, host, ctx, no_pairs, no_pairs, &conf);
    if (conf)
        rd_kafka_conf_destroy(conf);
    return result;
}

void connection_close(void *self)
{
    struct connection *connection = self;
    tx_free(connection->tx);
    free(connection->group);
    free_properties(&connection->properties);
    free(connection->brokers);
    free(connection);
}

tide_result connection_of(const tide_host *host, tide_ctx *ctx, struct connection **out)
{
    *out = host->connection(ctx);
    if (*out && host->opt_given(ctx, "brokers"))
        return host->fail(ctx, TIDE_FATAL, "brokers: the connection has them already");
    if (*out)
        return TIDE_OK;
    if (!host->opt_given(ctx, "brokers"))
        return host->fail(ctx, TIDE_FATAL, "connection or brokers must be given");
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        return out_of_memory(host, ctx);
    connection->private = 1;
    *out = connection;
    return read_brokers(host, ctx, &connection->brokers);
}

void connection_release(struct connection *connection)
{
    if (connection && connection->private)
        connection_close(connection);
}

static tide_result set(const tide_host *host, tide_ctx *ctx, rd_kafka_conf_t *conf,
                       const char *name, const char *value)
{
    char why[512];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) == RD_KAFKA_CONF_OK)
        return TIDE_OK;
    return host->fail(ctx, TIDE_FATAL, "options.%s: %s", name, why);
}

static tide_result set_pairs(const tide_host *host, tide_ctx *ctx, rd_kafka_conf_t *conf,
                             const char *const *pairs)
{
    tide_result result = TIDE_OK;
    for (; *pairs && result == TIDE_OK; pairs += 2)
        result = set(host, ctx, conf, pairs[0], pairs[1]);
    return result;
}

static int names(const char *const *pairs, const char *name)
{
    for (; *pairs; pairs += 2)
        if (strcmp(*pairs, name) == 0)
            return 1;
    return 0;
}

static tide_result set_properties(const tide_host *host, tide_ctx *ctx, rd_kafka_conf_t *conf,
                                  const struct properties *properties, const char *const *fixed)
{
    for (size_t i = 0; i < properties->count; i++) {
        const struct property *item = &properties->items[i];
        if (names(fixed, item->name) || strcmp(item->name, "bootstrap.servers") == 0 ||
            strcmp(item->name, "metadata.broker.list") == 0)
            return host->fail(ctx, TIDE_FATAL,
                              "options.%s: the runtime sets this one itself; see the options "
                              "of the node",
                              item->name);
        tide_result result = set(host, ctx, conf, item->name, item->value);
        if (result != TIDE_OK)
            return result;
    }
    return TIDE_OK;
}

tide_result connection_conf(const struct connection *connection, const tide_host *host,
                            tide_ctx *ctx, const char *const *defaults, const char *const *fixed,
                            rd_kafka_conf_t **out)
{
    struct properties own = {NULL, 0};
    rd_kafka_conf_t *conf = *out = rd_kafka_conf_new();
    tide_result result = set(host, ctx, conf, "bootstrap.servers", connection->brokers);
    if (result == TIDE_OK)
        result = set_pairs(host, ctx, conf, defaults);
    if (result == TIDE_OK)
        result = set_properties(host, ctx, conf, &connection->properties, fixed);
    if (result == TIDE_OK)
        result = read_options(host, ctx, &own);
    if (result == TIDE_OK)
        result = set_properties(host, ctx, conf, &own, fixed);
    if (result == TIDE_OK)
        result = set_pairs(host, ctx, conf, fixed);
    free_properties(&own);
    return result;
}
