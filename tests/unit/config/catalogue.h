// SPDX-License-Identifier: MIT
#pragma once
#include "config/on_error.h"
#include "config/topology.h"

// What there is, for tests: a few types of each kind with tables that use every type of option.

static const tide_option mock_create[] = {
    {.name = "partitions", .type = TIDE_INT, .default_text = "1", .min = 1, .max = 1000},
    {.name = NULL},
};
static const tide_option mock_tag[] = {
    {.name = "name", .type = TIDE_TEXT, .flags = TIDE_OPTION_REQUIRED},
    {.name = "weight", .type = TIDE_NUMBER, .default_text = "1"},
    {.name = NULL},
};
static const tide_option mock_tcp[] = {
    {.name = "targets", .type = TIDE_LIST, .item = TIDE_TEXT, .flags = TIDE_OPTION_REQUIRED},
    {.name = "interval", .type = TIDE_DURATION, .default_text = "1s", .min = 10, .max = 3600000},
    {.name = "max_bytes", .type = TIDE_SIZE, .default_text = "64KiB"},
    {.name = "password", .type = TIDE_TEXT, .flags = TIDE_OPTION_SECRET},
    {.name = "port", .type = TIDE_INT, .min = 1, .max = 65535},
    {.name = "share", .type = TIDE_NUMBER, .min = 0, .max = 1},
    {.name = "follow", .type = TIDE_BOOL, .default_text = "false"},
    {.name = "wait",
     .type = TIDE_DURATION,
     .flags = TIDE_OPTION_DEPRECATED,
     .help = "use 'interval'"},
    {.name = "backoff", .type = TIDE_RANGE, .default_text = "200ms..30s"},
    {.name = "labels", .type = TIDE_FREE_MAP},
    {.name = "fields", .type = TIDE_DATA_MAP},
    {.name = "tags", .type = TIDE_LIST, .item = TIDE_MAP, .members = mock_tag},
    {.name = "ports", .type = TIDE_LIST, .item = TIDE_INT, .default_text = "[1, 2]"},
    {.name = NULL},
};
static const tide_option mock_topic[] = {
    {.name = "topic", .type = TIDE_TEXT, .flags = TIDE_OPTION_REQUIRED},
    {.name = "start",
     .type = TIDE_CHOICE,
     .choices = "earliest|latest|committed",
     .default_text = "earliest"},
    {.name = "create", .type = TIDE_MAP, .members = mock_create},
    {.name = NULL},
};
static const tide_option mock_log[] = {
    {.name = "dir", .type = TIDE_TEXT, .flags = TIDE_OPTION_REQUIRED, .help = "where it is kept"},
    {.name = NULL},
};
static const tide_option mock_kafka[] = {
    {.name = "brokers", .type = TIDE_TEXT, .flags = TIDE_OPTION_REQUIRED},
    {.name = "password", .type = TIDE_TEXT, .flags = TIDE_OPTION_SECRET},
    {.name = "options", .type = TIDE_FREE_MAP},
    {.name = "transaction_timeout", .type = TIDE_DURATION, .default_text = "60s"},
    {.name = "commit_timeout", .type = TIDE_DURATION, .default_text = "10s"},
    {.name = NULL},
};
static const tide_option mock_file[] = {
    {.name = "path", .type = TIDE_TEXT, .flags = TIDE_OPTION_REQUIRED | TIDE_OPTION_TEMPLATE},
    {.name = NULL},
};
static const tide_option mock_window[] = {
    {.name = "tumbling", .type = TIDE_DURATION, .min = 1, .max = 31536000000},
    {.name = "lateness", .type = TIDE_DURATION, .default_text = "0s"},
    {.name = NULL},
};
static const tide_option mock_aggregate[] = {
    {.name = "key_by", .type = TIDE_LIST, .item = TIDE_TEXT},
    {.name = "window", .type = TIDE_MAP, .members = mock_window, .flags = TIDE_OPTION_REQUIRED},
    {.name = "compute", .type = TIDE_FREE_MAP},
    {.name = NULL},
};
static const tide_option mock_route[] = {
    {.name = "routes", .type = TIDE_FREE_MAP, .flags = TIDE_OPTION_REQUIRED},
    {.name = NULL},
};

static const tide_option mock_split[] = {
    {.name = "ports", .type = TIDE_LIST, .item = TIDE_TEXT},
    {.name = NULL},
};

static const char *const mock_late[] = {"late", NULL};
static const char *const mock_unmatched[] = {"unmatched", NULL};

struct mock_entry {
    enum node_kind kind;
    const char *type;
    struct catalogue_entry entry;
};

static const struct mock_entry mock_entries[] = {
    {NODE_CONNECTION, "log", {.options = mock_log}},
    {NODE_CONNECTION, "kafka", {.options = mock_kafka}},
    {NODE_CONNECTION, "cache", {.options = NULL}},
    {NODE_SOURCE, "tcp_poll", {.options = mock_tcp}},
    {NODE_SOURCE, "log", {.options = mock_topic}},
    {NODE_SOURCE, "kafka", {.options = mock_topic}},
    {NODE_SOURCE, "generator", {.options = NULL}},
    {NODE_OPERATOR, "map", {.has_out = true}},
    {NODE_OPERATOR, "aggregate", {.options = mock_aggregate, .ports = mock_late, .has_out = true}},
    {NODE_OPERATOR,
     "route",
     {.options = mock_route, .ports = mock_unmatched, .ports_option = "routes"}},
    {NODE_OPERATOR,
     "split",
     {.options = mock_split, .ports_option = "ports", .has_out = true, .optional_out = true}},
    {NODE_OPERATOR, "join", {.sides = true, .has_out = true}},
    {NODE_OPERATOR, "watch", {.has_out = true, .optional_out = true}},
    {NODE_SINK, "log", {.options = mock_topic}},
    {NODE_SINK, "kafka", {.options = mock_topic}},
    {NODE_SINK, "file", {.options = mock_file}},
    {NODE_SINK, "null", {.options = NULL}},
};

static const struct catalogue_entry *mock_find(const struct catalogue *catalogue,
                                               enum node_kind kind, const char *type)
{
    (void)catalogue;
    for (size_t i = 0; i < sizeof mock_entries / sizeof *mock_entries; i++)
        if (mock_entries[i].kind == kind && strcmp(mock_entries[i].type, type) == 0)
            return &mock_entries[i].entry;
    return NULL;
}

static const char *const *mock_names(const struct catalogue *catalogue, enum node_kind kind)
{
    static const char *names[4][16];
    (void)catalogue;
    size_t count = 0;
    for (size_t i = 0; i < sizeof mock_entries / sizeof *mock_entries; i++)
        if (mock_entries[i].kind == kind)
            names[kind][count++] = mock_entries[i].type;
    names[kind][count] = NULL;
    return names[kind];
}

static const struct catalogue mock_catalogue = {.find = mock_find, .names = mock_names};
