// SPDX-License-Identifier: MIT
#include "tool.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Bytes as a JSON string; what is no ASCII text is written as \u00XX, byte by byte.
static void put_text(const void *bytes, size_t len)
{
    const unsigned char *text = bytes;
    putchar('"');
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '"' || text[i] == '\\')
            printf("\\%c", text[i]);
        else if (text[i] < 0x20 || text[i] >= 0x7f)
            printf("\\u%04x", text[i]);
        else
            putchar(text[i]);
    }
    putchar('"');
}

static void put_bytes(const char *name, const void *bytes, size_t len)
{
    printf(",\"%s\":", name);
    if (bytes)
        put_text(bytes, len);
    else
        fputs("null", stdout);
}

static void put_headers(const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers;
    fputs(",\"headers\":[", stdout);
    if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        const char *name;
        const void *value;
        size_t size;
        for (size_t i = 0; !rd_kafka_header_get_all(headers, i, &name, &value, &size); i++) {
            fputs(i ? ",[" : "[", stdout);
            put_text(name, strlen(name));
            putchar(',');
            if (value)
                put_text(value, size);
            else
                fputs("null", stdout);
            putchar(']');
        }
    }
    putchar(']');
}

static void print(const rd_kafka_message_t *message)
{
    rd_kafka_timestamp_type_t type;
    int64_t time_ms = rd_kafka_message_timestamp(message, &type);
    printf("{\"partition\":%d,\"offset\":%" PRId64 ",\"time\":%" PRId64, message->partition,
           message->offset, time_ms);
    put_bytes("key", message->key, message->key_len);
    put_bytes("value", message->payload, message->len);
    put_headers(message);
    puts("}");
}

static void skip(const rd_kafka_message_t *message)
{
    (void)message;
}

static rd_kafka_t *open_consumer(int argc, char **argv)
{
    rd_kafka_conf_t *conf = tool_conf();
    tool_set(conf, "group.id", "kafka_tool");
    tool_set(conf, "enable.auto.commit", "false");
    tool_set(conf, "enable.partition.eof", "true");
    tool_set(conf, "isolation.level", "read_committed");
    tool_set(conf, "fetch.wait.max.ms", "50");
    int option;
    while ((option = getopt(argc, argv, "uo:")) != -1) {
        char *sign = option == 'o' ? strchr(optarg, '=') : NULL;
        if (option == 'u') {
            tool_set(conf, "isolation.level", "read_uncommitted");
        } else if (sign) {
            *sign = '\0';
            tool_set(conf, optarg, sign + 1);
        } else {
            tool_die("-u, -o name=value");
        }
    }
    rd_kafka_t *rk = tool_handle(RD_KAFKA_CONSUMER, conf);
    rd_kafka_poll_set_consumer(rk);
    return rk;
}

// Every record of the topic until each partition's end; returns how many.
static int64_t walk(rd_kafka_t *rk, const char *topic, void (*visit)(const rd_kafka_message_t *))
{
    int partitions = tool_partitions(rk, topic);
    if (partitions == 0)
        tool_die("%s: no such topic", topic);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    for (int p = 0; p < partitions; p++)
        rd_kafka_topic_partition_list_add(list, topic, p)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_assign(rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    int64_t count = 0;
    for (int open = partitions; open > 0;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(rk, TOOL_DEADLINE_MS);
        if (!message)
            tool_die("%s: nothing came for %d s", topic, TOOL_DEADLINE_MS / 1000);
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            open--;
        } else if (message->err) {
            tool_die("%s: %s", topic, rd_kafka_message_errstr(message));
        } else {
            visit(message);
            count++;
        }
        rd_kafka_message_destroy(message);
    }
    return count;
}

static int64_t run(int argc, char **argv, void (*visit)(const rd_kafka_message_t *))
{
    rd_kafka_t *rk = open_consumer(argc, argv);
    int64_t count = walk(rk, argv[0], visit);
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    return count;
}

int tool_consume(int argc, char **argv)
{
    run(argc, argv, print);
    return 0;
}

int tool_count(int argc, char **argv)
{
    printf("%" PRId64 "\n", run(argc, argv, skip));
    return 0;
}
