// SPDX-License-Identifier: MIT
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support.h"
#include "support/unit.h"

// What a deciding connection makes of each error that the cluster can answer, which a real one
// cannot be made to show. Whether records are seen once is proved elsewhere: the mock cluster shows
// aborted ones as well.

enum { PRODUCE = 0, INIT = 22, ADD_PARTITIONS = 24, ADD_OFFSETS = 25, END = 26, OFFSETS = 28 };

static rd_kafka_t *owner; // of the cluster
static rd_kafka_mock_cluster_t *cluster;

static int begin_suite(void)
{
    char why[256];
    owner = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof why);
    cluster = owner ? rd_kafka_mock_cluster_new(owner, 1) : NULL;
    if (!cluster || rd_kafka_mock_topic_create(cluster, "tests.tidemill", 1, 1))
        return 1;
    return rd_kafka_mock_topic_create(cluster, "out", 1, 1) ? 1 : 0;
}

static int end_suite(void)
{
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(owner);
    return 0;
}

struct bench {
    struct fake_host host;
    const tide_connection *table;
    void *self;
    struct kafka_sink sink;
    struct kafka_source source;
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void open_bench(struct bench *b, const char *commit_timeout)
{
    memset(b, 0, sizeof *b);
    fake_host_init(&b->host);
    b->host.pipeline = "tests";
    b->table = fake_load(kafka_plugin_file())->connection;
    fake_add(&b->host, "brokers", rd_kafka_mock_cluster_bootstraps(cluster));
    fake_set(&b->host, "commit_timeout", commit_timeout);
    fake_set(&b->host, "options:retry.backoff.ms", "10");
    fake_defaults(&b->host, b->table->options);
    CU_ASSERT_EQUAL_FATAL(b->table->open(&b->host.table, fake_ctx(&b->host), &b->self), TIDE_OK);
}

// The mark, "" for none, in static storage; NULL with the reason in the host.
static const char *decided(struct bench *b, int look)
{
    static char text[64];
    tide_buf *mark = fake_buf_new();
    tide_result result;
    int64_t end = now_ms() + 20000;
    while ((result = b->table->decided(b->self, look, mark)) == TIDE_AGAIN && now_ms() < end)
        fake_wait(&b->host, -1, 50);
    const struct fake_bytes *bytes = fake_buf_bytes(mark);
    snprintf(text, sizeof text, "%s", bytes->data ? bytes->data : "");
    fake_buf_free(mark);
    return result == TIDE_OK ? text : NULL;
}

static void open_nodes(struct bench *b)
{
    kafka_sink_init(&b->sink, NULL, "out");
    b->sink.host.connection = b->self;
    CU_ASSERT_EQUAL(kafka_sink_open(&b->sink), TIDE_OK);
    kafka_source_init(&b->source, NULL, "out");
    b->source.host.connection = b->self;
    b->source.host.node = "in";
    CU_ASSERT_EQUAL(kafka_source_open(&b->source), TIDE_OK);
}

// Settled, with a source and a sink; the number of the next epoch.
static uint64_t start_bench(struct bench *b, const char *commit_timeout)
{
    open_bench(b, commit_timeout);
    const char *mark = decided(b, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(mark);
    open_nodes(b);
    return strtoull(mark, NULL, 10) + 1;
}

static void close_bench(struct bench *b)
{
    if (b->sink.self)
        kafka_sink_close(&b->sink);
    if (b->source.self)
        kafka_source_close(&b->source);
    b->table->close(b->self);
    fake_host_deinit(&b->host);
}

static tide_result prepare(struct bench *b, uint64_t epoch)
{
    static const unsigned char at[8] = {1};
    tide_position position = {.struct_size = sizeof position,
                              .position = {at, sizeof at},
                              .name = FAKE_BYTES("out/0"),
                              .node = "in"};
    tide_result result;
    int64_t end = now_ms() + 20000;
    while ((result = b->table->prepare(b->self, epoch, &position, 1, sizeof position)) ==
               TIDE_AGAIN &&
           now_ms() < end)
        fake_wait(&b->host, -1, 50);
    return result;
}

// One epoch with a record; the first result that is not OK, or commit's with *decision.
static tide_result epoch(struct bench *b, uint64_t number, int32_t *decision)
{
    *decision = -1;
    tide_result result = b->table->begin(b->self, number);
    tide_record record = {.struct_size = sizeof record, .time_ms = TIDE_NO_TIME, .value = {"x", 1}};
    if (result == TIDE_OK)
        result = fake_write(&b->sink.host, b->sink.plugin, b->sink.self, &record, 1);
    if (result >= 0)
        result = fake_flush(&b->sink.host, b->sink.plugin, b->sink.self, 5000);
    if (result == TIDE_OK)
        result = prepare(b, number);
    char mark[16];
    int len = snprintf(mark, sizeof mark, "%d", (int)number);
    if (result == TIDE_OK)
        result = b->table->commit(b->self, number, (tide_bytes){mark, (size_t)len}, decision);
    return result;
}

static const struct {
    int16_t api;
    rd_kafka_resp_err_t err;
    tide_result result;
    int32_t decided;    // of commit
    const char *reason; // a part of it
} answers[] = {
    // Passing ones are retried within the call.
    {END, RD_KAFKA_RESP_ERR_NOT_COORDINATOR, TIDE_OK, TIDE_DECIDED, ""},
    {END, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, TIDE_OK, TIDE_DECIDED, ""},
    {END, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, TIDE_OK, TIDE_DECIDED, ""},
    {ADD_PARTITIONS, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, TIDE_OK, TIDE_DECIDED, ""},
    {ADD_PARTITIONS, RD_KAFKA_RESP_ERR_NOT_COORDINATOR, TIDE_OK, TIDE_DECIDED, ""},
    {ADD_OFFSETS, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, TIDE_OK, TIDE_DECIDED, ""},
    {OFFSETS, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, TIDE_OK, TIDE_DECIDED, ""},
    {PRODUCE, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, TIDE_OK, TIDE_DECIDED, ""},
    // Fenced: never again.
    {END, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, TIDE_FENCED, TIDE_UNKNOWN, "fenced: another"},
    {END, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, TIDE_FENCED, TIDE_UNKNOWN, "fenced: another"},
    {ADD_PARTITIONS, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, TIDE_FENCED, -1, "fenced: another"},
    {ADD_OFFSETS, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, TIDE_FENCED, -1, "fenced: another"},
    {OFFSETS, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, TIDE_FENCED, -1, "fenced: another"},
    {OFFSETS, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, TIDE_FENCED, -1, "fenced: another"},
    // Forbidden: an operator has to do something.
    {ADD_PARTITIONS, RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, TIDE_FATAL, -1, ""},
    {ADD_OFFSETS, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, TIDE_FATAL, -1, "roup"},
    {END, RD_KAFKA_RESP_ERR_INVALID_TXN_STATE, TIDE_FATAL, TIDE_UNKNOWN, ""},
    // The epoch is lost, another attempt is not.
    {OFFSETS, RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, TIDE_RETRY, -1, "send_offsets"},
    {OFFSETS, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, TIDE_RETRY, -1, "send_offsets"},
    {END, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING, TIDE_OK, TIDE_UNKNOWN, ""},
    {END, RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID, TIDE_OK, TIDE_UNKNOWN, ""},
};

static void test_answers(void)
{
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct bench b;
        int32_t decision;
        uint64_t number = start_bench(&b, "5000");
        rd_kafka_mock_push_request_errors(cluster, answers[i].api, 1, answers[i].err);
        tide_result result = epoch(&b, number, &decision);
        CU_ASSERT_EQUAL(result, answers[i].result);
        CU_ASSERT_EQUAL(decision, answers[i].decided);
        if (result < 0)
            CU_ASSERT_PTR_NOT_NULL(strstr(b.host.reason, answers[i].reason));
        if (result != answers[i].result || decision != answers[i].decided)
            printf("\n%d %s: %d %d %s\n", answers[i].api, rd_kafka_err2name(answers[i].err), result,
                   decision, b.host.reason);
        rd_kafka_mock_clear_request_errors(cluster, answers[i].api);
        if (result != TIDE_OK || decision != TIDE_DECIDED) // nothing more with this producer
            CU_ASSERT_TRUE(b.table->begin(b.self, number + 1) < 0);
        close_bench(&b);
    }
}

static void test_init(void)
{
    static const struct {
        rd_kafka_resp_err_t err;
        const char *reason; // NULL: it goes well after all
    } cases[] = {
        {RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, NULL},
        {RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, NULL},
        {RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT, "transaction"},
        {RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "uthoriz"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bench b;
        open_bench(&b, "5000");
        rd_kafka_mock_push_request_errors(cluster, INIT, 1, cases[i].err);
        CU_ASSERT_EQUAL(decided(&b, 0) != NULL, cases[i].reason == NULL);
        if (cases[i].reason)
            CU_ASSERT_PTR_NOT_NULL(strstr(b.host.reason, cases[i].reason));
        rd_kafka_mock_clear_request_errors(cluster, INIT);
        close_bench(&b);
    }
}

// The answer to the commit does not come in time: unknown, and a new producer is needed.
static void test_late_answer(void)
{
    struct bench b;
    int32_t decision;
    uint64_t number = start_bench(&b, "300");
    CU_ASSERT_EQUAL(epoch(&b, number, &decision), TIDE_OK);
    CU_ASSERT_EQUAL(decision, TIDE_DECIDED);
    rd_kafka_mock_broker_push_request_error_rtts(cluster, 1, END, 1, RD_KAFKA_RESP_ERR_NO_ERROR,
                                                 1000);
    int64_t before = now_ms();
    CU_ASSERT_EQUAL(epoch(&b, number + 1, &decision), TIDE_OK);
    CU_ASSERT_EQUAL(decision, TIDE_UNKNOWN);
    CU_ASSERT_TRUE(now_ms() - before < 900);
    CU_ASSERT_EQUAL(b.table->begin(b.self, number + 2), TIDE_RETRY);
    int32_t again;
    CU_ASSERT_EQUAL(b.table->commit(b.self, number + 1, (tide_bytes){"m", 1}, &again), TIDE_RETRY);
    CU_ASSERT_PTR_NOT_NULL(decided(&b, 0)); // a new producer
    CU_ASSERT_EQUAL(b.table->begin(b.self, number + 2), TIDE_OK);
    close_bench(&b);
}

static void test_broker_away(void)
{
    struct bench b;
    int32_t decision;
    uint64_t number = start_bench(&b, "300");
    CU_ASSERT_EQUAL(b.table->begin(b.self, number), TIDE_OK);
    CU_ASSERT_EQUAL(prepare(&b, number), TIDE_OK);
    rd_kafka_mock_broker_set_down(cluster, 1);
    CU_ASSERT_EQUAL(b.table->commit(b.self, number, (tide_bytes){"m", 1}, &decision), TIDE_OK);
    CU_ASSERT_EQUAL(decision, TIDE_UNKNOWN);
    tide_buf *buf = fake_buf_new();
    CU_ASSERT_EQUAL(b.table->decided(b.self, 1, buf), TIDE_AGAIN); // not yet, and nothing is said
    fake_buf_free(buf);
    rd_kafka_mock_broker_set_up(cluster, 1);
    CU_ASSERT_PTR_NOT_NULL(decided(&b, 1));
    CU_ASSERT_PTR_NOT_NULL(decided(&b, 0));
    close_bench(&b);
}

static void test_options(void)
{
    struct bench b;
    open_bench(&b, "60000"); // as long as a transaction may take
    CU_ASSERT_PTR_NULL(decided(&b, 1));
    CU_ASSERT_PTR_NOT_NULL(strstr(b.host.reason, "commit_timeout"));
    close_bench(&b);
}

static CU_TestInfo cases[] = {
    {"what each answer means", test_answers},
    {"init_transactions", test_init},
    {"a late answer", test_late_answer},
    {"the broker is away", test_broker_away},
    {"options", test_options},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN({"kafka transactions", begin_suite, end_suite, NULL, NULL, cases})
