// SPDX-License-Identifier: MIT
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support.h"
#include "support/unit.h"

// Quick checks without a broker, some against librdkafka's mock cluster. Proofs are made with the
// real one.

static const struct {
    const char *path, *value, *expected; // expected: a part of the reason
} bad_options[] = {
    {"options:no.such.property", "1", "no.such.property"},
    {"options:linger.ms", "soon", "linger.ms"},
    {"options:bootstrap.servers", "elsewhere:1", "bootstrap.servers"},
    {"brokers", NULL, "brokers"},
    {"topic", NULL, "topic"},
};

static void test_bad_options(void)
{
    for (size_t i = 0; i < sizeof bad_options / sizeof *bad_options; i++) {
        struct kafka_source source;
        struct kafka_sink sink;
        const char *brokers = "127.0.0.1:1", *path = bad_options[i].path;
        kafka_source_init(&source, strcmp(path, "brokers") ? brokers : NULL,
                          strcmp(path, "topic") ? "t" : NULL);
        kafka_sink_init(&sink, strcmp(path, "brokers") ? brokers : NULL,
                        strcmp(path, "topic") ? "t" : NULL);
        if (bad_options[i].value) {
            fake_set(&source.host, path, bad_options[i].value);
            fake_set(&sink.host, path, bad_options[i].value);
        }
        CU_ASSERT_EQUAL(kafka_source_open(&source), TIDE_FATAL);
        CU_ASSERT_PTR_NOT_NULL(strstr(source.host.reason, bad_options[i].expected));
        CU_ASSERT_EQUAL(kafka_sink_open(&sink), TIDE_FATAL);
        CU_ASSERT_PTR_NOT_NULL(strstr(sink.host.reason, bad_options[i].expected));
        kafka_source_close(&source);
        kafka_sink_close(&sink);
    }
}

static void test_reserved_options(void)
{
    static const char *const names[] = {"options:group.id", "options:enable.auto.commit",
                                        "options:isolation.level"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct kafka_source source;
        kafka_source_init(&source, "127.0.0.1:1", "t");
        fake_set(&source.host, names[i], "true");
        CU_ASSERT_EQUAL(kafka_source_open(&source), TIDE_FATAL);
        CU_ASSERT_PTR_NOT_NULL(strstr(source.host.reason, names[i] + 8));
        kafka_source_close(&source);
    }
}

static void test_connection(void)
{
    const tide_plugin *plugin = fake_load(kafka_plugin_file());
    static const struct {
        const char *property;
        tide_result result;
    } cases[] = {{"options:socket.timeout.ms", TIDE_OK}, {"options:nonsense", TIDE_FATAL}};
    for (size_t i = 0; i < 2; i++) {
        struct fake_host host;
        fake_host_init(&host);
        fake_add(&host, "brokers", "127.0.0.1:1");
        fake_add(&host, "brokers", "127.0.0.1:2");
        fake_set(&host, cases[i].property, "5000");
        void *self = NULL;
        CU_ASSERT_EQUAL(plugin->connection->open(&host.table, fake_ctx(&host), &self),
                        cases[i].result);
        if (cases[i].result != TIDE_OK)
            CU_ASSERT_PTR_NOT_NULL(strstr(host.reason, "nonsense"));
        if (self)
            plugin->connection->close(self);
        fake_host_deinit(&host);
    }
}

// A node that names a connection needs no brokers of its own.
static void test_node_of_a_connection(void)
{
    const tide_plugin *plugin = fake_load(kafka_plugin_file());
    struct fake_host host;
    fake_host_init(&host);
    fake_add(&host, "brokers", "127.0.0.1:1");
    void *connection = NULL;
    CU_ASSERT_EQUAL_FATAL(plugin->connection->open(&host.table, fake_ctx(&host), &connection),
                          TIDE_OK);
    struct kafka_source source;
    kafka_source_init(&source, NULL, "t");
    source.host.connection = connection;
    CU_ASSERT_EQUAL(kafka_source_open(&source), TIDE_OK);
    CU_ASSERT_EQUAL(kafka_source_read(&source, 1, 50), TIDE_AGAIN);
    kafka_source_close(&source);
    plugin->connection->close(connection);
    fake_host_deinit(&host);
}

static rd_kafka_t *owner; // of the mock cluster

static rd_kafka_mock_cluster_t *new_cluster(int brokers)
{
    char why[256];
    owner = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof why);
    return rd_kafka_mock_cluster_new(owner, brokers);
}

static void free_cluster(rd_kafka_mock_cluster_t *cluster)
{
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(owner);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void write_numbers(const char *brokers, int count)
{
    struct kafka_sink sink;
    kafka_sink_init(&sink, brokers, "t");
    CU_ASSERT_EQUAL_FATAL(kafka_sink_open(&sink), TIDE_OK);
    for (int i = 0; i < count; i++) {
        char key[16];
        int len = snprintf(key, sizeof key, "%d", i);
        tide_record record = {.struct_size = sizeof record,
                              .time_ms = TIDE_NO_TIME,
                              .key = {key, (size_t)len},
                              .value = {key, (size_t)len}};
        fake_write(&sink.host, sink.plugin, sink.self, &record, 1);
    }
    CU_ASSERT_EQUAL(fake_flush(&sink.host, sink.plugin, sink.self, 20000), TIDE_OK);
    kafka_sink_close(&sink);
}

static void test_round_trip_over_three_brokers(void)
{
    rd_kafka_mock_cluster_t *cluster = new_cluster(3);
    rd_kafka_mock_topic_create(cluster, "t", 6, 1);
    const char *brokers = rd_kafka_mock_cluster_bootstraps(cluster);
    write_numbers(brokers, 600);

    struct kafka_source source;
    kafka_source_init(&source, brokers, "t");
    fake_set(&source.host, "assignment", "all");
    CU_ASSERT_EQUAL_FATAL(kafka_source_open(&source), TIDE_OK);
    CU_ASSERT_TRUE(kafka_source_read(&source, 600, 20000) >= 0);
    CU_ASSERT_EQUAL(source.host.message_count, 600);
    CU_ASSERT_EQUAL(source.host.split_count, 6);
    CU_ASSERT_TRUE(kafka_waits(&source.host, "", 0));
    int64_t begin = now_ms();
    kafka_source_close(&source);
    CU_ASSERT_TRUE(now_ms() - begin < 8000);
    free_cluster(cluster);
}

static size_t count_of(const struct fake_host *host, uint32_t split)
{
    size_t count = 0;
    for (size_t i = 0; i < host->message_count; i++)
        count += host->messages[i].split == split;
    return count;
}

// Each offset of a split once, in order.
static bool in_order(const struct fake_host *host)
{
    int64_t next[64] = {0};
    for (size_t i = 0; i < host->message_count; i++)
        if (host->messages[i].offset != next[host->messages[i].split]++)
            return false;
    return true;
}

// A split that is paused brings nothing new while others go on, and then all that it has, once.
static void test_pause(void)
{
    enum { COUNT = 3000, SPLITS = 3 };
    rd_kafka_mock_cluster_t *cluster = new_cluster(1);
    rd_kafka_mock_topic_create(cluster, "t", SPLITS, 1);
    const char *brokers = rd_kafka_mock_cluster_bootstraps(cluster);
    write_numbers(brokers, COUNT);
    struct kafka_source source;
    kafka_source_init(&source, brokers, "t");
    fake_set(&source.host, "assignment", "all");
    source.host.room = 50;
    CU_ASSERT_EQUAL_FATAL(kafka_source_open(&source), TIDE_OK);
    CU_ASSERT_TRUE(kafka_source_read(&source, 50, 20000) >= 0);
    uint32_t paused[] = {0, 1};
    CU_ASSERT_EQUAL(source.plugin->pause(source.self, paused, 2, 1), TIDE_OK);
    source.host.room = UINT32_MAX;
    kafka_source_read(&source, COUNT, 700); // less than all will come
    size_t before[] = {count_of(&source.host, 0), count_of(&source.host, 1)};
    CU_ASSERT(source.host.message_count < COUNT);
    write_numbers(brokers, COUNT);
    CU_ASSERT_TRUE(kafka_source_read(&source, 2 * COUNT, 700) >= 0);
    CU_ASSERT_EQUAL(count_of(&source.host, 0), before[0]);
    CU_ASSERT_EQUAL(count_of(&source.host, 1), before[1]);
    CU_ASSERT(count_of(&source.host, 2) > COUNT / SPLITS / 2);
    CU_ASSERT_EQUAL(source.plugin->pause(source.self, paused, 2, 0), TIDE_OK);
    CU_ASSERT_TRUE(kafka_source_read(&source, 2 * COUNT, 20000) >= 0);
    CU_ASSERT_EQUAL(source.host.message_count, 2 * COUNT);
    CU_ASSERT(in_order(&source.host));
    kafka_source_close(&source);
    free_cluster(cluster);
}

// Passing errors of the broker are retried: each record arrives once.
static void test_retries(void)
{
    rd_kafka_mock_cluster_t *cluster = new_cluster(1);
    rd_kafka_mock_topic_create(cluster, "t", 1, 1);
    const char *brokers = rd_kafka_mock_cluster_bootstraps(cluster);
    struct kafka_sink sink;
    kafka_sink_init(&sink, brokers, "t");
    fake_set(&sink.host, "options:retry.backoff.ms", "10");
    CU_ASSERT_EQUAL_FATAL(kafka_sink_open(&sink), TIDE_OK);
    rd_kafka_mock_push_request_errors(
        cluster, 0 /* Produce */, 3, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR__TRANSPORT);
    tide_record record = {
        .struct_size = sizeof record, .time_ms = TIDE_NO_TIME, .value = {"once", 4}};
    fake_write(&sink.host, sink.plugin, sink.self, &record, 1);
    CU_ASSERT_EQUAL(fake_flush(&sink.host, sink.plugin, sink.self, 30000), TIDE_OK);
    kafka_sink_close(&sink);
    struct kafka_source source;
    kafka_source_init(&source, brokers, "t");
    fake_set(&source.host, "assignment", "all");
    fake_set(&source.host, "until", "latest");
    CU_ASSERT_EQUAL_FATAL(kafka_source_open(&source), TIDE_OK);
    CU_ASSERT_EQUAL(kafka_source_read(&source, 2, 20000), TIDE_EOF);
    CU_ASSERT_EQUAL(source.host.message_count, 1);
    kafka_source_close(&source);
    free_cluster(cluster);
}

// As a node's state holds it when its type was another one before.
static void test_foreign_position(void)
{
    rd_kafka_mock_cluster_t *cluster = new_cluster(1);
    rd_kafka_mock_topic_create(cluster, "t", 1, 1);
    struct kafka_source source;
    kafka_source_init(&source, rd_kafka_mock_cluster_bootstraps(cluster), "t");
    fake_set(&source.host, "assignment", "all");
    fake_position(&source.host, "t/0", "abc", 3);
    CU_ASSERT_EQUAL_FATAL(kafka_source_open(&source), TIDE_OK);
    CU_ASSERT_EQUAL(kafka_source_read(&source, 1, 20000), TIDE_FATAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(source.host.reason, "t/0: a position of 3 bytes, 8"));
    kafka_source_close(&source);
    free_cluster(cluster);
}

static CU_TestInfo cases[] = {
    {"bad options", test_bad_options},
    {"reserved options", test_reserved_options},
    {"connection", test_connection},
    {"a node of a connection", test_node_of_a_connection},
    {"round trip over three brokers", test_round_trip_over_three_brokers},
    {"splits that are paused", test_pause},
    {"retries", test_retries},
    {"a position of another plugin", test_foreign_position},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("kafka mock", cases))
