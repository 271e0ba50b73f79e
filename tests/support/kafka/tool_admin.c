// SPDX-License-Identifier: MIT
#include "tool.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check_result(const rd_kafka_topic_result_t **results, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (rd_kafka_topic_result_error(results[i]))
            tool_die("%s: %s", rd_kafka_topic_result_name(results[i]),
                     rd_kafka_topic_result_error_string(results[i]));
}

static rd_kafka_event_t *await(rd_kafka_queue_t *queue)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, TOOL_DEADLINE_MS);
    if (!event)
        tool_die("no answer");
    if (rd_kafka_event_error(event))
        tool_die("%s", rd_kafka_event_error_string(event));
    return event;
}

// The topic is there (or gone) for clients only when the node has heard of it.
static void await_partitions(rd_kafka_t *rk, const char *topic, int count)
{
    for (int tries = 0; tool_partitions(rk, topic) != count; tries++) {
        if (tries > 300)
            tool_die("%s: not %d partitions in time", topic, count);
        rd_kafka_poll(rk, 100);
    }
}

static void set_topic(rd_kafka_NewTopic_t *topic, char *pair)
{
    char *sign = strchr(pair, '=');
    if (!sign)
        tool_die("%s: name=value expected", pair);
    *sign = '\0';
    rd_kafka_NewTopic_set_config(topic, pair, sign + 1);
}

int tool_create(int argc, char **argv)
{
    if (argc < 2)
        tool_die("create TOPIC PARTITIONS");
    char why[512];
    int partitions = atoi(argv[1]);
    rd_kafka_t *rk = tool_handle(RD_KAFKA_PRODUCER, tool_conf());
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(argv[0], partitions, 1, why, sizeof why);
    if (!topic)
        tool_die("%s", why);
    for (int i = 2; i < argc; i++)
        set_topic(topic, argv[i]);
    rd_kafka_CreateTopics(rk, &topic, 1, NULL, queue);
    rd_kafka_event_t *event = await(queue);
    size_t count;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    check_result(results, count);
    rd_kafka_event_destroy(event);
    await_partitions(rk, argv[0], partitions);
    rd_kafka_NewTopic_destroy(topic);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(rk);
    return 0;
}

int tool_delete(int argc, char **argv)
{
    (void)argc;
    rd_kafka_t *rk = tool_handle(RD_KAFKA_PRODUCER, tool_conf());
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(argv[0]);
    rd_kafka_DeleteTopics(rk, &topic, 1, NULL, queue);
    rd_kafka_event_t *event = await(queue);
    size_t count;
    const rd_kafka_topic_result_t **results =
        rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count);
    check_result(results, count);
    rd_kafka_event_destroy(event);
    await_partitions(rk, argv[0], 0);
    rd_kafka_DeleteTopic_destroy(topic);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(rk);
    return 0;
}

int tool_describe(int argc, char **argv)
{
    (void)argc;
    rd_kafka_t *rk = tool_handle(RD_KAFKA_CONSUMER, tool_conf());
    int count = tool_partitions(rk, argv[0]);
    if (count == 0)
        tool_die("%s: no such topic", argv[0]);
    for (int p = 0; p < count; p++) {
        int64_t low, high;
        rd_kafka_resp_err_t err =
            rd_kafka_query_watermark_offsets(rk, argv[0], p, &low, &high, TOOL_DEADLINE_MS);
        if (err)
            tool_die("%s/%d: %s", argv[0], p, rd_kafka_err2str(err));
        printf("%d %" PRId64 " %" PRId64 "\n", p, low, high);
    }
    rd_kafka_destroy(rk);
    return 0;
}

int tool_committed(int argc, char **argv)
{
    if (argc < 2)
        tool_die("committed TOPIC GROUP");
    rd_kafka_conf_t *conf = tool_conf();
    tool_set(conf, "group.id", argv[1]);
    rd_kafka_t *rk = tool_handle(RD_KAFKA_CONSUMER, conf);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add_range(list, argv[0], 0, tool_partitions(rk, argv[0]) - 1);
    rd_kafka_resp_err_t err = rd_kafka_committed(rk, list, TOOL_DEADLINE_MS);
    if (err)
        tool_die("committed: %s", rd_kafka_err2str(err));
    for (int i = 0; i < list->cnt; i++) {
        if (list->elems[i].offset >= 0)
            printf("%d %" PRId64 "\n", list->elems[i].partition, list->elems[i].offset);
        else
            printf("%d -\n", list->elems[i].partition);
    }
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(rk);
    return 0;
}
