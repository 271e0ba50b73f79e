// SPDX-License-Identifier: MIT
#include "log_test.h"

// What a sink writes is what a source reads, by partitions as Kafka has them.

static void keeps_every_part_of_a_record(void)
{
    struct bench bench;
    make(&bench);
    connect_to(&bench);
    fake_set(&bench.sink_host, "partitions", "1");
    CU_ASSERT_EQUAL_FATAL(open_sink(&bench, "t"), TIDE_OK);
    tide_header headers[] = {{"trace", FAKE_BYTES("abc")}, {"none", {NULL, 0}}, {"empty", {"", 0}}};
    tide_record records[] = {
        record_of("k", "v", 1700000000123),
        record_of(NULL, "no key", 1600000000000), // earlier than the first
        record_of("", "empty key", TIDE_NO_TIME),
        record_of("gone", NULL, INT64_MAX),
        record_of(NULL, "", 0),
        record_of(NULL, "with headers", INT64_MIN + 1),
    };
    records[5].headers = headers;
    records[5].header_count = 3;
    CU_ASSERT_EQUAL(fake_write(&bench.sink_host, plugin->sink, bench.sink, records, 6), TIDE_OK);
    CU_ASSERT_EQUAL_FATAL(open_source(&bench, "t"), TIDE_OK);
    CU_ASSERT_EQUAL_FATAL(read_some(&bench, 6), TIDE_OK);
    const struct fake_message *got = bench.source_host.messages;
    for (int i = 0; i < 6; i++) {
        const tide_record *sent = &records[i];
        CU_ASSERT_EQUAL(got[i].offset, i);
        CU_ASSERT_EQUAL(got[i].time_ms, sent->time_ms);
        CU_ASSERT_EQUAL(got[i].key.data == NULL, sent->key.data == NULL);
        CU_ASSERT_EQUAL(got[i].key.len, sent->key.len);
        CU_ASSERT_EQUAL(got[i].value.data == NULL, sent->value.data == NULL);
        CU_ASSERT_EQUAL(got[i].value.len, sent->value.len);
        if (sent->value.data)
            CU_ASSERT(!memcmp(got[i].value.data, sent->value.data, sent->value.len));
    }
    CU_ASSERT(got[3].flags & TIDE_MESSAGE_TOMBSTONE);
    CU_ASSERT_EQUAL_FATAL(got[5].header_count, 3);
    CU_ASSERT_STRING_EQUAL(got[5].headers[0].name, "trace");
    CU_ASSERT_STRING_EQUAL(got[5].headers[0].value.data, "abc");
    CU_ASSERT_PTR_NULL(got[5].headers[1].value.data);
    CU_ASSERT_PTR_NOT_NULL(got[5].headers[2].value.data);
    CU_ASSERT_EQUAL(got[5].headers[2].value.len, 0);
    unmake(&bench);
}

// What the Java client does: toPositive(murmur2(key)) % partitions, over Kafka's own hash vectors.
static void partitions_as_kafka_does(void)
{
    static const struct {
        const char *key;
        int32_t hash;
    } vectors[] = {{"21", -973932308},
                   {"foobar", -790332482},
                   {"a-little-bit-long-string", -985981536},
                   {"a-little-bit-longer-string", -1486304829},
                   {"abc", 479470107}};
    struct bench bench;
    make(&bench);
    connect_to(&bench);
    fake_set(&bench.sink_host, "create.partitions", "7");
    CU_ASSERT_EQUAL_FATAL(open_sink(&bench, "t"), TIDE_OK);
    for (int i = 0; i < 5; i++)
        put_one(&bench, vectors[i].key, vectors[i].key);
    CU_ASSERT_EQUAL_FATAL(open_source(&bench, "t"), TIDE_OK);
    CU_ASSERT_EQUAL(read_some(&bench, 5), TIDE_OK);
    CU_ASSERT_EQUAL(bench.source_host.split_count, 7);
    for (size_t i = 0; i < bench.source_host.message_count; i++) {
        const struct fake_message *message = &bench.source_host.messages[i];
        for (int k = 0; k < 5; k++) {
            if (strcmp(message->key.data, vectors[k].key))
                continue;
            char split[16];
            snprintf(split, sizeof split, "t/%d", (vectors[k].hash & 0x7fffffff) % 7);
            CU_ASSERT_EQUAL(fake_split_id(&bench.source_host, split), (int)message->split);
        }
    }
    unmake(&bench);
}

static void spreads_batches_without_keys(void)
{
    struct bench bench;
    make(&bench);
    connect_to(&bench);
    CU_ASSERT_EQUAL_FATAL(open_sink(&bench, "t"), TIDE_OK);
    for (int i = 0; i < 8; i++) {
        tide_record records[3] = {record_of(NULL, "a", 1), record_of(NULL, "b", 2),
                                  record_of(NULL, "c", 3)};
        fake_write(&bench.sink_host, plugin->sink, bench.sink, records, 3);
    }
    CU_ASSERT_EQUAL_FATAL(open_source(&bench, "t"), TIDE_OK);
    CU_ASSERT_EQUAL(read_some(&bench, 24), TIDE_OK);
    int count[4] = {0};
    for (size_t i = 0; i < bench.source_host.message_count; i++)
        count[bench.source_host.messages[i].split & 3]++;
    for (int i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(count[i], 6);
    unmake(&bench);
}

static void two_sinks_share_a_topic(void)
{
    struct bench bench, other;
    make(&bench);
    make(&other);
    connect_to(&bench);
    CU_ASSERT_EQUAL_FATAL(open_sink(&bench, "t"), TIDE_OK);
    other.sink_host.connection = bench.connection;
    CU_ASSERT_EQUAL_FATAL(open_sink(&other, "t"), TIDE_OK);
    put_numbers(&bench, 0, 10);
    put_numbers(&other, 10, 20);
    close_sink(&bench);
    put_numbers(&other, 20, 30);
    close_sink(&other);
    CU_ASSERT_EQUAL_FATAL(open_source(&bench, "t"), TIDE_OK);
    CU_ASSERT_EQUAL(read_some(&bench, 30), TIDE_OK);
    expect_numbers(&bench.source_host, 0, 30);
    unmake(&other);
    unmake(&bench);
}

static void refuses_a_second_writer(void)
{
    struct bench bench, other;
    make(&bench);
    make(&other);
    memcpy(other.dir, bench.dir, sizeof other.dir);
    connect_to(&bench);
    connect_to(&other);
    CU_ASSERT_EQUAL_FATAL(open_sink(&bench, "t"), TIDE_OK);
    CU_ASSERT_EQUAL(open_sink(&other, "t"), TIDE_FATAL);
    char expected[64];
    snprintf(expected, sizeof expected, "t/0: is being written by process %d", (int)getpid());
    CU_ASSERT_PTR_NOT_NULL(strstr(other.sink_host.reason, expected));
    unmake(&other);
    unmake(&bench);
}

static void refuses_bad_names_and_files(void)
{
    struct bench bench;
    make(&bench);
    connect_to(&bench);
    CU_ASSERT_EQUAL(open_sink(&bench, "a/b"), TIDE_FATAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(bench.sink_host.reason, "'a/b' is no topic name"));
    close_sink(&bench);
    CU_ASSERT_EQUAL(open_sink(&bench, ".."), TIDE_FATAL);
    close_sink(&bench);
    CU_ASSERT_EQUAL_FATAL(open_sink(&bench, "t"), TIDE_OK);
    close_sink(&bench);
    char path[160];
    snprintf(path, sizeof path, "%s/t/topic", bench.dir);
    FILE *file = fopen(path, "w");
    fputs("partitions: many\n", file);
    fclose(file);
    CU_ASSERT_EQUAL(open_sink(&bench, "t"), TIDE_FATAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(bench.sink_host.reason, "found 'partitions: many"));
    CU_ASSERT_EQUAL(open_source(&bench, "t"), TIDE_FATAL);
    unmake(&bench);
    make(&bench); // no connection
    CU_ASSERT_EQUAL(open_sink(&bench, "t"), TIDE_FATAL);
    CU_ASSERT_EQUAL(open_source(&bench, "t"), TIDE_FATAL);
    unmake(&bench);
}

static CU_TestInfo cases[] = {
    {"keeps every part of a record", keeps_every_part_of_a_record},
    {"partitions as Kafka does", partitions_as_kafka_does},
    {"spreads batches without keys", spreads_batches_without_keys},
    {"two sinks share a topic", two_sinks_share_a_topic},
    {"refuses a second writer", refuses_a_second_writer},
    {"refuses bad names and files", refuses_bad_names_and_files},
    CU_TEST_INFO_NULL,
};
UNIT_MAIN({"log sink", begin, end, NULL, NULL, cases})
