// SPDX-License-Identifier: MIT
#pragma once
#include <librdkafka/rdkafka.h>

#include "client.h"

// A scout is a thread that asks the cluster what a node must not wait for: librdkafka has no
// asynchronous calls for committed offsets, watermarks and metadata. A question is a struct that
// begins with `struct ask` and stays where it is until it is answered or the scout is freed. `run`
// is called once per scout_ask on the scout's thread, blocks for SCOUT_TIMEOUT_MS at most and
// leaves its answer in the struct; the node is woken by host->wake then. To ask again after a
// failure (and how soon) is the node's business.
//
// It also knows whether the cluster can be reached at all: until something was answered, and after
// all brokers went away, the node counts as waiting for that (host->waits_for), and the scout asks
// for any answer whenever it has nothing else to do.

#define SCOUT_TIMEOUT_MS 1000

struct ask {
    void (*run)(struct ask *ask, rd_kafka_t *rk);
    rd_kafka_resp_err_t err; // the answer: 0, or why there is none
    char why[256];
    struct ask *next; // the scout's; under its lock:
    int asked;        // waits or runs
};

struct scout;

// NULL: no memory or no thread. `quiet` questions do not wake the node.
struct scout *scout_new(struct client *client);
void scout_free(struct scout *scout); // waits for the running question
void scout_ask(struct scout *scout, struct ask *ask);
// As scout_ask, but the node is not woken.
void scout_ask_quietly(struct scout *scout, struct ask *ask);
// All brokers are away: from now on the node waits for one, as `why` says.
void scout_lost(struct scout *scout, const char *why);
// 1: not asked, or answered.
int scout_done(struct scout *scout, const struct ask *ask);
