// SPDX-License-Identifier: MIT
#include "tool.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *brokers;

void tool_die(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fputs("kafka_tool: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

void tool_set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[512];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK)
        tool_die("%s", why);
}

rd_kafka_conf_t *tool_conf(void)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    tool_set(conf, "bootstrap.servers", brokers);
    tool_set(conf, "topic.metadata.refresh.interval.ms", "1000");
    return conf;
}

rd_kafka_t *tool_handle(rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
    char why[512];
    rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof why);
    if (!rk)
        tool_die("%s", why);
    return rk;
}

int tool_partitions(rd_kafka_t *rk, const char *topic)
{
    rd_kafka_topic_t *handle = rd_kafka_topic_new(rk, topic, NULL);
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t err = rd_kafka_metadata(rk, 0, handle, &metadata, TOOL_DEADLINE_MS);
    if (err)
        tool_die("metadata of %s: %s", topic, rd_kafka_err2str(err));
    int count = metadata->topic_cnt == 1 ? metadata->topics[0].partition_cnt : 0;
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(handle);
    return count;
}

static const char usage[] =
    "kafka_tool -b BROKERS COMMAND TOPIC ...   (-b: or KAFKA_BROKERS in the environment)\n"
    "  create TOPIC PARTITIONS [name=value...]\n"
    "  delete TOPIC\n"
    "  describe TOPIC               partition, low and high watermark, a line each\n"
    "  committed TOPIC GROUP        partition, committed offset or -, a line each\n"
    "  produce TOPIC [OPTION...]    key<TAB>value lines from standard input or a file; a line\n"
    "                               without a tab is a tombstone, an empty key is none\n"
    "    -f FILE  -n COUNT -s BYTES (generated readings)  -p PARTITION  -t TIME_MS  -H name=value\n"
    "    -T ID [-A]  in one transaction (-A: aborted)  -o name=value (librdkafka)\n"
    "  consume TOPIC [OPTION...]    committed records until the end, a JSON object a line\n"
    "  count TOPIC [OPTION...]      how many\n"
    "    -u  uncommitted ones as well  -o name=value\n";

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"create", tool_create},       {"delete", tool_delete},   {"describe", tool_describe},
    {"committed", tool_committed}, {"produce", tool_produce}, {"consume", tool_consume},
    {"count", tool_count},
};

int main(int argc, char **argv)
{
    brokers = getenv("KAFKA_BROKERS");
    if (argc > 2 && strcmp(argv[1], "-b") == 0) {
        brokers = argv[2];
        argc -= 2;
        argv += 2;
    }
    if (argc < 3 || !brokers) {
        fputs(usage, stderr);
        return 2;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, argv[1]) == 0)
            return commands[i].run(argc - 2, argv + 2); // argv[0] of a command is the topic
    fputs(usage, stderr);
    return 2;
}
