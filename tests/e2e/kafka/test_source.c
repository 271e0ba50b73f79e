// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"
#include "support/unit.h"

// The source on the shared broker; what it reads is written by kafka_tool, not by the plugin.

static int64_t position(struct kafka_source *source, const char *split)
{
    tide_buf *buf = fake_buf_new();
    uint32_t id = (uint32_t)fake_split_id(&source->host, split);
    CU_ASSERT_EQUAL(source->plugin->position(source->self, id, buf), TIDE_OK);
    struct fake_bytes *bytes = fake_buf_bytes(buf);
    int64_t value = -1;
    if (bytes->len == 8)
        memcpy(&value, bytes->data, 8); // the machines that we test on are little endian
    fake_buf_free(buf);
    return value;
}

static void bounded(struct kafka_source *source, const char *topic)
{
    kafka_source_init(source, kafka_brokers(), topic);
    fake_set(&source->host, "until", "latest");
    fake_set(&source->host, "assignment", "all");
}

static void test_reads_all_that_is_there(void)
{
    char command[256];
    const char *topic = kafka_fresh_topic(4);
    snprintf(command, sizeof command, "produce %s -n 100000 -H a=1 -H b= -t 1700000000123", topic);
    kafka_tool(command);
    struct kafka_source source;
    bounded(&source, topic);
    CU_ASSERT_EQUAL_FATAL(kafka_source_open(&source), TIDE_OK);
    CU_ASSERT_EQUAL(kafka_source_read(&source, 100001, 60000), TIDE_EOF);
    CU_ASSERT_EQUAL_FATAL(source.host.message_count, 100000);
    CU_ASSERT_EQUAL(source.host.split_count, 4);
    int64_t next[4] = {0};
    size_t odd = 0;
    for (size_t i = 0; i < source.host.message_count; i++) {
        const struct fake_message *message = &source.host.messages[i];
        odd += message->offset != next[message->split]++;
        odd += message->time_ms != 1700000000123 || message->header_count != 2;
        odd += strcmp(message->headers[0].name, "a") || strcmp(message->headers[0].value.data, "1");
        odd += message->headers[1].value.data == NULL || message->headers[1].value.len != 0;
        odd += message->key.len == 0 || message->value.len < 100;
    }
    CU_ASSERT_EQUAL(odd, 0);
    for (size_t i = 0; i < 4; i++)
        CU_ASSERT_TRUE(source.host.splits[i].ended);
    kafka_source_close(&source);
}

// Most values may be read beyond their end; the fake host has no use for that, so it is done here,
// while the messages are lent.
static size_t padded, beyond;
static uint32_t (*plain_lend)(tide_out *out, const tide_message *messages, uint32_t count,
                              uint32_t stride, void (*release)(void *arg), void *arg);

static uint32_t lend_and_look(tide_out *out, const tide_message *messages, uint32_t count,
                              uint32_t stride, void (*release)(void *arg), void *arg)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!(messages[i].flags & TIDE_MESSAGE_PADDED))
            continue;
        const unsigned char *bytes = messages[i].value.data;
        for (size_t k = 0; k < 64; k++)
            beyond += bytes[messages[i].value.len + k];
        padded++;
    }
    return plain_lend(out, messages, count, stride, release, arg);
}

static void test_padding_can_be_read(void)
{
    static const char *const kinds[] = {"none", "lz4", "gzip"};
    for (size_t i = 0; i < 3; i++) {
        char command[256];
        const char *topic = kafka_fresh_topic(1);
        snprintf(command, sizeof command, "produce %s -n 10000 -o compression.codec=%s", topic,
                 kinds[i]);
        kafka_tool(command);
        struct kafka_source source;
        bounded(&source, topic);
        plain_lend = source.host.table.lend;
        source.host.table.lend = lend_and_look;
        padded = 0;
        CU_ASSERT_EQUAL_FATAL(kafka_source_open(&source), TIDE_OK);
        CU_ASSERT_EQUAL(kafka_source_read(&source, 10001, 30000), TIDE_EOF);
        CU_ASSERT_TRUE(padded > 9900);
        kafka_source_close(&source);
    }
}

static void test_tombstones_and_keyless(void)
{
    char command[256];
    const char *topic = kafka_fresh_topic(1);
    snprintf(command, sizeof command,
             "produce %s -f /dev/stdin <<'END'\nk\tv\ngone\n\tloose\nk\t\nEND", topic);
    kafka_tool(command);
    struct kafka_source source;
    bounded(&source, topic);
    CU_ASSERT_EQUAL_FATAL(kafka_source_open(&source), TIDE_OK);
    CU_ASSERT_EQUAL(kafka_source_read(&source, 5, 30000), TIDE_EOF);
    CU_ASSERT_EQUAL_FATAL(source.host.message_count, 4);
    const struct fake_message *messages = source.host.messages;
    CU_ASSERT_STRING_EQUAL(messages[0].value.data, "v");
    CU_ASSERT_PTR_NULL(messages[1].value.data);
    CU_ASSERT_EQUAL(messages[1].flags, TIDE_MESSAGE_TOMBSTONE);
    CU_ASSERT_STRING_EQUAL(messages[1].key.data, "gone");
    CU_ASSERT_PTR_NULL(messages[2].key.data);
    CU_ASSERT_PTR_NOT_NULL(messages[3].value.data); // empty is not absent
    CU_ASSERT_EQUAL(messages[3].value.len, 0);
    kafka_source_close(&source);
}

// Control records fill the end of each partition, and an aborted transaction lies in between.
static void test_until_latest_with_transactions(void)
{
    char command[256];
    const char *topic = kafka_fresh_topic(2);
    static const char *const steps[] = {"-n 50 -T one", "-n 70 -T one -A", "-n 30 -T one",
                                        "-n 10 -T one -A"};
    for (size_t i = 0; i < 4; i++) {
        snprintf(command, sizeof command, "produce %s %s 2>/dev/null", topic, steps[i]);
        kafka_tool(command);
    }
    static const struct {
        const char *isolation;
        size_t count;
    } cases[] = {{"committed", 80}, {"uncommitted", 160}};
    for (size_t i = 0; i < 2; i++) {
        struct kafka_source source;
        bounded(&source, topic);
        fake_set(&source.host, "isolation", cases[i].isolation);
        CU_ASSERT_EQUAL_FATAL(kafka_source_open(&source), TIDE_OK);
        CU_ASSERT_EQUAL(kafka_source_read(&source, 1000, 30000), TIDE_EOF);
        CU_ASSERT_EQUAL(source.host.message_count, cases[i].count);
        kafka_source_close(&source);
    }
}

static void test_empty_topic_ends(void)
{
    struct kafka_source source;
    bounded(&source, kafka_fresh_topic(3));
    CU_ASSERT_EQUAL_FATAL(kafka_source_open(&source), TIDE_OK);
    CU_ASSERT_EQUAL(kafka_source_read(&source, 1, 20000), TIDE_EOF);
    kafka_source_close(&source);
}

// A position wins over the group's offset; a split without one goes on where the group is.
static void test_positions_and_offsets(void)
{
    char command[256];
    char topic[64];
    snprintf(topic, sizeof topic, "%s", kafka_fresh_topic(2));
    for (int p = 0; p < 2; p++) {
        snprintf(command, sizeof command, "produce %s -n 1000 -p %d", topic, p);
        kafka_tool(command);
    }
    char splits[2][80];
    struct kafka_source source;
    kafka_source_init(&source, kafka_brokers(), topic);
    fake_set(&source.host, "group", topic);
    CU_ASSERT_EQUAL_FATAL(kafka_source_open(&source), TIDE_OK);
    kafka_source_read(&source, 2000, 30000);
    CU_ASSERT_EQUAL(source.host.message_count, 2000);
    tide_position acked[2];
    static const unsigned char at[2][8] = {{0x2c, 0x01}, {0x90, 0x01}}; // 300, 400
    for (int p = 0; p < 2; p++) {
        snprintf(splits[p], sizeof splits[p], "%s/%d", topic, p);
        CU_ASSERT_EQUAL(position(&source, splits[p]), 1000);
        uint32_t id = (uint32_t)fake_split_id(&source.host, splits[p]);
        CU_ASSERT_EQUAL(source.plugin->lag(source.self, id), 0);
        acked[p] =
            (tide_position){.struct_size = sizeof acked[p], .split = id, .position = {at[p], 8}};
    }
    CU_ASSERT_EQUAL(source.plugin->ack(source.self, 1, acked, 2, sizeof *acked), TIDE_OK);
    kafka_source_close(&source);

    bounded(&source, topic);
    fake_set(&source.host, "group", topic);
    static const unsigned char given[8] = {0xe7, 0x03}; // 999
    fake_position(&source.host, splits[1], given, 8);
    CU_ASSERT_EQUAL_FATAL(kafka_source_open(&source), TIDE_OK);
    CU_ASSERT_EQUAL(kafka_source_read(&source, 3000, 30000), TIDE_EOF);
    CU_ASSERT_EQUAL(source.host.message_count, 700 + 1);
    kafka_source_close(&source);
}

static void test_start_latest(void)
{
    char command[256];
    char topic[64];
    snprintf(topic, sizeof topic, "%s", kafka_fresh_topic(1));
    snprintf(command, sizeof command, "produce %s -n 10", topic);
    kafka_tool(command);
    struct kafka_source source;
    kafka_source_init(&source, kafka_brokers(), topic);
    fake_set(&source.host, "start", "latest");
    fake_set(&source.host, "group", topic);
    CU_ASSERT_EQUAL_FATAL(kafka_source_open(&source), TIDE_OK);
    char split[80];
    snprintf(split, sizeof split, "%s/0", topic);
    for (int i = 0;
         i < 300 && (fake_split_id(&source.host, split) < 0 || position(&source, split) < 0); i++)
        kafka_source_read(&source, 1, 100);
    CU_ASSERT_EQUAL(position(&source, split), 10); // known before any record
    kafka_tool(command);
    kafka_source_read(&source, 10, 30000);
    CU_ASSERT_EQUAL_FATAL(source.host.message_count, 10);
    CU_ASSERT_EQUAL(source.host.messages[0].offset, 10);
    kafka_source_close(&source);
}

static void test_lost_offset_is_an_error(void)
{
    struct kafka_source source;
    char split[80];
    const char *topic = kafka_fresh_topic(1);
    snprintf(split, sizeof split, "%s/0", topic);
    bounded(&source, topic);
    static const unsigned char given[8] = {5};
    fake_position(&source.host, split, given, 8);
    CU_ASSERT_EQUAL_FATAL(kafka_source_open(&source), TIDE_OK);
    CU_ASSERT_EQUAL(kafka_source_read(&source, 1, 20000), TIDE_FATAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(source.host.reason, split));
    kafka_source_close(&source);
}

static void test_unknown_topic(void)
{
    struct kafka_source source;
    bounded(&source, "no-such-topic");
    CU_ASSERT_EQUAL_FATAL(kafka_source_open(&source), TIDE_OK);
    CU_ASSERT_EQUAL(kafka_source_read(&source, 1, 20000), TIDE_FATAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(source.host.reason, "no-such-topic"));
    kafka_source_close(&source);
}

// Lent messages outlive the source.
static void test_loans_outlive_close(void)
{
    char command[256];
    const char *topic = kafka_fresh_topic(1);
    snprintf(command, sizeof command, "produce %s -n 5000", topic);
    kafka_tool(command);
    struct kafka_source source;
    bounded(&source, topic);
    CU_ASSERT_EQUAL_FATAL(kafka_source_open(&source), TIDE_OK);
    source.host.room = 300; // not a divisor of the batch
    CU_ASSERT_EQUAL(kafka_source_read(&source, 5001, 30000), TIDE_EOF);
    CU_ASSERT_EQUAL(source.host.message_count, 5000);
    kafka_source_close(&source); // releases after close
}

// Records by split and offset: a rebalance may repeat some, as no position is kept here.
static size_t distinct(const struct fake_host *host)
{
    static bool seen[2][1000];
    size_t count = 0;
    memset(seen, 0, sizeof seen);
    for (size_t i = 0; i < host->message_count; i++) {
        bool *one = &seen[host->messages[i].split % 2][host->messages[i].offset % 1000];
        count += !*one;
        *one = true;
    }
    return count;
}

// Two members share; when one leaves, the other takes over from what was acknowledged.
static void test_group_of_two(void)
{
    char topic[64];
    snprintf(topic, sizeof topic, "%s", kafka_fresh_topic(2));
    struct kafka_source sources[2];
    for (int i = 0; i < 2; i++) {
        kafka_source_init(&sources[i], kafka_brokers(), topic);
        fake_set(&sources[i].host, "group", topic);
        fake_set(&sources[i].host, "options:heartbeat.interval.ms", "200");
        CU_ASSERT_EQUAL_FATAL(kafka_source_open(&sources[i]), TIDE_OK);
    }
    int live[2] = {0, 0};
    for (int turn = 0; turn < 600 && (live[0] != 1 || live[1] != 1); turn++)
        for (int i = 0; i < 2; i++) {
            kafka_source_read(&sources[i], 1, 25);
            live[i] = 0;
            for (size_t k = 0; k < sources[i].host.split_count; k++)
                live[i] += sources[i].host.splits[k].assigned;
        }
    CU_ASSERT_EQUAL(live[0], 1);
    CU_ASSERT_EQUAL(live[1], 1);
    kafka_source_close(&sources[0]);
    char command[256];
    snprintf(command, sizeof command, "produce %s -n 1000", topic);
    kafka_tool(command);
    for (int turn = 0; turn < 300 && distinct(&sources[1].host) < 1000; turn++)
        kafka_source_read(&sources[1], SIZE_MAX, 100);
    CU_ASSERT_EQUAL(distinct(&sources[1].host), 1000);
    kafka_source_close(&sources[1]);
}

static CU_TestInfo cases[] = {
    {"reads all that is there", test_reads_all_that_is_there},
    {"padding can be read", test_padding_can_be_read},
    {"tombstones and keyless records", test_tombstones_and_keyless},
    {"until latest with transactions", test_until_latest_with_transactions},
    {"an empty topic ends", test_empty_topic_ends},
    {"positions and offsets", test_positions_and_offsets},
    {"start latest", test_start_latest},
    {"a lost offset is an error", test_lost_offset_is_an_error},
    {"unknown topic", test_unknown_topic},
    {"loans outlive close", test_loans_outlive_close},
    {"a group of two", test_group_of_two},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("kafka source", cases))
