// SPDX-License-Identifier: MIT
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void die(const char *what)
{
    fprintf(stderr, "kafka tests: %s\n", what);
    abort();
}

const char *kafka_brokers(void)
{
    const char *brokers = getenv("KAFKA_BROKERS");
    if (!brokers)
        die("KAFKA_BROKERS is not set: run by ctest, or by kafka_broker.py run --");
    return brokers;
}

void kafka_tool(const char *arguments)
{
    char command[1024];
    const char *tool = getenv("KAFKA_TOOL");
    snprintf(command, sizeof command, "%s -b %s %s", tool ? tool : "kafka_tool", kafka_brokers(),
             arguments);
    if (system(command) != 0)
        die(command);
}

const char *kafka_plugin_file(void)
{
    return KAFKA_PLUGIN;
}

const char *kafka_fresh_topic(int partitions)
{
    static char name[64];
    static int number;
    char command[128];
    snprintf(name, sizeof name, "t-%d-%d", (int)getpid(), number++);
    snprintf(command, sizeof command, "create %s %d", name, partitions);
    kafka_tool(command);
    return name;
}

void kafka_source_init(struct kafka_source *source, const char *brokers, const char *topic)
{
    fake_host_init(&source->host);
    source->plugin = fake_load(KAFKA_PLUGIN)->source;
    source->self = NULL;
    source->host.pipeline = "tests";
    if (brokers)
        fake_add(&source->host, "brokers", brokers);
    if (topic)
        fake_set(&source->host, "topic", topic);
}

tide_result kafka_source_open(struct kafka_source *source)
{
    fake_defaults(&source->host, source->plugin->options);
    return source->plugin->open(&source->host.table, fake_ctx(&source->host), &source->self);
}

tide_result kafka_source_read(struct kafka_source *source, size_t count, int timeout_ms)
{
    return fake_read_until(&source->host, source->plugin, source->self, count, timeout_ms);
}

void kafka_source_close(struct kafka_source *source)
{
    if (source->self)
        source->plugin->close(source->self);
    fake_host_deinit(&source->host);
}

void kafka_sink_init(struct kafka_sink *sink, const char *brokers, const char *topic)
{
    fake_host_init(&sink->host);
    sink->plugin = fake_load(KAFKA_PLUGIN)->sink;
    sink->self = NULL;
    sink->host.pipeline = "tests";
    if (brokers)
        fake_add(&sink->host, "brokers", brokers);
    if (topic)
        fake_set(&sink->host, "topic", topic);
}

tide_result kafka_sink_open(struct kafka_sink *sink)
{
    fake_defaults(&sink->host, sink->plugin->options);
    return sink->plugin->open(&sink->host.table, fake_ctx(&sink->host), &sink->self);
}

void kafka_sink_close(struct kafka_sink *sink)
{
    if (sink->self)
        sink->plugin->close(sink->self);
    fake_host_deinit(&sink->host);
}

bool kafka_waits(struct fake_host *host, const char *words, int timeout_ms)
{
    for (int left = timeout_ms / 10;; left--) {
        pthread_mutex_lock(&host->lock);
        bool so = words[0] ? strstr(host->missing, words) != NULL : !host->missing[0];
        pthread_mutex_unlock(&host->lock);
        if (so || left <= 0)
            return so;
        usleep(10000);
    }
}
