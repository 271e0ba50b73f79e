/* SPDX-License-Identifier: MIT */
#pragma once
#include "tidemill/abi.h"

/* An option table says what a node of a plugin takes in YAML. It is all there is: validation with
 * line and column, did-you-mean, defaults, JSON Schema and `tidemill plugins` come from it. What
 * reaches the plugin (host->opt_...) is checked, typed and complete. */

typedef enum tide_option_type {
    TIDE_TEXT = 1,
    TIDE_INT,      /* int64; min and max apply; words in `choices` ("auto") are taken as well: 0 */
    TIDE_NUMBER,   /* double */
    TIDE_BOOL,     /* true or false, nothing else */
    TIDE_DURATION, /* "200ms", "1m30s"; "-5s" where min < 0; read as int64 milliseconds */
    TIDE_SIZE,     /* "64MiB"; read as int64 bytes */
    TIDE_CHOICE,   /* one of `choices` */
    TIDE_LIST,     /* of `item`s; one scalar stands for a list of one */
    TIDE_MAP,      /* of `members`; when it is absent, so are their defaults, unless its own
                      default is "{}" */
    TIDE_FREE_MAP, /* names are free, values are text */
    TIDE_DATA_MAP, /* a map of any YAML: the plugin walks it by host->config */
    TIDE_RANGE     /* "200ms..30s": a map with the durations `from` and `to` */
} tide_option_type;

enum {
    TIDE_OPTION_REQUIRED = 1,
    TIDE_OPTION_SECRET = 2,     /* redacted everywhere */
    TIDE_OPTION_DEPRECATED = 4, /* a warning that quotes `help` */
    TIDE_OPTION_TEMPLATE = 8,   /* text with {field} parts, expanded per record by host->expand */
    TIDE_OPTION_SHORT = 16,     /* MAP: a scalar or list stands for a map with the first member:
                                   `checkpoint: 5s` is `checkpoint: { every: 5s }` */
    TIDE_OPTION_ANY = 32        /* DATA_MAP: a list or a scalar will do as well */
};

typedef struct tide_option {
    const char *name; /* NULL ends a table */
    int32_t type;     /* tide_option_type */
    uint32_t flags;
    const char *default_text;          /* as in YAML; NULL: absent unless given */
    const char *choices;               /* "newline|length" */
    double min, max;                   /* INT NUMBER DURATION(ms) SIZE; both 0: no range */
    int32_t item;                      /* LIST: type of the items */
    const struct tide_option *members; /* MAP, and LIST of MAP */
    const char *help;                  /* one line */
} tide_option;

/* A node of the checked configuration; see host->config. */
typedef struct tide_config tide_config;
