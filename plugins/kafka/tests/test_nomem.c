// SPDX-License-Identifier: MIT
#define TEST_OPENS_MORE
#include "support/nomem_test.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

// A connection, a sink and a source on the cluster that librdkafka mocks within the process: what
// is written is read, to the end that the topic has at the start, and its position is taken.

static rd_kafka_t *home; // of the cluster
static rd_kafka_mock_cluster_t *cluster;

static int begin(void)
{
    char why[200];
    home = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof why);
    cluster = home ? rd_kafka_mock_cluster_new(home, 1) : NULL;
    return cluster ? 0 : 1;
}

static int end(void)
{
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(home);
    return 0;
}

enum { RECORDS = 5 };

static tide_result write_all(struct subject *s, const char *topic)
{
    tide_result result = sink_open(s);
    for (int i = 0; i < RECORDS && result >= 0; i++) {
        char text[16];
        int len = snprintf(text, sizeof text, "%d", i);
        tide_header header = {"trace", FAKE_BYTES("abc")};
        tide_record record = {.struct_size = sizeof record,
                              .time_ms = TIDE_NO_TIME,
                              .key = {topic, strlen(topic)},
                              .value = {text, (size_t)len},
                              .headers = &header,
                              .header_count = i & 1};
        result = fake_write(&s->host, s->plugin->sink, s->self, &record, 1);
    }
    return result >= 0 ? fake_flush(&s->host, s->plugin->sink, s->self, 10000) : result;
}

static tide_result read_all(struct subject *s)
{
    tide_buf *position = fake_buf_new();
    tide_result result = source_open(s);
    if (result >= 0)
        result = fake_read_until(&s->host, s->plugin->source, s->self, RECORDS + 1, 10000);
    if (result >= 0) {
        CU_ASSERT_EQUAL(result, TIDE_EOF);
        CU_ASSERT_EQUAL(s->host.message_count, RECORDS);
        result = s->plugin->source->position(s->self, 0, position);
    }
    for (size_t i = 0; i < s->host.message_count; i++) {
        CU_ASSERT_EQUAL(atoi(s->host.messages[i].value.data), (int)i);
        CU_ASSERT_EQUAL(s->host.messages[i].header_count, (i & 1));
    }
    fake_release(&s->host);
    fake_buf_free(position);
    return result;
}

static tide_result open_connection(struct subject *s, const char *linger, const char *marker)
{
    nomem_subject(s);
    if (marker)
        fake_set(&s->host, "marker_topic", marker);
    fake_set(&s->host, "transaction_timeout", "60000");
    fake_set(&s->host, "commit_timeout", "10000");
    fake_add(&s->host, "brokers", rd_kafka_mock_cluster_bootstraps(cluster));
    fake_set(&s->host, "options:linger.ms", linger);
    return s->plugin->connection->open(&s->host.table, fake_ctx(&s->host), &s->self);
}

// With a connection, or (NULL) with brokers of its own.
static void join(struct subject *s, const struct subject *connection)
{
    nomem_subject(s);
    if (connection)
        s->host.connection = connection->self;
    else
        fake_add(&s->host, "brokers", rd_kafka_mock_cluster_bootstraps(cluster));
}

static tide_result use(const struct subject *connection, const char *topic, char why[1024])
{
    struct subject sink, source;
    join(&sink, connection);
    fake_set(&sink.host, "topic", connection ? "{key}" : topic);
    tide_result result = write_all(&sink, topic);
    CU_ASSERT_EQUAL(sink.host.refused_count, 0); // the records are good
    nomem_end(&sink.host, result, why);
    sink_close(&sink);
    if (result < 0)
        return result;
    join(&source, connection);
    fake_set(&source.host, "topic", topic);
    fake_set(&source.host, "start", "earliest");
    fake_set(&source.host, "until", "latest");
    fake_set(&source.host, "assignment", "all");
    result = read_all(&source);
    nomem_end(&source.host, result, why);
    source_close(&source);
    return result;
}

static const char *new_topic(void)
{
    static int number;
    static char topic[16];
    snprintf(topic, sizeof topic, "t%d", number++);
    if (rd_kafka_mock_topic_create(cluster, topic, 1, 1))
        abort();
    return topic;
}

static tide_result connected_life(char why[1024])
{
    struct subject connection;
    tide_result result = open_connection(&connection, "0", NULL);
    nomem_end(&connection.host, result, why);
    if (result >= 0)
        result = use(&connection, new_topic(), why);
    if (connection.self)
        connection.plugin->connection->close(connection.self);
    fake_host_deinit(&connection.host);
    return result;
}

// -- as the commit point --

static tide_result decided(struct subject *s, int look, const char *expected)
{
    tide_buf *mark = fake_buf_new();
    tide_result result;
    while ((result = s->plugin->connection->decided(s->self, look, mark)) == TIDE_AGAIN)
        fake_wait(&s->host, -1, 50);
    const struct fake_bytes *bytes = fake_buf_bytes(mark);
    if (result == TIDE_OK)
        CU_ASSERT_STRING_EQUAL(bytes->data ? bytes->data : "", expected);
    fake_buf_free(mark);
    return result;
}

static tide_result commit(struct subject *s)
{
    static const unsigned char at[8] = {1};
    const tide_position position = {.struct_size = sizeof position,
                                    .position = {at, sizeof at},
                                    .name = FAKE_BYTES("t/0"),
                                    .node = "in"};
    const tide_connection *table = s->plugin->connection;
    tide_result result;
    int32_t decision = -1;
    while ((result = table->prepare(s->self, 1, &position, 1, sizeof position)) == TIDE_AGAIN)
        fake_wait(&s->host, -1, 50);
    if (result == TIDE_OK)
        result = table->commit(s->self, 1, FAKE_BYTES("mark"), &decision);
    if (result == TIDE_OK)
        CU_ASSERT_EQUAL(decision, TIDE_DECIDED);
    return result;
}

// An epoch of five records, with the offset of a source.
static tide_result one_epoch(struct subject *connection, const char *topic, char why[1024])
{
    struct subject sink, source;
    join(&source, connection);
    source.host.node = "in";
    fake_set(&source.host, "topic", topic);
    tide_result result = source_open(&source);
    nomem_end(&source.host, result, why);
    join(&sink, connection);
    fake_set(&sink.host, "topic", topic);
    if (result >= 0) {
        result = connection->plugin->connection->begin(connection->self, 1);
        nomem_end(&connection->host, result, why);
    }
    if (result >= 0) {
        result = write_all(&sink, topic);
        nomem_end(&sink.host, result, why);
    }
    if (result >= 0) {
        result = commit(connection);
        nomem_end(&connection->host, result, why);
    }
    sink_close(&sink);
    source_close(&source);
    return result;
}

static tide_result deciding_life(char why[1024])
{
    struct subject connection;
    tide_result result = open_connection(&connection, "0", new_topic());
    if (result >= 0)
        result = decided(&connection, 0, "");
    nomem_end(&connection.host, result, why);
    if (result >= 0)
        result = one_epoch(&connection, new_topic(), why);
    if (result >= 0) {
        result = decided(&connection, 1, "mark");
        nomem_end(&connection.host, result, why);
    }
    if (connection.self)
        connection.plugin->connection->close(connection.self);
    fake_host_deinit(&connection.host);
    return result;
}

static void test_deciding(void)
{
    nomem_each(deciding_life);
}

static tide_result direct_life(char why[1024])
{
    return use(NULL, new_topic(), why);
}

static void test_connection(void)
{
    nomem_each(connected_life);
}

static void test_direct(void)
{
    nomem_each(direct_life);
}

static CU_TestInfo cases[] = {{"by a connection", test_connection},
                              {"directly", test_direct},
                              {"in transactions", test_deciding},
                              CU_TEST_INFO_NULL};
UNIT_MAIN({"kafka without memory", begin, end, NULL, NULL, cases})
