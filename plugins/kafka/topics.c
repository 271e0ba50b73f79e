// SPDX-License-Identifier: MIT
#include "topics.h"

#include <stdio.h>
#include <string.h>

#define ASK_EVERY_NS INT64_C(200000000)
#define QUIET_NS INT64_C(1000000000)

static rd_kafka_resp_err_t answer(struct ask *ask, rd_kafka_resp_err_t err, const char *why)
{
    snprintf(ask->why, sizeof ask->why, "%s", why);
    return ask->err = err;
}

// The number of partitions, or 0 with the reason in `ask`.
static int count_partitions(struct topic_ask *topic, rd_kafka_t *rk)
{
    rd_kafka_topic_t *handle = rd_kafka_topic_new(rk, topic->name, NULL);
    if (!handle) {
        rd_kafka_resp_err_t err = rd_kafka_last_error();
        answer(&topic->ask, err, rd_kafka_err2str(err));
        return 0;
    }
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t err = rd_kafka_metadata(rk, 0, handle, &metadata, SCOUT_TIMEOUT_MS);
    int count = 0;
    if (!err && metadata->topic_cnt == 1) {
        err = metadata->topics[0].err;
        count = err ? 0 : metadata->topics[0].partition_cnt;
    }
    if (metadata)
        rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(handle);
    answer(&topic->ask, err, rd_kafka_err2str(err));
    return count;
}

static void read_creation(struct topic_ask *topic, rd_kafka_event_t *event)
{
    if (!event) {
        answer(&topic->ask, RD_KAFKA_RESP_ERR__TIMED_OUT, "no answer to the topic's creation");
        return;
    }
    size_t count = 0;
    const rd_kafka_topic_result_t **results = NULL;
    rd_kafka_resp_err_t err = rd_kafka_event_error(event);
    const char *why = rd_kafka_event_error_string(event);
    if (!err)
        results =
            rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    if (count == 1 && rd_kafka_topic_result_error(results[0])) {
        err = rd_kafka_topic_result_error(results[0]);
        why = rd_kafka_topic_result_error_string(results[0]);
    }
    if (err == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
        err = RD_KAFKA_RESP_ERR_NO_ERROR;
    answer(&topic->ask, err, why ? why : rd_kafka_err2str(err));
}

static void create(struct topic_ask *topic, rd_kafka_t *rk)
{
    char why[256];
    rd_kafka_NewTopic_t *fresh = rd_kafka_NewTopic_new(topic->name, topic->create.partitions,
                                                       topic->create.replication, why, sizeof why);
    if (!fresh) {
        answer(&topic->ask, RD_KAFKA_RESP_ERR__INVALID_ARG, why);
        return;
    }
    if (topic->compacted)
        rd_kafka_NewTopic_set_config(fresh, "cleanup.policy", "compact");
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_AdminOptions_set_request_timeout(options, SCOUT_TIMEOUT_MS, why, sizeof why);
    rd_kafka_CreateTopics(rk, &fresh, 1, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, SCOUT_TIMEOUT_MS * 2);
    read_creation(topic, event);
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(fresh);
}

int topic_is_missing(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
           err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
}

static void run(struct ask *ask, rd_kafka_t *rk)
{
    struct topic_ask *topic = (struct topic_ask *)ask;
    topic->partitions = count_partitions(topic, rk);
    if (topic->partitions || !topic_is_missing(ask->err) || !topic->create.partitions)
        return;
    create(topic, rk);
    if (!ask->err && !(topic->partitions = count_partitions(topic, rk)) && !ask->err)
        answer(ask, RD_KAFKA_RESP_ERR__TIMED_OUT, "made, but not yet known to the broker");
}

void topic_ask_init(struct topic_ask *topic, const char *name, struct topic_wish create_it)
{
    *topic = (struct topic_ask){.ask = {.run = run}, .name = name, .create = create_it};
}

int topic_error_passes(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR__TIMED_OUT || err == RD_KAFKA_RESP_ERR__TRANSPORT ||
           err == RD_KAFKA_RESP_ERR__WAIT_COORD || err == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
           err == RD_KAFKA_RESP_ERR_NOT_CONTROLLER || err == RD_KAFKA_RESP_ERR__RESOLVE ||
           err == RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT ||
           err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ||
           err == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS;
}

// That it is missing is said late only: another node may be about to make it.
static void say(struct topic_ask *topic, struct client *client, int64_t now)
{
    if (topic->ask.err &&
        (!topic_is_missing(topic->ask.err) || now - topic->missing_since_ns >= QUIET_NS))
        client_say(client, TIDE_LOG_WARN, "topic \"%s\": %s; waiting", topic->name, topic->ask.why);
}

static tide_result ask_again(struct topic_ask *topic, struct scout *scout, struct client *client,
                             int64_t now)
{
    if (now >= topic->ask_again_ns) {
        say(topic, client, now);
        topic->ask_again_ns = now + ASK_EVERY_NS;
        topic->ask.err = RD_KAFKA_RESP_ERR_NO_ERROR;
        scout_ask(scout, &topic->ask);
        return TIDE_AGAIN;
    }
    client->host->wait_until(client->ctx, topic->ask_again_ns);
    return TIDE_AGAIN;
}

tide_result topic_look(struct topic_ask *topic, struct scout *scout, struct client *client)
{
    if (!scout_done(scout, &topic->ask))
        return TIDE_AGAIN;
    if (topic->partitions)
        return TIDE_OK;
    int64_t now = client->host->mono_ns(client->ctx);
    rd_kafka_resp_err_t err = topic->ask.err;
    if (!topic_is_missing(err))
        topic->missing_since_ns = 0;
    else if (!topic->missing_since_ns)
        topic->missing_since_ns = now;
    if (topic_is_missing(err) && now - topic->missing_since_ns >= TOPIC_GRACE_NS)
        return client->host->fail(client->ctx, TIDE_FATAL,
                                  "topic \"%s\" does not exist; create it, or say create: "
                                  "{ partitions: N }",
                                  topic->name);
    if (err && !topic_is_missing(err) && !topic_error_passes(err))
        return client->host->fail(client->ctx, TIDE_FATAL, "topic \"%s\": %s", topic->name,
                                  topic->ask.why);
    return ask_again(topic, scout, client, now);
}
