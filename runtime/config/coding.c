// SPDX-License-Identifier: MIT
#include "config/coding.h"

static const tide_option csv_members[] = {
    {.name = "delimiter", .type = TIDE_TEXT, .default_text = ",", .help = "one character"},
    {.name = "quote",
     .type = TIDE_TEXT,
     .default_text = "\"",
     .help = "one character; empty: there are none"},
    {.name = "header",
     .type = TIDE_BOOL,
     .help = "the first line has the names; default: true without columns"},
    {.name = "columns",
     .type = TIDE_LIST,
     .item = TIDE_TEXT,
     .help = "names of the columns; without them, those of the header or the first record"},
    {.name = "types",
     .type = TIDE_FREE_MAP,
     .help = "decode: column to auto, text, int, number or bool; default: auto, by its look"},
    {.name = NULL},
};

#define BIG_INTS_ROW                                                                               \
    {                                                                                              \
        .name = "big_ints", .type = TIDE_CHOICE, .choices = "float|error|string",                  \
        .default_text = "float",                                                                   \
        .help = "integers beyond 64 bits: read as the nearest double, refused, or read as text"    \
    }

static const tide_option json_members[] = {
    BIG_INTS_ROW,
    {.name = NULL},
};

static const tide_option msgpack_members[] = {
    {.name = "bin",
     .type = TIDE_CHOICE,
     .choices = "text|base64",
     .default_text = "text",
     .help = "what values of the type bin are read as; text has to be UTF-8"},
    BIG_INTS_ROW,
    {.name = NULL},
};

static const tide_option regex_members[] = {
    {.name = "pattern",
     .type = TIDE_TEXT,
     .flags = TIDE_OPTION_REQUIRED,
     .help = "a regular expression of PCRE2; its named groups, (?<name>...), are the fields"},
    {.name = "types",
     .type = TIDE_FREE_MAP,
     .help = "group to auto, text, int, number or bool; default: auto, by its look"},
    {.name = "match_limit",
     .type = TIDE_INT,
     .default_text = "100000",
     .min = 1,
     .max = 1000000000,
     .help = "steps that the expression may take on a line"},
    {.name = NULL},
};

const tide_option decode_members[] = {
    {.name = "format",
     .type = TIDE_CHOICE,
     .choices = "json|text|csv|syslog|logfmt|msgpack|none",
     .help = "with its standard options"},
    {.name = "json", .type = TIDE_MAP, .members = json_members, .help = "JSON with other options"},
    {.name = "csv", .type = TIDE_MAP, .members = csv_members, .help = "CSV with other options"},
    {.name = "msgpack",
     .type = TIDE_MAP,
     .members = msgpack_members,
     .help = "MessagePack with other options"},
    {.name = "regex",
     .type = TIDE_MAP,
     .members = regex_members,
     .help = "lines by a regular expression"},
    {.name = NULL},
};

const tide_option encode_members[] = {
    {.name = "format",
     .type = TIDE_CHOICE,
     .choices = "json|text|csv|logfmt|msgpack|none",
     .help = "with its standard options"},
    {.name = "csv", .type = TIDE_MAP, .members = csv_members, .help = "CSV with other options"},
    {.name = NULL},
};

static const tide_option length_members[] = {
    {.name = "prefix",
     .type = TIDE_CHOICE,
     .choices = "1|2|4|8|varint",
     .default_text = "4",
     .help = "bytes of the length in front of each record"},
    {.name = "order",
     .type = TIDE_CHOICE,
     .choices = "big|little",
     .default_text = "big",
     .help = "which of its bytes comes first"},
    {.name = NULL},
};

const tide_option framing_members[] = {
    {.name = "kind",
     .type = TIDE_CHOICE,
     .choices = "newline|whole|csv|length|octet|msgpack",
     .help = "with its standard options"},
    {.name = "length",
     .type = TIDE_MAP,
     .members = length_members,
     .help = "each record behind its length"},
    {.name = NULL},
};

const tide_option sink_framing_members[] = {
    {.name = "kind",
     .type = TIDE_CHOICE,
     .choices = "newline|length|octet|none",
     .help = "with its standard options"},
    {.name = "length",
     .type = TIDE_MAP,
     .members = length_members,
     .help = "each record behind its length"},
    {.name = NULL},
};
