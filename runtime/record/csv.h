// SPDX-License-Identifier: MIT
#pragma once
#include "record/typed.h"

struct error;

// CSV as in RFC 4180: fields between delimiters, in quotes where they hold a delimiter, a quote
// (written twice) or a line break. A line gives a record with one member a column. A quoted field
// is text, whatever it looks like; a bare one is typed (see typed.h), an empty one is null. A line
// with more or fewer fields than columns is an error.

struct csv_options {
    char delimiter;
    char quote;  // 0: there are none
    bool header; // decode: the first line of each split; encode: in front of the first record
    const char *const *columns; // NULL: decode: those of the header; encode: of the first record
    uint32_t column_count;
    const struct typed_member *types; // decode: columns that are not `auto`
    uint32_t type_count;
};
#define CSV_OPTIONS_DEFAULT                                                                        \
    {                                                                                              \
        .delimiter = ',', .quote = '"', .header = true                                             \
    }

int csv_options_check(const struct csv_options *options, struct error *err);

// One field of a line.
struct csv_field {
    uint32_t at, len; // of the content, in the line
    bool quoted;
    bool doubled; // has doubled quotes that stand for one
};

// Cutting a line field by field. next: 1, 0 at the end, or ERR_DATA with error_at and expected.
struct csv_walk {
    const char *line;
    uint32_t len, at;
    char delimiter, quote;
    bool more; // a delimiter was the last: one more field, maybe empty
    uint32_t error_at;
    const char *expected;
};

void csv_walk_start(struct csv_walk *walk, const struct csv_options *options, const char *line,
                    uint32_t len);
int csv_walk_next(struct csv_walk *walk, struct csv_field *field);
// Halves doubled quotes; `out` has room for field->len bytes. The new length.
uint32_t csv_unquote(const char *line, struct csv_field field, char quote, char *out);

// The fast way for a line without quotes and line breaks: one span a field, typed by `types` (NULL:
// all are auto). `pad` bytes behind the line may be read.
enum csv_cut {
    CSV_CUT,        // done: `count` spans, valid UTF-8 not checked when *ascii
    CSV_CUT_QUOTES, // not that simple: walk it
    CSV_CUT_COUNT,  // another number of fields
    CSV_CUT_TYPE,   // a field is not of its column's type: walk it for the message
};
enum csv_cut csv_cut_plain(const struct csv_options *options, const enum typed *types,
                           const char *line, uint32_t len, size_t pad, struct span *spans,
                           uint32_t count, bool *ascii);
