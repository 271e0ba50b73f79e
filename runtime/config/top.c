// SPDX-License-Identifier: MIT
#include "config/topology.h"

// The options of a pipeline as a whole. Rows only for what the engine does.

static const tide_option checkpoint_members[] = {
    {.name = "every",
     .type = TIDE_DURATION,
     .default_text = "5s",
     .min = 10,
     .max = 86400000,
     .help = "pause between two checkpoints"},
    {.name = "dir", .type = TIDE_TEXT, .default_text = "./state", .help = "where they are kept"},
    {.name = "keep",
     .type = TIDE_INT,
     .default_text = "3",
     .min = 1,
     .max = 1000,
     .help = "how many"},
    {.name = "timeout",
     .type = TIDE_DURATION,
     .default_text = "60s",
     .min = 100,
     .max = 86400000,
     .help = "one that takes longer is given up"},
    {.name = NULL},
};

static const tide_option restart_members[] = {
    {.name = "max",
     .type = TIDE_INT,
     .choices = "false",
     .min = 0,
     .max = 1000000000,
     .default_text = "10",
     .help = "how often in a row; 0 or false: never"},
    {.name = "backoff",
     .type = TIDE_RANGE,
     .default_text = "1s..60s",
     .help = "first and longest pause; doubled each time"},
    {.name = "reset_after",
     .type = TIDE_DURATION,
     .default_text = "5m",
     .min = 1,
     .max = 86400000,
     .help = "one that has run for so long is counted from the beginning again"},
    {.name = NULL},
};

static const tide_option top_limits[] = {
    {.name = "memory",
     .type = TIDE_SIZE,
     .min = 1048576,
     .max = 1e15,
     .help = "what the whole process may have resident; near it sources stop reading"},
    {.name = NULL},
};

static const tide_option log_members[] = {
    {.name = "level",
     .type = TIDE_CHOICE,
     .choices = "error|warn|info|debug",
     .default_text = "info",
     .help = "lines from this level up"},
    {.name = NULL},
};

#define SECTION_ROW(section, text)                                                                 \
    {                                                                                              \
        .name = (section), .type = TIDE_DATA_MAP, .help = (text)                                   \
    }

const tide_option top_options[] = {
    {.name = "version", .type = TIDE_INT, .min = 1, .max = 1, .help = "of this file's format: 1"},
    {.name = "pipeline",
     .type = TIDE_TEXT,
     .flags = TIDE_OPTION_REQUIRED,
     .help = "its name: state, consumer group and metrics hang on it"},
    {.name = "delivery",
     .type = TIDE_CHOICE,
     .choices = "at_least_once|exactly_once",
     .default_text = "at_least_once",
     .help = "what each path gets where it can"},
    {.name = "require",
     .type = TIDE_CHOICE,
     .choices = "at_least_once|exactly_once",
     .help = "an error if a path gets less"},
    {.name = "checkpoint",
     .type = TIDE_MAP,
     .flags = TIDE_OPTION_SHORT,
     .members = checkpoint_members,
     .help = "5s, or { every, dir, keep, timeout }"},
    {.name = "restart",
     .type = TIDE_MAP,
     .flags = TIDE_OPTION_SHORT,
     .members = restart_members,
     .help =
         "false, or { max, backoff, reset_after }: a pipeline with checkpoints that fails for a "
         "reason that may pass goes on from the last one"},
    {.name = "parallelism",
     .type = TIDE_INT,
     .choices = "auto",
     .min = 1,
     .max = 1024,
     .default_text = "1",
     .help = "lanes: a number, or auto: as many as there are cores, if the pipeline can use them"},
    {.name = "priority",
     .type = TIDE_INT,
     .min = 1,
     .max = 1000,
     .default_text = "1",
     .help = "its weight where several pipelines share a process: one of 3 gets three times the "
             "processor time of one of 1, if both want it"},
    {.name = "limits",
     .type = TIDE_MAP,
     .members = top_limits,
     .default_text = "{}",
     .help = "limits of the process"},
    {.name = "drain",
     .type = TIDE_DURATION,
     .default_text = "10s",
     .help = "how long what is in flight may take to leave at the end"},
    {.name = "log",
     .type = TIDE_MAP,
     .flags = TIDE_OPTION_SHORT,
     .members = log_members,
     .default_text = "{}",
     .help = "info, or { level }"},
    SECTION_ROW("connections", "what several nodes share"),
    SECTION_ROW("sources", "where records come from"),
    SECTION_ROW("operators", "what is done with them"),
    SECTION_ROW("sinks", "where they go"),
    SECTION_ROW("defaults", "options for all nodes of a section"),
    {.name = "tests", .type = TIDE_DATA_MAP, .flags = TIDE_OPTION_ANY, .help = "cases"},
    {.name = "include", .type = TIDE_LIST, .item = TIDE_TEXT, .help = "files to merge under this"},
    {.name = NULL},
};
