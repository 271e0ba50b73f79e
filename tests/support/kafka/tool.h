// SPDX-License-Identifier: MIT
#pragma once
#include <librdkafka/rdkafka.h>

// kafka_tool: what tests need of a Kafka cluster, by librdkafka alone. Independent of the plugin
// under test: what one writes, the other reads. Each command returns the exit status.

#define TOOL_DEADLINE_MS 30000

// Never returns: says why on standard error, exit status 1.
void tool_die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
void tool_set(rd_kafka_conf_t *conf, const char *name, const char *value);
// A configuration that knows the brokers.
rd_kafka_conf_t *tool_conf(void);
rd_kafka_t *tool_handle(rd_kafka_type_t type, rd_kafka_conf_t *conf); // takes conf
// The number of partitions of a topic; 0: there is no such topic.
int tool_partitions(rd_kafka_t *rk, const char *topic);

int tool_create(int argc, char **argv);    // TOPIC PARTITIONS [name=value...]
int tool_delete(int argc, char **argv);    // TOPIC
int tool_describe(int argc, char **argv);  // TOPIC
int tool_committed(int argc, char **argv); // TOPIC GROUP
int tool_produce(int argc, char **argv);   // TOPIC [options]
int tool_consume(int argc, char **argv);   // TOPIC [options]
int tool_count(int argc, char **argv);     // TOPIC [options]
