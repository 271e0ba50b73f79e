// SPDX-License-Identifier: MIT
#include "base/io.h"
#include "plugin/host_journal.h"
#include "support/fake_host.h"
#include "support/unit.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64];
static const tide_plugin *plugin;

static int begin(void)
{
    plugin = fake_load(PLUGIN_FILE);
    snprintf(root, sizeof root, "/tmp/tidemill-log-XXXXXX");
    return mkdtemp(root) ? 0 : 1;
}

static int end(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

// A connection, a sink and a source on a directory of their own.
struct bench {
    char dir[96];
    struct fake_host connection_host, sink_host, source_host;
    void *connection, *sink, *source;
};

static void make(struct bench *bench)
{
    static int number;
    memset(bench, 0, sizeof *bench);
    snprintf(bench->dir, sizeof bench->dir, "%s/%d", root, number++);
    struct fake_host *hosts[] = {&bench->connection_host, &bench->sink_host, &bench->source_host};
    for (int i = 0; i < 3; i++) {
        fake_host_init(hosts[i]);
        hosts[i]->table.journal = &host_journal;
    }
}

static void connect_to(struct bench *bench)
{
    fake_set(&bench->connection_host, "dir", bench->dir);
    CU_ASSERT_EQUAL_FATAL(plugin->connection->open(&bench->connection_host.table,
                                                   fake_ctx(&bench->connection_host),
                                                   &bench->connection),
                          TIDE_OK);
    bench->sink_host.connection = bench->source_host.connection = bench->connection;
}

static tide_result open_sink(struct bench *bench, const char *topic)
{
    fake_set(&bench->sink_host, "topic", topic);
    fake_defaults(&bench->sink_host, plugin->sink->options);
    return plugin->sink->open(&bench->sink_host.table, fake_ctx(&bench->sink_host), &bench->sink);
}

static tide_result open_source(struct bench *bench, const char *topic)
{
    fake_set(&bench->source_host, "topic", topic);
    fake_defaults(&bench->source_host, plugin->source->options);
    return plugin->source->open(&bench->source_host.table, fake_ctx(&bench->source_host),
                                &bench->source);
}

static void close_source(struct bench *bench)
{
    if (bench->source)
        plugin->source->close(bench->source);
    bench->source = NULL;
}

static void close_sink(struct bench *bench)
{
    if (bench->sink)
        plugin->sink->close(bench->sink);
    bench->sink = NULL;
}

static void unmake(struct bench *bench)
{
    close_source(bench);
    close_sink(bench);
    if (bench->connection)
        plugin->connection->close(bench->connection);
    fake_host_deinit(&bench->source_host); // what is lent comes back when all is closed
    fake_host_deinit(&bench->sink_host);
    fake_host_deinit(&bench->connection_host);
}

static tide_record record_of(const char *key, const char *value, int64_t time_ms)
{
    tide_record record = {.struct_size = sizeof record, .offset = TIDE_NO_OFFSET};
    record.time_ms = time_ms;
    record.key = (tide_bytes){key, key ? strlen(key) : 0};
    record.value = (tide_bytes){value, value ? strlen(value) : 0};
    return record;
}

static void put_one(struct bench *bench, const char *key, const char *value)
{
    tide_record record = record_of(key, value, 1000);
    CU_ASSERT_EQUAL(fake_write(&bench->sink_host, plugin->sink, bench->sink, &record, 1), TIDE_OK);
}

static void put_numbers(struct bench *bench, int from, int to)
{
    for (int i = from; i < to; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        put_one(bench, text, text);
    }
}

static void expect_numbers(struct fake_host *host, int from, int to)
{
    char *seen = calloc((size_t)to, 1);
    CU_ASSERT_EQUAL(host->message_count, (size_t)(to - from));
    for (size_t i = 0; i < host->message_count; i++) {
        int number = atoi(host->messages[i].value.data);
        CU_ASSERT(number >= from && number < to && !seen[number]);
        if (number >= 0 && number < to)
            seen[number] = 1;
    }
    free(seen);
}

static tide_result read_some(struct bench *bench, size_t count)
{
    return fake_read_until(&bench->source_host, plugin->source, bench->source, count, 20000);
}

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

static void goes_on_from_a_position(void)
{
    struct bench bench;
    make(&bench);
    connect_to(&bench);
    fake_set(&bench.sink_host, "partitions", "3");
    CU_ASSERT_EQUAL_FATAL(open_sink(&bench, "t"), TIDE_OK);
    tide_record records[300];
    char text[300][16];
    for (int i = 0; i < 300; i++) { // large entries: positions lie within them
        snprintf(text[i], sizeof text[i], "%d", i);
        records[i] = record_of(text[i], text[i], i);
    }
    fake_write(&bench.sink_host, plugin->sink, bench.sink, records, 300);
    CU_ASSERT_EQUAL_FATAL(open_source(&bench, "t"), TIDE_OK);
    fake_assign(&bench.source_host, plugin->source, bench.source);
    bench.source_host.room = 17; // the host takes less than it is offered
    CU_ASSERT_EQUAL(fake_read(&bench.source_host, plugin->source, bench.source, 1000), TIDE_OK);
    CU_ASSERT_EQUAL(bench.source_host.message_count, 17);
    bench.source_host.room = UINT32_MAX;
    CU_ASSERT_EQUAL(fake_read(&bench.source_host, plugin->source, bench.source, 100), TIDE_OK);
    CU_ASSERT_EQUAL(bench.source_host.message_count, 117);
    struct fake_host next;
    fake_host_init(&next);
    next.table.journal = &host_journal;
    next.connection = bench.connection;
    int64_t lag = 0;
    for (int i = 0; i < 3; i++) {
        char name[8];
        snprintf(name, sizeof name, "t/%d", i);
        tide_buf *position = fake_buf_new();
        uint32_t id = (uint32_t)fake_split_id(&bench.source_host, name);
        CU_ASSERT_EQUAL(plugin->source->position(bench.source, id, position), TIDE_OK);
        fake_position(&next, name, fake_buf_bytes(position)->data, fake_buf_bytes(position)->len);
        fake_buf_free(position);
        lag += plugin->source->lag(bench.source, id);
    }
    CU_ASSERT_EQUAL(lag, 300 - 117);
    void *source;
    fake_set(&next, "topic", "t");
    fake_defaults(&next, plugin->source->options);
    CU_ASSERT_EQUAL(plugin->source->open(&next.table, fake_ctx(&next), &source), TIDE_OK);
    CU_ASSERT_EQUAL(fake_read_until(&next, plugin->source, source, 183, 20000), TIDE_OK);
    CU_ASSERT_EQUAL(fake_read(&next, plugin->source, source, 100), TIDE_AGAIN);
    char seen[300] = {0};
    for (size_t i = 0; i < bench.source_host.message_count; i++)
        seen[atoi(bench.source_host.messages[i].value.data)]++;
    for (size_t i = 0; i < next.message_count; i++)
        seen[atoi(next.messages[i].value.data)]++;
    for (int i = 0; i < 300; i++)
        CU_ASSERT_EQUAL(seen[i], 1);
    plugin->source->close(source);
    fake_host_deinit(&next);
    unmake(&bench);
}

static void survives_a_restart(void)
{
    struct bench bench;
    make(&bench);
    connect_to(&bench);
    CU_ASSERT_EQUAL_FATAL(open_sink(&bench, "t"), TIDE_OK);
    put_numbers(&bench, 0, 50);
    CU_ASSERT_EQUAL(fake_flush(&bench.sink_host, plugin->sink, bench.sink, 5000), TIDE_OK);
    close_sink(&bench);
    fake_set(&bench.sink_host, "partitions", "9"); // it has 4 and keeps them
    CU_ASSERT_EQUAL_FATAL(open_sink(&bench, "t"), TIDE_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(bench.sink_host.log, "topic t has 4 partitions"));
    put_numbers(&bench, 50, 100);
    fake_set(&bench.source_host, "until", "latest");
    CU_ASSERT_EQUAL_FATAL(open_source(&bench, "t"), TIDE_OK);
    CU_ASSERT_EQUAL(bench.source_host.split_count, 4);
    fake_assign(&bench.source_host, plugin->source, bench.source);
    put_numbers(&bench, 100, 120); // after the start: not wanted
    CU_ASSERT_EQUAL(read_some(&bench, 1000), TIDE_EOF);
    expect_numbers(&bench.source_host, 0, 100);
    for (int i = 0; i < 4; i++)
        CU_ASSERT(bench.source_host.splits[i].ended);
    unmake(&bench);
}

static void reads_what_comes_later(void)
{
    struct bench bench;
    make(&bench);
    connect_to(&bench);
    fake_set(&bench.source_host, "start", "latest");
    CU_ASSERT_EQUAL_FATAL(open_source(&bench, "t"), TIDE_OK); // there is no topic yet
    CU_ASSERT_EQUAL(fake_read(&bench.source_host, plugin->source, bench.source, 10), TIDE_AGAIN);
    CU_ASSERT(bench.source_host.wait_until > 0);
    CU_ASSERT_EQUAL(bench.source_host.wakes, 0);
    CU_ASSERT_EQUAL_FATAL(open_sink(&bench, "t"), TIDE_OK);
    CU_ASSERT_EQUAL(bench.source_host.wakes, 1); // the topic is there
    put_numbers(&bench, 0, 10);
    CU_ASSERT_EQUAL(read_some(&bench, 10), TIDE_OK); // its beginning is not missed
    expect_numbers(&bench.source_host, 0, 10);
    CU_ASSERT_EQUAL(fake_read(&bench.source_host, plugin->source, bench.source, 10), TIDE_AGAIN);
    uint64_t wakes = bench.source_host.wakes;
    put_numbers(&bench, 10, 11);
    CU_ASSERT_EQUAL(bench.source_host.wakes, wakes + 1);
    put_numbers(&bench, 11, 12); // awake already
    CU_ASSERT_EQUAL(bench.source_host.wakes, wakes + 1);
    CU_ASSERT_EQUAL(read_some(&bench, 12), TIDE_OK);
    unmake(&bench);
}

static void starts_at_the_latest(void)
{
    struct bench bench;
    make(&bench);
    connect_to(&bench);
    CU_ASSERT_EQUAL_FATAL(open_sink(&bench, "t"), TIDE_OK);
    put_numbers(&bench, 0, 40);
    fake_set(&bench.source_host, "start", "latest");
    CU_ASSERT_EQUAL_FATAL(open_source(&bench, "t"), TIDE_OK);
    fake_assign(&bench.source_host, plugin->source, bench.source);
    put_numbers(&bench, 40, 60);
    CU_ASSERT_EQUAL(read_some(&bench, 20), TIDE_OK);
    expect_numbers(&bench.source_host, 40, 60);
    unmake(&bench);
}

static void a_bounded_read_of_nothing_ends(void)
{
    struct bench bench;
    make(&bench);
    connect_to(&bench);
    fake_set(&bench.source_host, "until", "latest");
    CU_ASSERT_EQUAL_FATAL(open_source(&bench, "t"), TIDE_OK);
    CU_ASSERT_EQUAL(fake_read(&bench.source_host, plugin->source, bench.source, 10), TIDE_EOF);
    unmake(&bench);
}

static void reads_several_topics(void)
{
    struct bench bench;
    make(&bench);
    connect_to(&bench);
    CU_ASSERT_EQUAL_FATAL(open_sink(&bench, "{key}"), TIDE_OK);
    for (int i = 0; i < 30; i++)
        put_one(&bench, i % 3 ? i % 2 ? "odd" : "even" : "../up", "x");
    CU_ASSERT_EQUAL(bench.sink_host.refused_count, 10);
    CU_ASSERT_STRING_EQUAL(bench.sink_host.refused[0].text, "'../up' is no topic name");
    fake_add(&bench.source_host, "topics", "even");
    CU_ASSERT_EQUAL_FATAL(open_source(&bench, "odd"), TIDE_OK);
    CU_ASSERT_EQUAL(read_some(&bench, 20), TIDE_OK);
    CU_ASSERT_EQUAL(bench.source_host.split_count, 8);
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

static void notices_a_replaced_directory(void)
{
    struct bench bench;
    make(&bench);
    connect_to(&bench);
    fake_set(&bench.sink_host, "partitions", "1");
    CU_ASSERT_EQUAL_FATAL(open_sink(&bench, "t"), TIDE_OK);
    put_numbers(&bench, 0, 10);
    CU_ASSERT_EQUAL_FATAL(open_source(&bench, "t"), TIDE_OK);
    CU_ASSERT_EQUAL(read_some(&bench, 10), TIDE_OK);
    tide_buf *position = fake_buf_new();
    CU_ASSERT_EQUAL(plugin->source->position(bench.source, 0, position), TIDE_OK);
    close_sink(&bench);
    close_source(&bench);
    struct fake_bytes *bytes = fake_buf_bytes(position);
    for (int removed = 1; removed >= 0; removed--) {
        char command[200];
        snprintf(command, sizeof command, "rm -rf '%s/t/0'", bench.dir);
        CU_ASSERT_EQUAL(system(command), 0);
        if (!removed) {
            CU_ASSERT_EQUAL_FATAL(open_sink(&bench, "t"), TIDE_OK);
            put_numbers(&bench, 0, 20);
        }
        struct fake_host next;
        fake_host_init(&next);
        next.table.journal = &host_journal;
        next.connection = bench.connection;
        fake_set(&next, "topic", "t");
        fake_position(&next, "t/0", bytes->data, bytes->len);
        void *source;
        CU_ASSERT_EQUAL(plugin->source->open(&next.table, fake_ctx(&next), &source), TIDE_OK);
        CU_ASSERT_EQUAL(fake_assign(&next, plugin->source, source), TIDE_FATAL);
        CU_ASSERT_PTR_NOT_NULL(
            strstr(next.reason, removed ? "directory was removed" : "directory was replaced"));
        plugin->source->close(source);
        fake_host_deinit(&next);
    }
    fake_buf_free(position);
    unmake(&bench);
}

static void tells_what_retention_dropped(void)
{
    struct bench bench;
    make(&bench);
    connect_to(&bench);
    fake_set(&bench.sink_host, "partitions", "1");
    fake_set(&bench.sink_host, "segment", "65536");
    fake_set(&bench.sink_host, "retain.bytes", "200000");
    CU_ASSERT_EQUAL_FATAL(open_sink(&bench, "t"), TIDE_OK);
    put_numbers(&bench, 0, 10);
    CU_ASSERT_EQUAL_FATAL(open_source(&bench, "t"), TIDE_OK);
    CU_ASSERT_EQUAL(read_some(&bench, 10), TIDE_OK);
    fake_forget(&bench.source_host);
    char *large = calloc(1, 20001);
    memset(large, 'x', 20000);
    for (int i = 0; i < 50; i++) {
        put_one(&bench, NULL, large);
        CU_ASSERT_EQUAL(fake_flush(&bench.sink_host, plugin->sink, bench.sink, 5000), TIDE_OK);
    }
    CU_ASSERT_EQUAL(read_some(&bench, 8), TIDE_OK);
    CU_ASSERT_EQUAL(fake_read(&bench.source_host, plugin->source, bench.source, 100), TIDE_AGAIN);
    double lost = fake_metric(&bench.source_host, "log_dropped_records");
    CU_ASSERT(lost > 30 && lost < 50);
    CU_ASSERT_EQUAL(bench.source_host.message_count + (size_t)lost, 50);
    CU_ASSERT_PTR_NOT_NULL(strstr(bench.source_host.log, "retention dropped"));
    free(large);
    unmake(&bench);
}

enum { MANY = 20000 };

static void *write_many(void *arg)
{
    put_numbers(arg, 0, MANY);
    return NULL;
}

static void is_read_while_it_is_written(void)
{
    struct bench bench;
    make(&bench);
    connect_to(&bench);
    fake_set(&bench.sink_host, "segment", "65536");
    CU_ASSERT_EQUAL_FATAL(open_sink(&bench, "t"), TIDE_OK);
    CU_ASSERT_EQUAL_FATAL(open_source(&bench, "t"), TIDE_OK);
    pthread_t thread;
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, write_many, &bench), 0);
    while (bench.source_host.message_count < MANY) {
        size_t before = bench.source_host.message_count;
        CU_ASSERT(read_some(&bench, before + 1) >= 0);
        fake_release(&bench.source_host);
        if (bench.source_host.message_count == before)
            break;
    }
    pthread_join(thread, NULL);
    expect_numbers(&bench.source_host, 0, MANY);
    int64_t next[4] = {0};
    int wrong = 0;
    for (size_t i = 0; i < bench.source_host.message_count; i++) {
        const struct fake_message *message = &bench.source_host.messages[i];
        wrong += message->offset != next[message->split & 3]++;
    }
    CU_ASSERT_EQUAL(wrong, 0);
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

// The disk is full for a while: everything arrives once, in order.
static void waits_for_a_full_disk(void)
{
    struct bench bench;
    make(&bench);
    connect_to(&bench);
    fake_set(&bench.sink_host, "partitions", "2");
    CU_ASSERT_EQUAL_FATAL(open_sink(&bench, "t"), TIDE_OK);
    tide_record records[4] = {record_of("0", "0", 1), record_of("1", "1", 1),
                              record_of("2", "2", 1), record_of("3", "3", 1)};
    tide_batch batch = {.struct_size = sizeof batch, .count = 4, .stride = sizeof records[0]};
    batch.records = records;
    uint32_t accepted;
    io_fail_at(1, ENOSPC, true);
    CU_ASSERT_EQUAL(plugin->sink->write(bench.sink, &batch, &accepted), TIDE_OK);
    CU_ASSERT_EQUAL(accepted, 4); // kept
    CU_ASSERT_PTR_NOT_NULL(strstr(bench.sink_host.log, "No space left on device; trying again"));
    CU_ASSERT_EQUAL(plugin->sink->write(bench.sink, &batch, &accepted), TIDE_AGAIN);
    CU_ASSERT_EQUAL(accepted, 0); // and no more of them
    CU_ASSERT(bench.sink_host.wait_until > 0);
    CU_ASSERT_EQUAL(plugin->sink->flush(bench.sink), TIDE_AGAIN);
    CU_ASSERT_EQUAL(bench.sink_host.log_count, 1);
    io_fail_at(0, 0, false);
    CU_ASSERT_EQUAL(plugin->sink->flush(bench.sink), TIDE_OK);
    put_numbers(&bench, 4, 10);
    CU_ASSERT_EQUAL_FATAL(open_source(&bench, "t"), TIDE_OK);
    CU_ASSERT_EQUAL(read_some(&bench, 10), TIDE_OK);
    expect_numbers(&bench.source_host, 0, 10);
    unmake(&bench);
}

// What was accepted and is not durable cannot be written again by the sink: it stops, and what a
// failed sync leaves is what was durable.
static void stops_at_a_failed_sync(void)
{
    struct bench bench;
    make(&bench);
    connect_to(&bench);
    fake_set(&bench.sink_host, "partitions", "1");
    CU_ASSERT_EQUAL_FATAL(open_sink(&bench, "t"), TIDE_OK);
    put_numbers(&bench, 0, 5);
    CU_ASSERT_EQUAL(plugin->sink->flush(bench.sink), TIDE_OK);
    put_numbers(&bench, 5, 8);
    io_fail_at(1, EIO, false);
    CU_ASSERT_EQUAL(plugin->sink->flush(bench.sink), TIDE_FATAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(bench.sink_host.reason, "cannot sync to disk"));
    io_fail_at(0, 0, false);
    close_sink(&bench);
    CU_ASSERT_EQUAL_FATAL(open_sink(&bench, "t"), TIDE_OK);
    put_numbers(&bench, 5, 8);
    CU_ASSERT_EQUAL_FATAL(open_source(&bench, "t"), TIDE_OK);
    CU_ASSERT_EQUAL(read_some(&bench, 8), TIDE_OK);
    expect_numbers(&bench.source_host, 0, 8);
    unmake(&bench);
}

// Every byte of a partition flipped: an error that names file and byte, or the records as they
// were.
static void never_reads_damaged_records(void)
{
    struct bench bench;
    make(&bench);
    connect_to(&bench);
    fake_set(&bench.sink_host, "partitions", "1");
    CU_ASSERT_EQUAL_FATAL(open_sink(&bench, "t"), TIDE_OK);
    put_numbers(&bench, 0, 3);
    close_sink(&bench);
    char path[160];
    snprintf(path, sizeof path, "%s/t/0/%020d.seg", bench.dir, 0);
    FILE *file = fopen(path, "r+b");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    for (long at = 0; at < size; at++) {
        fseek(file, at, SEEK_SET);
        int byte = fgetc(file);
        fseek(file, at, SEEK_SET);
        fputc(byte ^ 4, file);
        fflush(file);
        struct fake_host host;
        fake_host_init(&host);
        host.table.journal = &host_journal;
        host.connection = bench.connection;
        fake_set(&host, "topic", "t");
        fake_set(&host, "until", "latest");
        void *source;
        CU_ASSERT_EQUAL(plugin->source->open(&host.table, fake_ctx(&host), &source), TIDE_OK);
        tide_result result = fake_assign(&host, plugin->source, source);
        while (result == TIDE_OK)
            result = fake_read(&host, plugin->source, source, 100);
        CU_ASSERT(result == TIDE_FATAL || (result == TIDE_EOF && at >= size - 56)); // the last mark
        if (result == TIDE_FATAL)
            CU_ASSERT_PTR_NOT_NULL(strstr(host.reason, ".seg: byte "));
        for (size_t i = 0; i < host.message_count; i++)
            CU_ASSERT_EQUAL((size_t)atoi(host.messages[i].value.data), i);
        plugin->source->close(source);
        fake_host_deinit(&host);
        fseek(file, at, SEEK_SET);
        fputc(byte, file);
    }
    fclose(file);
    unmake(&bench);
}

static CU_TestInfo cases[] = {
    {"keeps every part of a record", keeps_every_part_of_a_record},
    {"partitions as Kafka does", partitions_as_kafka_does},
    {"spreads batches without keys", spreads_batches_without_keys},
    {"goes on from a position", goes_on_from_a_position},
    {"survives a restart", survives_a_restart},
    {"reads what comes later", reads_what_comes_later},
    {"starts at the latest", starts_at_the_latest},
    {"a bounded read of nothing ends", a_bounded_read_of_nothing_ends},
    {"reads several topics", reads_several_topics},
    {"two sinks share a topic", two_sinks_share_a_topic},
    {"refuses a second writer", refuses_a_second_writer},
    {"notices a replaced directory", notices_a_replaced_directory},
    {"tells what retention dropped", tells_what_retention_dropped},
    {"is read while it is written", is_read_while_it_is_written},
    {"refuses bad names and files", refuses_bad_names_and_files},
    {"waits for a full disk", waits_for_a_full_disk},
    {"stops at a failed sync", stops_at_a_failed_sync},
    {"never reads damaged records", never_reads_damaged_records},
    CU_TEST_INFO_NULL,
};
UNIT_MAIN({"log", begin, end, NULL, NULL, cases})
