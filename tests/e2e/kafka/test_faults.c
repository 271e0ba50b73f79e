// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support.h"
#include "support/unit.h"

// The broker goes away: before the start, in mid-run, for good. Others must not use it meanwhile.

static void broker(const char *action)
{
    char command[512];
    const char *script = getenv("KAFKA_BROKER_PY"), *state = getenv("KAFKA_STATE");
    if (!script || !state)
        abort();
    snprintf(command, sizeof command, "%s %s --state %s", script, action, state);
    if (system(command) != 0)
        abort();
}

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static tide_record numbered(char *text, size_t size, int n)
{
    int len = snprintf(text, size, "%d", n);
    return (tide_record){.struct_size = sizeof(tide_record),
                         .offset = TIDE_NO_OFFSET,
                         .time_ms = TIDE_NO_TIME,
                         .value = {text, (size_t)len}};
}

static void check_all(const char *topic, int count)
{
    struct kafka_source source;
    kafka_source_init(&source, kafka_brokers(), topic);
    fake_set(&source.host, "until", "latest");
    fake_set(&source.host, "assignment", "all");
    CU_ASSERT_EQUAL_FATAL(kafka_source_open(&source), TIDE_OK);
    CU_ASSERT_EQUAL(kafka_source_read(&source, (size_t)count + 1, 60000), TIDE_EOF);
    CU_ASSERT_EQUAL(source.host.message_count, count);
    int wrong = 0;
    for (size_t i = 0; i < source.host.message_count; i++)
        wrong += atoi(source.host.messages[i].value.data) != (int)i;
    CU_ASSERT_EQUAL(wrong, 0);
    kafka_source_close(&source);
}

// Down at the start: no crash, no busy loop, one line a second at most, and then it goes on.
static void test_down_at_start(void)
{
    char topic[64], command[256];
    snprintf(topic, sizeof topic, "%s", kafka_fresh_topic(1));
    snprintf(command, sizeof command, "produce %s -n 100", topic);
    kafka_tool(command);
    broker("stop");
    struct kafka_source source;
    struct kafka_sink sink;
    kafka_source_init(&source, kafka_brokers(), topic);
    fake_set(&source.host, "assignment", "all");
    kafka_sink_init(&sink, kafka_brokers(), topic);
    CU_ASSERT_EQUAL_FATAL(kafka_source_open(&source), TIDE_OK);
    CU_ASSERT_EQUAL_FATAL(kafka_sink_open(&sink), TIDE_OK);
    double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    CU_ASSERT_EQUAL(kafka_source_read(&source, 1, 3000), TIDE_AGAIN);
    CU_ASSERT_TRUE(seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu < 1.0);
    CU_ASSERT_TRUE(source.host.log_count >= 1);
    CU_ASSERT_TRUE(source.host.log_count <= 5);
    CU_ASSERT_TRUE(kafka_waits(&source.host, "broker", 0));
    CU_ASSERT_TRUE(kafka_waits(&sink.host, "broker", 0));
    char text[16];
    tide_record record = numbered(text, sizeof text, 100);
    tide_batch batch = {
        .struct_size = sizeof batch, .count = 1, .stride = sizeof record, .records = &record};
    uint32_t accepted = 7;
    CU_ASSERT_EQUAL(sink.plugin->write(sink.self, &batch, &accepted), TIDE_AGAIN);
    CU_ASSERT_EQUAL(accepted, 0);
    broker("restart");
    CU_ASSERT_TRUE(kafka_source_read(&source, 100, 30000) >= 0);
    CU_ASSERT_EQUAL(source.host.message_count, 100);
    CU_ASSERT_TRUE(fake_write(&sink.host, sink.plugin, sink.self, &record, 1) >= 0);
    CU_ASSERT_EQUAL(fake_flush(&sink.host, sink.plugin, sink.self, 30000), TIDE_OK);
    CU_ASSERT_TRUE(kafka_source_read(&source, 101, 30000) >= 0);
    CU_ASSERT_EQUAL(source.host.message_count, 101);
    CU_ASSERT_TRUE(kafka_waits(&source.host, "", 10000));
    CU_ASSERT_TRUE(kafka_waits(&sink.host, "", 10000));
    broker("stop"); // away again: that shows as well, and passes
    kafka_source_read(&source, 102, 2000);
    CU_ASSERT_TRUE(kafka_waits(&source.host, "all brokers are away", 0));
    broker("restart");
    CU_ASSERT_TRUE(kafka_waits(&source.host, "", 30000));
    kafka_sink_close(&sink);
    kafka_source_close(&source);
}

// `count` records through the sink while the broker suffers at a third of the way.
static void write_while(const char *topic, int count, void (*suffer)(void))
{
    struct kafka_sink sink;
    kafka_sink_init(&sink, kafka_brokers(), topic);
    CU_ASSERT_EQUAL_FATAL(kafka_sink_open(&sink), TIDE_OK);
    static char text[100][16];
    tide_record records[100];
    for (int n = 0; n < count; n += 100) {
        for (int i = 0; i < 100; i++)
            records[i] = numbered(text[i], sizeof text[i], n + i);
        if (n == count / 300 * 100)
            suffer();
        CU_ASSERT_TRUE(fake_write(&sink.host, sink.plugin, sink.self, records, 100) >= 0);
    }
    CU_ASSERT_EQUAL(fake_flush(&sink.host, sink.plugin, sink.self, 60000), TIDE_OK);
    kafka_sink_close(&sink);
}

static void pause_for_five_seconds(void)
{
    char command[512];
    broker("pause");
    snprintf(command, sizeof command, "(sleep 5; %s resume --state %s) &",
             getenv("KAFKA_BROKER_PY"), getenv("KAFKA_STATE"));
    if (system(command) != 0)
        broker("resume");
}

static void crash_and_restart(void)
{
    broker("kill");
    broker("restart");
}

static void test_paused_in_mid_run(void)
{
    char topic[64];
    snprintf(topic, sizeof topic, "%s", kafka_fresh_topic(1));
    write_while(topic, 200000, pause_for_five_seconds);
    check_all(topic, 200000);
}

static void test_restarted_in_mid_run(void)
{
    char topic[64];
    snprintf(topic, sizeof topic, "%s", kafka_fresh_topic(1));
    write_while(topic, 50000, crash_and_restart);
    check_all(topic, 50000);
}

// A source is in mid-read when its broker restarts.
static void test_source_survives_a_restart(void)
{
    char topic[64], command[256];
    snprintf(topic, sizeof topic, "%s", kafka_fresh_topic(2));
    snprintf(command, sizeof command, "produce %s -n 1000", topic);
    kafka_tool(command);
    struct kafka_source source;
    kafka_source_init(&source, kafka_brokers(), topic);
    fake_set(&source.host, "group", topic);
    CU_ASSERT_EQUAL_FATAL(kafka_source_open(&source), TIDE_OK);
    kafka_source_read(&source, 1000, 30000);
    broker("restart");
    kafka_tool(command);
    CU_ASSERT_TRUE(kafka_source_read(&source, 2000, 40000) >= 0);
    CU_ASSERT_EQUAL(source.host.message_count, 2000);
    kafka_source_close(&source);
}

// Closing must not wait for a broker that does not answer.
static void test_close_while_away(void)
{
    char topic[64], command[256];
    snprintf(topic, sizeof topic, "%s", kafka_fresh_topic(1));
    snprintf(command, sizeof command, "produce %s -n 1000", topic);
    kafka_tool(command);
    struct kafka_source source;
    struct kafka_sink sink;
    kafka_source_init(&source, kafka_brokers(), topic);
    kafka_sink_init(&sink, kafka_brokers(), topic);
    CU_ASSERT_EQUAL_FATAL(kafka_source_open(&source), TIDE_OK);
    CU_ASSERT_EQUAL_FATAL(kafka_sink_open(&sink), TIDE_OK);
    kafka_source_read(&source, 1000, 30000);
    char text[16];
    tide_record record = numbered(text, sizeof text, 1);
    fake_write(&sink.host, sink.plugin, sink.self, &record, 1);
    broker("pause");
    fake_write(&sink.host, sink.plugin, sink.self, &record, 1);
    double begin = seconds(CLOCK_MONOTONIC);
    kafka_source_close(&source);
    kafka_sink_close(&sink);
    CU_ASSERT_TRUE(seconds(CLOCK_MONOTONIC) - begin < 10.0);
    broker("resume");
}

static CU_TestInfo cases[] = {
    {"paused in mid-run", test_paused_in_mid_run},
    {"down at start", test_down_at_start},
    {"restarted in mid-run", test_restarted_in_mid_run},
    {"a source survives a restart", test_source_survives_a_restart},
    {"close while away", test_close_while_away},
    CU_TEST_INFO_NULL,
};

UNIT_MAIN(UNIT_SUITE("kafka faults", cases))
