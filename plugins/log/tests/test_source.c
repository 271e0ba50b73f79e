// SPDX-License-Identifier: MIT
#include "log_test.h"

#include <pthread.h>

// Where reading begins, goes on and ends.

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

static void decide(struct bench *bench, uint64_t id)
{
    tide_buf *data = fake_buf_new();
    CU_ASSERT_EQUAL(plugin->sink->prepare(bench->sink, id, data), TIDE_OK);
    const struct fake_bytes *bytes = fake_buf_bytes(data);
    CU_ASSERT_EQUAL(plugin->sink->commit(bench->sink, (tide_bytes){bytes->data, bytes->len}),
                    TIDE_OK);
    fake_buf_free(data);
}

static struct bench *turning; // becomes exactly once when it is read the next time; NULL: none

static tide_result turn_and_read(tide_journal_reader *reader, tide_entry *entry, char *why)
{
    struct bench *bench = turning;
    turning = NULL;
    if (bench) {
        decide(bench, 1);
        put_one(bench, "1", "1"); // undecided
    }
    return host_journal.reader_next(reader, entry, why);
}

// Just behind the reader's look at how far it may read.
static void becomes_exactly_once_while_it_is_read(void)
{
    struct bench bench;
    make(&bench);
    connect_to(&bench);
    tide_journal_host journal = host_journal;
    journal.reader_next = turn_and_read;
    bench.source_host.table.journal = &journal;
    fake_set(&bench.sink_host, "partitions", "1");
    CU_ASSERT_EQUAL_FATAL(open_sink(&bench, "t"), TIDE_OK);
    put_numbers(&bench, 0, 1);
    CU_ASSERT_EQUAL_FATAL(open_source(&bench, "t"), TIDE_OK);
    CU_ASSERT_EQUAL(read_some(&bench, 1), TIDE_OK);
    turning = &bench;
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(fake_read(&bench.source_host, plugin->source, bench.source, 10),
                        TIDE_AGAIN);
    CU_ASSERT_PTR_NULL(turning);
    expect_numbers(&bench.source_host, 0, 1);
    decide(&bench, 2);
    CU_ASSERT_EQUAL(read_some(&bench, 2), TIDE_OK);
    expect_numbers(&bench.source_host, 0, 2);
    unmake(&bench);
}

static CU_TestInfo cases[] = {
    {"goes on from a position", goes_on_from_a_position},
    {"survives a restart", survives_a_restart},
    {"reads what comes later", reads_what_comes_later},
    {"starts at the latest", starts_at_the_latest},
    {"a bounded read of nothing ends", a_bounded_read_of_nothing_ends},
    {"reads several topics", reads_several_topics},
    {"is read while it is written", is_read_while_it_is_written},
    {"becomes exactly once while it is read", becomes_exactly_once_while_it_is_read},
    CU_TEST_INFO_NULL,
};
UNIT_MAIN({"log source", begin, end, NULL, NULL, cases})
