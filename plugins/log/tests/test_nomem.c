// SPDX-License-Identifier: MIT
#include "support/nomem_test.h"

#include "base/alloc.h"
#include "log_test.h"

// A connection, a sink and a source: records with keys, headers and times go in, come out in two
// reads, the second one by another source from where the first stopped. Once with the plugin's
// allocations failing, once with the journal's.

enum { RECORDS = 20 };

static tide_result write_all(struct bench *bench)
{
    fake_set(&bench->sink_host, "partitions", "1");
    tide_result result = open_sink(bench, "{key}");
    for (int i = 0; i < RECORDS && result >= 0; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        tide_header header = {"trace", FAKE_BYTES("abc")};
        tide_record record = record_of("t", text, i);
        record.headers = &header;
        record.header_count = 1;
        result = fake_write(&bench->sink_host, plugin->sink, bench->sink, &record, 1);
    }
    return result >= 0 ? fake_flush(&bench->sink_host, plugin->sink, bench->sink, 5000) : result;
}

// Reads records `from` on, `count` of them.
static tide_result read_from(struct bench *bench, int from, size_t count, tide_buf *position)
{
    tide_result result = open_source(bench, "t");
    if (result >= 0)
        result = fake_assign(&bench->source_host, plugin->source, bench->source);
    bench->source_host.room = (uint32_t)count;
    if (result >= 0)
        result = fake_read_until(&bench->source_host, plugin->source, bench->source, count, 2000);
    if (result >= 0 && position)
        result = plugin->source->position(bench->source, 0, position);
    if (result >= 0)
        CU_ASSERT_EQUAL(bench->source_host.message_count, count);
    for (size_t i = 0; i < bench->source_host.message_count; i++) {
        const struct fake_message *message = &bench->source_host.messages[i];
        CU_ASSERT_EQUAL(atoi(message->value.data), from + (int)i);
        CU_ASSERT_EQUAL(message->time_ms, from + (int)i);
        CU_ASSERT_EQUAL(message->header_count, 1);
    }
    return result;
}

static tide_result connect_in(struct bench *bench)
{
    fake_set(&bench->connection_host, "dir", bench->dir);
    tide_result result = plugin->connection->open(
        &bench->connection_host.table, fake_ctx(&bench->connection_host), &bench->connection);
    bench->sink_host.connection = bench->source_host.connection = bench->connection;
    return result;
}

// A source of its own, on the same directory, that goes on from `position`.
static tide_result read_rest(const struct bench *first, const struct fake_bytes *position,
                             char why[1024])
{
    struct bench next;
    make(&next);
    snprintf(next.dir, sizeof next.dir, "%s", first->dir);
    tide_result result = connect_in(&next);
    nomem_end(&next.connection_host, result, why);
    if (result >= 0) {
        fake_position(&next.source_host, "t/0", position->data, position->len);
        result = read_from(&next, 7, RECORDS - 7, NULL);
        nomem_end(&next.source_host, result, why);
    }
    unmake(&next);
    return result;
}

static tide_result life(char why[1024])
{
    struct bench bench;
    tide_buf *position = fake_buf_new();
    make(&bench);
    bench.source_host.table.put = nomem_put;
    tide_result result = connect_in(&bench);
    nomem_end(&bench.connection_host, result, why);
    if (result >= 0) {
        result = write_all(&bench);
        nomem_end(&bench.sink_host, result, why);
    }
    if (result >= 0) {
        result = read_from(&bench, 0, 7, position);
        nomem_end(&bench.source_host, result, why);
    }
    if (result >= 0)
        result = read_rest(&bench, fake_buf_bytes(position), why);
    unmake(&bench);
    fake_buf_free(position);
    return result;
}

static void test_plugin(void)
{
    nomem_each(life);
}

static void test_journal(void)
{
    static const struct nomem_table journal = {mem_fail_at, mem_fail_count};
    nomem_walk(life, &journal, false);
    nomem_walk(life, &journal, true);
}

static CU_TestInfo cases[] = {
    {"plugin", test_plugin}, {"journal", test_journal}, CU_TEST_INFO_NULL};
UNIT_MAIN({"log without memory", begin, end, NULL, NULL, cases})
