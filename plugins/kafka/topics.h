// SPDX-License-Identifier: MIT
#pragma once
#include "connection.h"
#include "scout.h"

// Is the topic there? What source and sink ask before they use one: how many partitions it has;
// missing ones are made when `create` says so, and waited for otherwise, but not for long, because
// another node may be about to make it.

#define TOPIC_GRACE_NS INT64_C(5000000000)

struct topic_ask {
    struct ask ask;   // first
    const char *name; // borrowed, lives as long
    struct topic_wish create;
    int compacted;            // is made with cleanup.policy=compact
    int partitions;           // the answer; 0: not yet known to be there
    int64_t missing_since_ns; // 0: not missing
    int64_t ask_again_ns;
};

void topic_ask_init(struct topic_ask *topic, const char *name, struct topic_wish create);

// OK: it is there, with topic->partitions. AGAIN: not yet known (asks, says what is wrong, and
// sets the host's wait_until). FATAL: it is not there, or cannot be made.
tide_result topic_look(struct topic_ask *topic, struct scout *scout, struct client *client);

int topic_is_missing(rd_kafka_resp_err_t err);
int topic_error_passes(rd_kafka_resp_err_t err); // asking again may help
