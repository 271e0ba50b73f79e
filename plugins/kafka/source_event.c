// SPDX-License-Identifier: MIT
#include "source.h"

#include <stdio.h>

// What comes in the queue and is no record: ends of partitions, and troubles. Passing ones are
// told and left to librdkafka; the others stop the pipeline at the next step.

static void end_partition(struct source *source, const rd_kafka_message_t *message)
{
    struct partition *partition =
        message->rkt ? partitions_of(&source->partitions, message->rkt, message->partition) : NULL;
    // The end that is met after the start lies at or behind the end that was seen at the start,
    // however many control records there are in between.
    if (source->bounded && partition && partition->state == PARTITION_ACTIVE)
        partition->at_end = 1;
}

static int is_final(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
           err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE ||
           err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
           err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
           err == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID ||
           err == RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE;
}

void queue_event(struct source *source, const rd_kafka_message_t *message)
{
    rd_kafka_resp_err_t err = message->err;
    if (err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        end_partition(source, message);
        return;
    }
    const char *topic = message->rkt ? rd_kafka_topic_name(message->rkt) : "";
    const char *text = rd_kafka_message_errstr(message);
    int unknown = err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
                  err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
                  err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
    if (unknown && !source->recheck)
        source->recheck = 1;
    source->fenced |= err == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
    if (is_final(err))
        snprintf(source->fatal, sizeof source->fatal, "%s/%d: %s", topic, message->partition, text);
    else if (message->rkt)
        client_say(source->client, TIDE_LOG_WARN, "%s/%d: %s", topic, message->partition, text);
    else
        client_say(source->client, TIDE_LOG_WARN, "%s", text);
}
