// SPDX-License-Identifier: MIT
#include "log_test.h"

#include "base/io.h"

// Disks that are full, fail or lie; directories and records that are gone.

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

// The disk is full for a while: everything arrives once, in order.
// A directory that can never be made is told at once; root may write everywhere, so that it is a
// file or a loop that is in the way.
static void gives_up_on_a_hopeless_directory(void)
{
    static const char *const rows[][2] = {{"file/in/it", "Not a directory"},
                                          {"loop/in/it", "Too many levels of symbolic links"}};
    char path[128];
    snprintf(path, sizeof path, "%s/file", root);
    FILE *file = fopen(path, "w");
    CU_ASSERT_FATAL(file != NULL);
    fclose(file);
    snprintf(path, sizeof path, "%s/loop", root);
    CU_ASSERT_EQUAL(symlink("loop", path), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench bench;
        make(&bench);
        snprintf(bench.dir, sizeof bench.dir, "%s/%s", root, rows[i][0]);
        connect_to(&bench);
        CU_ASSERT_EQUAL(open_sink(&bench, "t"), TIDE_FATAL);
        CU_ASSERT_PTR_NOT_NULL(strstr(bench.sink_host.reason, rows[i][1]));
        CU_ASSERT_PTR_NOT_NULL(strstr(bench.sink_host.reason, root));
        unmake(&bench);
    }
}

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
    {"notices a replaced directory", notices_a_replaced_directory},
    {"tells what retention dropped", tells_what_retention_dropped},
    {"gives up on a hopeless directory", gives_up_on_a_hopeless_directory},
    {"waits for a full disk", waits_for_a_full_disk},
    {"stops at a failed sync", stops_at_a_failed_sync},
    {"never reads damaged records", never_reads_damaged_records},
    CU_TEST_INFO_NULL,
};
UNIT_MAIN({"log faults", begin, end, NULL, NULL, cases})
