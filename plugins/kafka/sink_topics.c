// SPDX-License-Identifier: MIT
#include "sink.h"

#include <stdlib.h>
#include <string.h>

// The topics that a sink writes to: one, or as many as its template makes. Partitions are counted
// anew every so often, because keys must go where other producers put them when some were added.

#define REFRESH_NS INT64_C(60000000000)

// The shared handle knows no partitioner of this sink.
static rd_kafka_topic_t *handle_of(struct sink *sink, const char *name)
{
    char why[256];
    rd_kafka_topic_conf_t *conf =
        sink->tx ? rd_kafka_default_topic_conf_dup(sink->client->rk) : NULL;
    if (conf)
        rd_kafka_topic_conf_set(conf, "partitioner", sink->partitioner, why, sizeof why);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(sink->client->rk, name, conf);
    if (!topic && conf)
        rd_kafka_topic_conf_destroy(conf);
    return topic;
}

struct sink_topic *sink_topic_get(struct sink *sink, const char *name, size_t len,
                                  rd_kafka_resp_err_t *err)
{
    *err = RD_KAFKA_RESP_ERR_NO_ERROR;
    for (struct sink_topic *topic = sink->topics; topic; topic = topic->next)
        if (strlen(topic->ask.name) == len && !memcmp(topic->ask.name, name, len))
            return topic;
    struct sink_topic *topic = calloc(1, sizeof *topic);
    char *copy = strndup(name, len);
    if (!topic || !copy)
        *err = RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE;
    else if (!(topic->rkt = handle_of(sink, copy)))
        *err = rd_kafka_last_error();
    if (!topic || !copy || !topic->rkt) {
        free(topic);
        free(copy);
        return NULL;
    }
    topic_ask_init(&topic->ask, copy, sink->create);
    topic->next = sink->topics;
    return sink->topics = topic;
}

static tide_result make_chains(struct sink *sink, struct sink_topic *topic)
{
    int count = sink->choose ? topic->ask.partitions : 1;
    if (count == topic->counted)
        return TIDE_OK;
    struct chain *chains = malloc((size_t)count * sizeof *chains);
    if (!chains)
        return sink->host->fail(sink->ctx, TIDE_FATAL, "out of memory");
    for (int i = 0; i < count; i++)
        chains[i] = (struct chain){-1, -1};
    free(topic->chains);
    topic->chains = chains;
    topic->counted = count;
    return TIDE_OK;
}

// Asks in passing; until the answer is here the old count stands.
static tide_result refresh(struct sink *sink, struct sink_topic *topic, int64_t now)
{
    if (topic->counted == 0 || now < topic->refresh_ns || !scout_done(sink->scout, &topic->ask.ask))
        return TIDE_OK;
    tide_result result = TIDE_OK;
    if (topic->ask.partitions > 0) // 0: the cluster was not to be reached
        result = make_chains(sink, topic);
    if (topic->asked_again) // that was the answer: now rest
        topic->refresh_ns = now + REFRESH_NS;
    else
        scout_ask_quietly(sink->scout, &topic->ask.ask);
    topic->asked_again = !topic->asked_again;
    return result;
}

tide_result sink_topics_refresh(struct sink *sink)
{
    int64_t now = sink->host->mono_ns(sink->ctx);
    tide_result result = TIDE_OK;
    for (struct sink_topic *topic = sink->topics; topic && result == TIDE_OK; topic = topic->next)
        result = refresh(sink, topic, now);
    return result;
}

tide_result sink_topic_ready(struct sink *sink, struct sink_topic *topic)
{
    if (topic->counted)
        return TIDE_OK;
    tide_result result = topic_look(&topic->ask, sink->scout, sink->client);
    if (result != TIDE_OK)
        return result;
    topic->refresh_ns = sink->host->mono_ns(sink->ctx) + REFRESH_NS;
    return make_chains(sink, topic);
}

void sink_topics_free(struct sink *sink)
{
    while (sink->topics) {
        struct sink_topic *topic = sink->topics;
        sink->topics = topic->next;
        rd_kafka_topic_destroy(topic->rkt);
        free((char *)(uintptr_t)topic->ask.name);
        free(topic->chains);
        free(topic);
    }
}
