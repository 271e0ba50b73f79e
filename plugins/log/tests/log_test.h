// SPDX-License-Identifier: MIT
#pragma once
#include "plugin/host_journal.h"
#include "support/plugin_test.h"

// What the tests of the embedded log share.

static char root[64];
static const tide_plugin *plugin;

static inline int begin(void)
{
    plugin = fake_load(PLUGIN_FILE);
    snprintf(root, sizeof root, "/tmp/tidemill-log-XXXXXX");
    return mkdtemp(root) ? 0 : 1;
}

static inline int end(void)
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

static inline void make(struct bench *bench)
{
    static int number;
    memset(bench, 0, sizeof *bench);
    leftovers(1, 0);
    snprintf(bench->dir, sizeof bench->dir, "%s/%d", root, number++);
    struct fake_host *hosts[] = {&bench->connection_host, &bench->sink_host, &bench->source_host};
    for (int i = 0; i < 3; i++) {
        fake_host_init(hosts[i]);
        hosts[i]->table.journal = &host_journal;
    }
}

static inline void connect_to(struct bench *bench)
{
    fake_set(&bench->connection_host, "dir", bench->dir);
    CU_ASSERT_EQUAL_FATAL(plugin->connection->open(&bench->connection_host.table,
                                                   fake_ctx(&bench->connection_host),
                                                   &bench->connection),
                          TIDE_OK);
    bench->sink_host.connection = bench->source_host.connection = bench->connection;
}

static inline tide_result open_sink(struct bench *bench, const char *topic)
{
    fake_set(&bench->sink_host, "topic", topic);
    fake_defaults(&bench->sink_host, plugin->sink->options);
    return plugin->sink->open(&bench->sink_host.table, fake_ctx(&bench->sink_host), &bench->sink);
}

static inline tide_result open_source(struct bench *bench, const char *topic)
{
    fake_set(&bench->source_host, "topic", topic);
    fake_defaults(&bench->source_host, plugin->source->options);
    return plugin->source->open(&bench->source_host.table, fake_ctx(&bench->source_host),
                                &bench->source);
}

static inline void close_source(struct bench *bench)
{
    if (bench->source)
        plugin->source->close(bench->source);
    bench->source = NULL;
}

static inline void close_sink(struct bench *bench)
{
    if (bench->sink)
        plugin->sink->close(bench->sink);
    bench->sink = NULL;
}

static inline void unmake(struct bench *bench)
{
    close_source(bench);
    close_sink(bench);
    if (bench->connection)
        plugin->connection->close(bench->connection);
    fake_host_deinit(&bench->source_host); // what is lent comes back when all is closed
    fake_host_deinit(&bench->sink_host);
    fake_host_deinit(&bench->connection_host);
    leftovers(0, 1);
}

static inline tide_record record_of(const char *key, const char *value, int64_t time_ms)
{
    tide_record record = {.struct_size = sizeof record, .offset = TIDE_NO_OFFSET};
    record.time_ms = time_ms;
    record.key = (tide_bytes){key, key ? strlen(key) : 0};
    record.value = (tide_bytes){value, value ? strlen(value) : 0};
    return record;
}

static inline void put_one(struct bench *bench, const char *key, const char *value)
{
    tide_record record = record_of(key, value, 1000);
    CU_ASSERT_EQUAL(fake_write(&bench->sink_host, plugin->sink, bench->sink, &record, 1), TIDE_OK);
}

static inline void put_numbers(struct bench *bench, int from, int to)
{
    for (int i = from; i < to; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        put_one(bench, text, text);
    }
}

static inline void expect_numbers(struct fake_host *host, int from, int to)
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

static inline tide_result read_some(struct bench *bench, size_t count)
{
    return fake_read_until(&bench->source_host, plugin->source, bench->source, count, 20000);
}
