// SPDX-License-Identifier: MIT
#include "sink.h"
#include "source.h"
#include "tx.h"

#define OPTION_TABLE_END                                                                           \
    {                                                                                              \
        .name = NULL                                                                               \
    }

static const tide_option create_options[] = {
    {.name = "partitions",
     .type = TIDE_INT,
     .flags = TIDE_OPTION_REQUIRED,
     .min = 1,
     .max = 100000,
     .help = "how many the new topic gets"},
    {.name = "replication",
     .type = TIDE_INT,
     .min = 1,
     .max = 100,
     .help = "copies of each; absent: as the brokers are set"},
    OPTION_TABLE_END,
};

#define BROKERS_HELP "host:port of some brokers; instead of connection"
#define OPTIONS_HELP "any librdkafka property: security.protocol, sasl.username, linger.ms, ..."
#define CREATE_HELP "makes the topic when it is missing"

static const tide_option connection_options[] = {
    {.name = "brokers",
     .type = TIDE_LIST,
     .item = TIDE_TEXT,
     .flags = TIDE_OPTION_REQUIRED,
     .help = "host:port of some brokers of the cluster"},
    {.name = "options", .type = TIDE_FREE_MAP, .help = OPTIONS_HELP},
    {.name = "create",
     .type = TIDE_MAP,
     .members = create_options,
     .help = CREATE_HELP "; for nodes that do not say it"},
    {.name = "group",
     .type = TIDE_TEXT,
     .help = "consumer group of sources that name none; default: the pipeline's name"},
    {.name = "transactional_id",
     .type = TIDE_TEXT,
     .help = "who writes, with delivery: exactly_once; default: the pipeline's name"},
    {.name = "transaction_timeout",
     .type = TIDE_DURATION,
     .default_text = "60s",
     .min = 1000,
     .max = 3600000,
     .help = "the brokers abort an epoch that takes longer"},
    {.name = "commit_timeout",
     .type = TIDE_DURATION,
     .default_text = "10s",
     .min = 1,
     .max = 600000,
     .help = "after it a commit counts as failed until the marker tells"},
    {.name = "marker_topic",
     .type = TIDE_TEXT,
     .help = "the topic of this pipeline's own that tells which epoch was committed last; "
             "default: its name and .tidemill"},
    OPTION_TABLE_END,
};

static const tide_option source_options[] = {
    {.name = "brokers", .type = TIDE_LIST, .item = TIDE_TEXT, .help = BROKERS_HELP},
    {.name = "topic", .type = TIDE_TEXT, .help = "the topic to read"},
    {.name = "topics",
     .type = TIDE_LIST,
     .item = TIDE_TEXT,
     .help = "several topics; one that begins with ^ is a pattern"},
    {.name = "group", .type = TIDE_TEXT, .help = "consumer group; default: the connection's"},
    {.name = "start",
     .type = TIDE_CHOICE,
     .choices = "earliest|latest|committed",
     .default_text = "committed",
     .help = "where to begin without state; committed: the group's offsets, else earliest"},
    {.name = "until",
     .type = TIDE_CHOICE,
     .choices = "latest",
     .help = "ends at the end that each partition has at the start"},
    {.name = "isolation",
     .type = TIDE_CHOICE,
     .choices = "committed|uncommitted",
     .default_text = "committed",
     .help = "uncommitted: open and aborted transactions as well"},
    {.name = "assignment",
     .type = TIDE_CHOICE,
     .choices = "group|all",
     .help = "group: shares the partitions with the group; all: takes every one, at once; "
             "default: group, in exactly once all"},
    {.name = "create", .type = TIDE_MAP, .members = create_options, .help = CREATE_HELP},
    {.name = "options", .type = TIDE_FREE_MAP, .help = OPTIONS_HELP},
    OPTION_TABLE_END,
};

static const tide_option sink_options[] = {
    {.name = "brokers", .type = TIDE_LIST, .item = TIDE_TEXT, .help = BROKERS_HELP},
    {.name = "topic",
     .type = TIDE_TEXT,
     .flags = TIDE_OPTION_REQUIRED | TIDE_OPTION_TEMPLATE,
     .help = "the topic to write to; may have {fields}"},
    {.name = "partitioner",
     .type = TIDE_CHOICE,
     .choices = "murmur2_random|murmur2|consistent_random|consistent|fnv1a_random|fnv1a|random",
     .default_text = "murmur2_random",
     .help = "murmur2_random: as Java's clients do"},
    {.name = "create", .type = TIDE_MAP, .members = create_options, .help = CREATE_HELP},
    {.name = "options", .type = TIDE_FREE_MAP, .help = OPTIONS_HELP},
    OPTION_TABLE_END,
};

static const tide_connection connection = {
    .struct_size = sizeof connection,
    .capabilities = TIDE_CONNECTION_DECIDES,
    .options = connection_options,
    .open = connection_open,
    .close = connection_close,
    .begin = tx_begin,
    .prepare = tx_prepare,
    .commit = tx_commit,
    .abort = tx_abort,
    .decided = tx_decided,
};

static const tide_source source = {
    .struct_size = sizeof source,
    .capabilities = TIDE_SOURCE_REPLAYABLE | TIDE_SOURCE_SPLITS | TIDE_SOURCE_BOUNDED,
    .options = source_options,
    .open = source_open,
    .close = source_close,
    .assign = group_assign,
    .revoke = group_revoke,
    .read = queue_read,
    .position = commit_position,
    .ack = commit_ack,
    .poll_fd = source_poll_fd,
    .lag = source_lag,
    .pause = group_pause,
};

static const tide_sink sink = {
    .struct_size = sizeof sink,
    .options = sink_options,
    .open = sink_open,
    .close = sink_close,
    .write = sink_write,
    .flush = sink_flush,
    .poll_fd = sink_poll_fd,
};

static const tide_plugin plugin = {
    TIDE_PLUGIN_HEAD,
    .name = "kafka",
    .version = "1.0.0",
    .license = "MIT",
    .help = "reads and writes topics of Apache Kafka",
    .source = &source,
    .sink = &sink,
    .connection = &connection,
};

TIDE_EXPORT const tide_plugin *tide_plugin_entry(uint32_t host_major, uint32_t host_minor)
{
    (void)host_minor;
    return host_major == TIDE_ABI_MAJOR ? &plugin : NULL;
}
