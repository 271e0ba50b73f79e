// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"
#include "support/unit.h"

// The sink on the shared broker; read back by kafka_tool (counts, partitions) and by the source.

static tide_record plain(const char *key, const char *value)
{
    return (tide_record){.struct_size = sizeof(tide_record),
                         .offset = TIDE_NO_OFFSET,
                         .time_ms = TIDE_NO_TIME,
                         .key = {key, key ? strlen(key) : 0},
                         .value = {value, value ? strlen(value) : 0}};
}

static void read_back(struct kafka_source *source, const char *topic, size_t count)
{
    kafka_source_init(source, kafka_brokers(), topic);
    fake_set(&source->host, "until", "latest");
    fake_set(&source->host, "assignment", "all");
    CU_ASSERT_EQUAL_FATAL(kafka_source_open(source), TIDE_OK);
    CU_ASSERT_EQUAL(kafka_source_read(source, count + 1, 60000), TIDE_EOF);
    CU_ASSERT_EQUAL(source->host.message_count, count);
}

enum { ROUND_TRIP = 100000 };

static void write_many(struct kafka_sink *sink)
{
    static char text[1000][32];
    static tide_record records[1000];
    tide_header headers[] = {{"trace", {"abc", 3}}, {"none", {NULL, 0}}, {"empty", {"", 0}}};
    for (int n = 0; n < ROUND_TRIP; n += 1000) {
        for (int i = 0; i < 1000; i++) {
            snprintf(text[i], sizeof text[i], "%d", n + i);
            records[i] = plain((n + i) % 7 ? text[i] : NULL, (n + i) % 5 ? text[i] : NULL);
            if ((n + i) % 3 == 0)
                records[i].time_ms = 1700000000000 + n + i;
            if ((n + i) % 4 == 0) {
                records[i].headers = headers;
                records[i].header_count = 3;
            }
        }
        if (fake_write(&sink->host, sink->plugin, sink->self, records, 1000) < 0)
            break;
    }
}

static int is_wrong(const struct fake_message *message, int *seen)
{
    // Tombstones without a key carry nothing; the others their number.
    const char *text = message->key.data ? message->key.data : message->value.data;
    if (!text)
        return 0;
    int n = atoi(text);
    if (n < 0 || n >= ROUND_TRIP || seen[n]++)
        return 1;
    int wrong = (message->key.data == NULL) != (n % 7 == 0);
    wrong += (message->value.data == NULL) != (n % 5 == 0);
    if (n % 3 == 0)
        wrong += message->time_ms != 1700000000000 + n;
    else
        wrong += message->time_ms < 1700000000000 + ROUND_TRIP;
    wrong += message->header_count != (n % 4 == 0 ? 3 : 0);
    if (message->header_count == 3) {
        wrong += strcmp(message->headers[0].value.data, "abc") != 0;
        wrong += message->headers[1].value.data != NULL;
        wrong += message->headers[2].value.data == NULL || message->headers[2].value.len != 0;
    }
    return wrong;
}

static void test_round_trip(void)
{
    char topic[64];
    snprintf(topic, sizeof topic, "%s", kafka_fresh_topic(4));
    struct kafka_sink sink;
    kafka_sink_init(&sink, kafka_brokers(), topic);
    CU_ASSERT_EQUAL_FATAL(kafka_sink_open(&sink), TIDE_OK);
    write_many(&sink);
    CU_ASSERT_EQUAL(fake_flush(&sink.host, sink.plugin, sink.self, 30000), TIDE_OK);
    kafka_sink_close(&sink);

    struct kafka_source source;
    read_back(&source, topic, ROUND_TRIP);
    int *seen = calloc(ROUND_TRIP, sizeof *seen), wrong = 0, last[4] = {-1, -1, -1, -1};
    for (size_t i = 0; i < source.host.message_count; i++) {
        const struct fake_message *message = &source.host.messages[i];
        wrong += is_wrong(message, seen);
        if (message->key.data) { // order within a partition
            wrong += atoi(message->key.data) <= last[message->split];
            last[message->split] = atoi(message->key.data);
        }
    }
    CU_ASSERT_EQUAL(wrong, 0);
    free(seen);
    kafka_source_close(&source);
}

// Our murmur2 against librdkafka's: kafka_tool lets its library choose.
static void test_partitions_as_others(void)
{
    char topics[2][64], command[256];
    for (int i = 0; i < 2; i++)
        snprintf(topics[i], sizeof topics[i], "%s", kafka_fresh_topic(7));
    snprintf(command, sizeof command, "produce %s -n 1000", topics[0]); // keys 0 to 999
    kafka_tool(command);
    struct kafka_sink sink;
    kafka_sink_init(&sink, kafka_brokers(), topics[1]);
    CU_ASSERT_EQUAL_FATAL(kafka_sink_open(&sink), TIDE_OK);
    for (int i = 0; i < 1000; i++) {
        char key[16];
        snprintf(key, sizeof key, "%d", i);
        tide_record record = plain(key, "v");
        fake_write(&sink.host, sink.plugin, sink.self, &record, 1);
    }
    CU_ASSERT_EQUAL(fake_flush(&sink.host, sink.plugin, sink.self, 30000), TIDE_OK);
    kafka_sink_close(&sink);

    int partition_of[2][1000];
    for (int t = 0; t < 2; t++) {
        struct kafka_source source;
        read_back(&source, topics[t], 1000);
        for (size_t i = 0; i < source.host.message_count; i++) {
            const struct fake_message *message = &source.host.messages[i];
            const char *name = source.host.splits[message->split].name.data;
            partition_of[t][atoi(message->key.data) % 1000] = atoi(strchr(name, '/') + 1);
        }
        kafka_source_close(&source);
    }
    CU_ASSERT_EQUAL(memcmp(partition_of[0], partition_of[1], sizeof partition_of[0]), 0);
}

// The queue of the library overflows in mid-batch: nothing is lost, doubled or reordered.
static void test_backpressure(void)
{
    char topic[64];
    snprintf(topic, sizeof topic, "%s", kafka_fresh_topic(1));
    struct kafka_sink sink;
    kafka_sink_init(&sink, kafka_brokers(), topic);
    fake_set(&sink.host, "options:queue.buffering.max.kbytes", "64");
    CU_ASSERT_EQUAL_FATAL(kafka_sink_open(&sink), TIDE_OK);
    static char values[500][1000];
    static tide_record records[500];
    for (int n = 0; n < 5000; n += 500) {
        for (int i = 0; i < 500; i++) {
            snprintf(values[i], sizeof values[i], "%0*d", 800, n + i);
            records[i] = plain(NULL, values[i]);
        }
        CU_ASSERT_TRUE(fake_write(&sink.host, sink.plugin, sink.self, records, 500) >= 0);
    }
    CU_ASSERT_EQUAL(fake_flush(&sink.host, sink.plugin, sink.self, 30000), TIDE_OK);
    kafka_sink_close(&sink);
    struct kafka_source source;
    read_back(&source, topic, 5000);
    int wrong = 0;
    for (size_t i = 0; i < source.host.message_count; i++)
        wrong += atoi(source.host.messages[i].value.data) != (int)i;
    CU_ASSERT_EQUAL(wrong, 0);
    kafka_source_close(&source);
}

static void test_too_large_is_refused(void)
{
    struct kafka_sink sink;
    kafka_sink_init(&sink, kafka_brokers(), kafka_fresh_topic(1));
    fake_set(&sink.host, "options:message.max.bytes", "2000");
    CU_ASSERT_EQUAL_FATAL(kafka_sink_open(&sink), TIDE_OK);
    static char large[5000];
    memset(large, 'x', sizeof large - 1);
    tide_record records[] = {plain("a", "1"), plain("b", large), plain("c", "3")};
    fake_write(&sink.host, sink.plugin, sink.self, records, 3);
    CU_ASSERT_EQUAL(sink.host.refused_count, 1);
    CU_ASSERT_EQUAL(fake_flush(&sink.host, sink.plugin, sink.self, 30000), TIDE_OK);
    kafka_sink_close(&sink);
}

// Only the broker knows this limit: the record was accepted, so its loss is an end, not a secret.
static void test_too_large_for_the_topic(void)
{
    char topic[64], command[256];
    snprintf(topic, sizeof topic, "%s-small", kafka_fresh_topic(1));
    snprintf(command, sizeof command, "create %s 1 max.message.bytes=1000", topic);
    kafka_tool(command);
    struct kafka_sink sink;
    kafka_sink_init(&sink, kafka_brokers(), topic);
    CU_ASSERT_EQUAL_FATAL(kafka_sink_open(&sink), TIDE_OK);
    static char large[5000];
    memset(large, 'x', sizeof large - 1);
    tide_record record = plain("b", large);
    fake_write(&sink.host, sink.plugin, sink.self, &record, 1);
    CU_ASSERT_EQUAL(fake_flush(&sink.host, sink.plugin, sink.self, 30000), TIDE_FATAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(sink.host.reason, topic));
    kafka_sink_close(&sink);
}

static void test_creates_topics_of_a_template(void)
{
    char prefix[64], topic[80];
    snprintf(prefix, sizeof prefix, "%s-{site}", kafka_fresh_topic(1));
    struct kafka_sink sink;
    kafka_sink_init(&sink, kafka_brokers(), prefix);
    fake_set(&sink.host, "create.partitions", "3");
    fake_set(&sink.host, "create.replication", "1");
    CU_ASSERT_EQUAL_FATAL(kafka_sink_open(&sink), TIDE_OK);
    tide_header sites[2] = {{"site", {"north", 5}}, {"site", {"south", 5}}};
    tide_record records[40];
    for (int i = 0; i < 40; i++) {
        records[i] = plain("k", "v");
        records[i].headers = i < 39 ? &sites[i % 2] : NULL; // the last one has no site
        records[i].header_count = i < 39;
    }
    CU_ASSERT_TRUE(fake_write(&sink.host, sink.plugin, sink.self, records, 40) >= 0);
    CU_ASSERT_EQUAL(sink.host.refused_count, 1);
    CU_ASSERT_EQUAL(fake_flush(&sink.host, sink.plugin, sink.self, 30000), TIDE_OK);
    kafka_sink_close(&sink);
    prefix[strlen(prefix) - 6] = '\0';
    struct kafka_source source;
    snprintf(topic, sizeof topic, "%snorth", prefix);
    read_back(&source, topic, 20);
    CU_ASSERT_EQUAL(source.host.split_count, 3);
    kafka_source_close(&source);
}

// What the connection says holds for its nodes.
static void test_connection_creates(void)
{
    char topic[80];
    snprintf(topic, sizeof topic, "%s-new", kafka_fresh_topic(1));
    const tide_plugin *plugin = fake_load(kafka_plugin_file());
    struct fake_host host;
    fake_host_init(&host);
    fake_add(&host, "brokers", kafka_brokers());
    fake_set(&host, "create.partitions", "2");
    void *connection = NULL;
    CU_ASSERT_EQUAL_FATAL(plugin->connection->open(&host.table, fake_ctx(&host), &connection),
                          TIDE_OK);
    struct kafka_sink sink;
    kafka_sink_init(&sink, NULL, topic);
    sink.host.connection = connection;
    CU_ASSERT_EQUAL_FATAL(kafka_sink_open(&sink), TIDE_OK);
    tide_record record = plain("a", "1");
    CU_ASSERT_TRUE(fake_write(&sink.host, sink.plugin, sink.self, &record, 1) >= 0);
    CU_ASSERT_EQUAL(fake_flush(&sink.host, sink.plugin, sink.self, 30000), TIDE_OK);
    kafka_sink_close(&sink);
    plugin->connection->close(connection);
    fake_host_deinit(&host);
    struct kafka_source source;
    read_back(&source, topic, 1);
    CU_ASSERT_EQUAL(source.host.split_count, 2);
    kafka_source_close(&source);
}

static void test_unknown_topic(void)
{
    struct kafka_sink sink;
    kafka_sink_init(&sink, kafka_brokers(), "no-such-topic");
    CU_ASSERT_EQUAL_FATAL(kafka_sink_open(&sink), TIDE_OK);
    tide_record record = plain("a", "1");
    CU_ASSERT_EQUAL(fake_write(&sink.host, sink.plugin, sink.self, &record, 1), TIDE_FATAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(sink.host.reason, "no-such-topic"));
    kafka_sink_close(&sink);
}

static CU_TestInfo cases[] = {
    {"round trip", test_round_trip},
    {"partitions as others", test_partitions_as_others},
    {"backpressure", test_backpressure},
    {"too large is refused", test_too_large_is_refused},
    {"too large for the topic", test_too_large_for_the_topic},
    {"creates topics of a template", test_creates_topics_of_a_template},
    {"a connection creates", test_connection_creates},
    {"unknown topic", test_unknown_topic},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("kafka sink", cases))
