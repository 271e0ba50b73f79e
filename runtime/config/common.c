// SPDX-License-Identifier: MIT
#include "config/coding.h"
#include "config/on_error.h"
#include "config/topology.h"

// The options that every node of a kind has. Rows only for what the engine does.

#define ON_ERROR_ROW                                                                               \
    {                                                                                              \
        .name = "on_error", .type = TIDE_MAP, .flags = TIDE_OPTION_SHORT,                          \
        .members = on_error_members,                                                               \
        .help = "stop (default), skip, { dlq: SINK } or { retry: { max, backoff }, then }"         \
    }
#define TYPE_ROW(text)                                                                             \
    {                                                                                              \
        .name = "type", .type = TIDE_TEXT, .flags = TIDE_OPTION_REQUIRED, .help = (text)           \
    }
#define INPUTS_ROW                                                                                 \
    {                                                                                              \
        .name = "inputs", .type = TIDE_DATA_MAP, .flags = TIDE_OPTION_ANY,                         \
        .help = "a node, node.port, or a list of them; sides of a join by name"                    \
    }

static const tide_option event_time_members[] = {
    {.name = "from",
     .type = TIDE_CHOICE,
     .choices = "record",
     .help = "the time stamp that the system itself keeps"},
    {.name = "field", .type = TIDE_TEXT, .help = "path of the field that holds it"},
    {.name = "unit",
     .type = TIDE_CHOICE,
     .choices = "s|ms|us|ns|rfc3339",
     .default_text = "ms",
     .help = "what the field counts"},
    {.name = "max_ahead",
     .type = TIDE_DURATION,
     .max = 3153600000000,
     .help = "a record that is further than this ahead of the clock goes to on_error"},
    {.name = NULL},
};

static const tide_option marker_members[] = {
    {.name = "when",
     .type = TIDE_TEXT,
     .flags = TIDE_OPTION_REQUIRED,
     .help = "condition over the record's fields: true for records that carry a watermark"},
    {.name = "field",
     .type = TIDE_TEXT,
     .help = "path of the field that holds it: all records up to that time have come; default: "
             "the record's event time"},
    {.name = "unit",
     .type = TIDE_CHOICE,
     .choices = "s|ms|us|ns|rfc3339",
     .help = "what the field counts; default: as event_time"},
    {.name = "pass", .type = TIDE_BOOL, .help = "markers go on, as records of their own"},
    {.name = NULL},
};

static const tide_option watermark_members[] = {
    {.name = "kind",
     .type = TIDE_CHOICE,
     .choices = "bounded|ascending|none",
     .help = "bounded by out_of_order (the default); ascending: times of a split never go back; "
             "none: only the end of the source closes windows"},
    {.name = "out_of_order",
     .type = TIDE_DURATION,
     .default_text = "0s",
     .help = "how much later than its successors a record may come"},
    {.name = "marker",
     .type = TIDE_MAP,
     .members = marker_members,
     .help = "records of the source itself say how far time has come: { when, field }"},
    {.name = "idle_after",
     .type = TIDE_DURATION,
     .min = 1,
     .max = 31536000000,
     .help = "a split without records for so long does not hold windows back"},
    {.name = "align",
     .type = TIDE_DURATION,
     .min = 1,
     .max = 31536000000,
     .help = "a split that is further than this ahead of the slowest is not read until it has "
             "caught up"},
    {.name = NULL},
};

static const tide_option buffer_members[] = {
    {.name = "disk",
     .type = TIDE_SIZE,
     .flags = TIDE_OPTION_REQUIRED,
     .min = 1048576,
     .max = 1e15,
     .help = "how much it may take on disk; when it is full the source is not read"},
    {.name = "dir", .type = TIDE_TEXT, .help = "where it is; default: that of the checkpoints"},
    {.name = "sync",
     .type = TIDE_DURATION,
     .default_text = "100ms",
     .max = 60000,
     .help = "after at most so long what was read survives a power cut; 0s: at once"},
    {.name = NULL},
};

static const tide_option source_limits[] = {
    {.name = "record",
     .type = TIDE_SIZE,
     .default_text = "1MiB",
     .min = 1,
     .max = 67108864,
     .help = "largest record"},
    {.name = "depth",
     .type = TIDE_INT,
     .default_text = "128",
     .min = 1,
     .max = 1024,
     .help = "JSON: arrays and objects inside each other"},
    {.name = "members",
     .type = TIDE_INT,
     .default_text = "4096",
     .min = 1,
     .max = 65000,
     .help = "JSON: members of one object"},
    {.name = NULL},
};

const tide_option common_source_options[] = {
    TYPE_ROW("the kind of source"),
    {.name = "connection", .type = TIDE_TEXT, .help = "the connection to read from"},
    {.name = "decode",
     .type = TIDE_MAP,
     .flags = TIDE_OPTION_SHORT,
     .members = decode_members,
     .default_text = "json",
     .help = "how records are written: json, or { csv: { delimiter } }"},
    {.name = "framing",
     .type = TIDE_MAP,
     .flags = TIDE_OPTION_SHORT,
     .members = framing_members,
     .help = "how a stream is cut into records: newline, or { length: { prefix } }; default: "
             "newline, or csv or msgpack with a decode of that name"},
    {.name = "event_time",
     .type = TIDE_MAP,
     .flags = TIDE_OPTION_SHORT,
     .members = event_time_members,
     .help = "record, or { field, unit }"},
    {.name = "watermark",
     .type = TIDE_MAP,
     .flags = TIDE_OPTION_SHORT,
     .members = watermark_members,
     .default_text = "{}",
     .help = "how far event time is known to have come: { out_of_order, idle_after, align }, "
             "ascending, none or { marker }"},
    {.name = "rate",
     .type = TIDE_NUMBER,
     .min = 0.001,
     .max = 1e12,
     .help = "at most so many records a second"},
    {.name = "buffer",
     .type = TIDE_MAP,
     .members = buffer_members,
     .help = "for a source that cannot be read again: what it hands over is kept on disk until a "
             "checkpoint has passed it: { disk: 1GiB }"},
    {.name = "limits",
     .type = TIDE_MAP,
     .members = source_limits,
     .default_text = "{}",
     .help = "limits of one record"},
    ON_ERROR_ROW,
    {.name = NULL},
};

static const tide_option operator_limits[] = {
    {.name = "memory",
     .type = TIDE_SIZE,
     .default_text = "64MiB",
     .min = 65536,
     .max = 1099511627776,
     .help = "of the script"},
    {.name = "time",
     .type = TIDE_DURATION,
     .default_text = "200ms",
     .min = 1,
     .max = 3600000,
     .help = "of the script, for one record"},
    {.name = "state",
     .type = TIDE_SIZE,
     .min = 4096,
     .max = 1099511627776,
     .help = "of keyed state, in each lane; without it only the machine's memory ends it"},
    {.name = "key",
     .type = TIDE_SIZE,
     .min = 1024,
     .max = 1099511627776,
     .help = "of what a process keeps for one key"},
    {.name = NULL},
};

const tide_option common_operator_options[] = {
    TYPE_ROW("the kind of operator"),
    INPUTS_ROW,
    {.name = "script", .type = TIDE_TEXT, .help = "a Lua file"},
    {.name = "lua", .type = TIDE_TEXT, .help = "Lua, written here"},
    {.name = "params", .type = TIDE_DATA_MAP, .help = "what the script sees as `conf`"},
    {.name = "limits",
     .type = TIDE_MAP,
     .members = operator_limits,
     .default_text = "{}",
     .help = "limits of the script and of its state"},
    {.name = "parallelism",
     .type = TIDE_INT,
     .choices = "auto",
     .min = 1,
     .max = 1024,
     .help = "lanes that it is in: a number, or auto; as many as the pipeline has, if they serve"},
    {.name = "rebalance",
     .type = TIDE_BOOL,
     .help = "takes batches in turn in all lanes: the order of a split is lost"},
    ON_ERROR_ROW,
    {.name = NULL},
};

const tide_option common_sink_options[] = {
    TYPE_ROW("the kind of sink"),
    {.name = "connection", .type = TIDE_TEXT, .help = "the connection to write to"},
    INPUTS_ROW,
    {.name = "encode",
     .type = TIDE_MAP,
     .flags = TIDE_OPTION_SHORT,
     .members = encode_members,
     .default_text = "json",
     .help = "how records are written: json, or { csv: { columns } }"},
    {.name = "framing",
     .type = TIDE_MAP,
     .flags = TIDE_OPTION_SHORT,
     .members = sink_framing_members,
     .help = "how a stream of records is told apart: newline, or { length: { prefix } }; default: "
             "newline, or none with encode msgpack"},
    {.name = "key",
     .type = TIDE_TEXT,
     .flags = TIDE_OPTION_TEMPLATE,
     .help = "the record's key: \"{device}\""},
    {.name = "headers",
     .type = TIDE_FREE_MAP,
     .flags = TIDE_OPTION_TEMPLATE,
     .help = "headers of the record"},
    {.name = "time",
     .type = TIDE_CHOICE,
     .choices = "event",
     .help = "event: the record's time stamp is its event time"},
    {.name = "delivery",
     .type = TIDE_CHOICE,
     .choices = "at_least_once",
     .help = "takes this sink out of exactly once"},
    ON_ERROR_ROW,
    {.name = NULL},
};

const tide_option common_connection_options[] = {
    TYPE_ROW("the kind of connection"),
    {.name = NULL},
};
