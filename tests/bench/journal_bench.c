// SPDX-License-Identifier: MIT
#include "base/clock.h"
#include "plugin/host_journal.h"
#include "support/fake_host.h"

#include <stdlib.h>
#include <string.h>

// How fast the embedded log is by itself, without the engine around it: one thread, 121-byte JSON
// values with keys of 1,000 devices, batches of 1,024.
//
//   journal_bench LOG_SO DIR [RECORDS]

enum { BATCH = 1024, DEVICES = 1000 };

static int64_t now_ns(void)
{
    return clock_mono_ns(clock_system());
}

static void report(const char *what, uint64_t records, uint64_t bytes, int64_t ns)
{
    printf("%-28s %8.2f M records/s %6.0f ns/record %7.0f MB/s\n", what,
           (double)records * 1e3 / (double)ns, (double)ns / (double)records,
           (double)bytes * 1e3 / (double)ns);
}

static char keys[DEVICES][24], values[DEVICES][160];
static tide_record records[BATCH];

static void make_records(void)
{
    for (int i = 0; i < DEVICES; i++) {
        snprintf(keys[i], sizeof keys[i], "192.168.%d.%d", i / 250, i % 250);
        snprintf(values[i], sizeof values[i],
                 "{\"device\":\"192.168.%d.%d\",\"ts\":1700000123456,\"receive_bytes\":12345,"
                 "\"send_bytes\":6789,\"receive_packets\":12,\"send_packets\":9}",
                 i / 250, i % 250);
    }
    for (int i = 0; i < BATCH; i++) {
        int device = i * 7 % DEVICES;
        records[i] = (tide_record){.struct_size = sizeof records[i],
                                   .offset = TIDE_NO_OFFSET,
                                   .time_ms = 1700000123456 + i,
                                   .key = {keys[device], strlen(keys[device])},
                                   .value = {values[device], strlen(values[device])}};
    }
}

static void append(const tide_plugin *plugin, void *connection, uint64_t count)
{
    struct fake_host host;
    fake_host_init(&host);
    host.table.journal = &host_journal;
    host.connection = connection;
    fake_set(&host, "topic", "bench");
    fake_defaults(&host, plugin->sink->options);
    void *sink;
    if (plugin->sink->open(&host.table, fake_ctx(&host), &sink))
        exit(1);
    int64_t begin = now_ns();
    uint64_t bytes = 0;
    for (uint64_t done = 0; done < count; done += BATCH) {
        if (fake_write(&host, plugin->sink, sink, records, BATCH) < 0) {
            fprintf(stderr, "%s\n", host.reason);
            exit(1);
        }
    }
    for (int i = 0; i < BATCH; i++)
        bytes += records[i].value.len;
    int64_t written = now_ns() - begin;
    plugin->sink->flush(sink);
    report("append, sync each second", count, bytes * (count / BATCH), written);
    report("append, last sync included", count, bytes * (count / BATCH), now_ns() - begin);
    plugin->sink->close(sink);
    fake_host_deinit(&host);
}

// A host that takes what is lent, looks at every value's ends and gives it back at once.
struct counter {
    uint64_t records, bytes, check;
};
static struct counter counter;

static uint32_t count_lent(tide_out *out, const tide_message *messages, uint32_t count,
                           uint32_t stride, void (*release)(void *arg), void *arg)
{
    (void)out;
    for (uint32_t i = 0; i < count; i++) {
        const tide_message *message =
            (const tide_message *)(const void *)((const char *)messages + (size_t)i * stride);
        const char *value = message->value.data;
        counter.bytes += message->value.len;
        counter.check += (uint64_t)(value[0] + value[message->value.len - 1]);
    }
    counter.records += count;
    release(arg);
    return count;
}

static void read_back(const tide_plugin *plugin, void *connection)
{
    struct fake_host host;
    fake_host_init(&host);
    host.table.journal = &host_journal;
    host.table.lend = count_lent;
    host.connection = connection;
    fake_set(&host, "topic", "bench");
    fake_set(&host, "until", "latest");
    fake_defaults(&host, plugin->source->options);
    void *source;
    if (plugin->source->open(&host.table, fake_ctx(&host), &source))
        exit(1);
    counter = (struct counter){0};
    int64_t begin = now_ns();
    fake_assign(&host, plugin->source, source);
    tide_result result;
    while ((result = fake_read(&host, plugin->source, source, BATCH)) == TIDE_OK)
        ;
    if (result != TIDE_EOF) {
        fprintf(stderr, "%s\n", host.reason);
        exit(1);
    }
    report("read", counter.records, counter.bytes, now_ns() - begin);
    if (counter.check != counter.records * (uint64_t)('{' + '}'))
        exit(1);
    plugin->source->close(source);
    fake_host_deinit(&host);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: journal_bench LOG_SO DIR [RECORDS]\n");
        return 2;
    }
    uint64_t count = argc > 3 ? strtoull(argv[3], NULL, 10) : 5000000;
    count = count / BATCH * BATCH;
    const tide_plugin *plugin = fake_load(argv[1]);
    struct fake_host host;
    fake_host_init(&host);
    host.table.journal = &host_journal;
    fake_set(&host, "dir", argv[2]);
    void *connection;
    if (plugin->connection->open(&host.table, fake_ctx(&host), &connection))
        return 1;
    make_records();
    append(plugin, connection, count);
    for (int i = 0; i < 3; i++)
        read_back(plugin, connection);
    plugin->connection->close(connection);
    fake_host_deinit(&host);
    return 0;
}
