// SPDX-License-Identifier: MIT
#pragma once
#include "support/fake_host.h"

// A source or sink of the plugin on a fake host, with the options that every test wants.

struct kafka_source {
    struct fake_host host;
    const tide_source *plugin;
    void *self;
};

struct kafka_sink {
    struct fake_host host;
    const tide_sink *plugin;
    void *self;
};

const char *kafka_brokers(void); // of the shared broker, from the environment; aborts without
void kafka_tool(const char *arguments); // runs kafka_tool on the shared broker; aborts on failure
const char *kafka_plugin_file(void);
// A new topic on the shared broker, a name of its own; static storage.
const char *kafka_fresh_topic(int partitions);

// Whether within that time the plugin waits for something with these words in it; "": for nothing.
bool kafka_waits(struct fake_host *host, const char *words, int timeout_ms);

// `brokers`, `topic`: NULL leaves the option out. Before open: set what differs by fake_set on the
// host.
void kafka_source_init(struct kafka_source *source, const char *brokers, const char *topic);
tide_result kafka_source_open(struct kafka_source *source);
// Reads on until that many messages are there in all, the source ends or fails.
tide_result kafka_source_read(struct kafka_source *source, size_t count, int timeout_ms);
void kafka_source_close(struct kafka_source *source); // after open, also after a failed one

void kafka_sink_init(struct kafka_sink *sink, const char *brokers, const char *topic);
tide_result kafka_sink_open(struct kafka_sink *sink);
void kafka_sink_close(struct kafka_sink *sink);
