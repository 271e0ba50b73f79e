// SPDX-License-Identifier: MIT
#include "base/error.h"
#include "record/csv.h"
#include <string.h>

void csv_walk_start(struct csv_walk *walk, const struct csv_options *options, const char *line,
                    uint32_t len)
{
    *walk = (struct csv_walk){.line = line,
                              .len = len,
                              .delimiter = options->delimiter,
                              .quote = options->quote,
                              .more = true};
}

static int fail(struct csv_walk *walk, uint32_t at, const char *expected)
{
    walk->error_at = at;
    walk->expected = expected;
    return ERR_DATA;
}

// The delimiter behind a field, or the end.
static int end_field(struct csv_walk *walk)
{
    walk->more = walk->at < walk->len;
    walk->at += walk->more;
    return 1;
}

static int bare(struct csv_walk *walk, struct csv_field *field)
{
    field->at = walk->at;
    for (; walk->at < walk->len && walk->line[walk->at] != walk->delimiter; walk->at++) {
        char c = walk->line[walk->at];
        if (walk->quote && c == walk->quote)
            return fail(walk, walk->at, "no quote inside a bare field");
        if (c == '\n')
            return fail(walk, walk->at, "no line break outside of quotes");
    }
    field->len = walk->at - field->at;
    return end_field(walk);
}

static int quoted(struct csv_walk *walk, struct csv_field *field)
{
    field->quoted = true;
    field->at = ++walk->at;
    for (;;) {
        const char *from = walk->line + walk->at;
        const char *end =
            walk->len > walk->at ? memchr(from, walk->quote, walk->len - walk->at) : NULL;
        if (!end)
            return fail(walk, walk->len, "a closing quote");
        walk->at = (uint32_t)(end - walk->line) + 1;
        if (walk->at == walk->len || walk->line[walk->at] != walk->quote)
            break;
        field->doubled = true;
        walk->at++;
    }
    field->len = walk->at - 1 - field->at;
    if (walk->at < walk->len && walk->line[walk->at] != walk->delimiter)
        return fail(walk, walk->at, "a delimiter or the end of the line");
    return end_field(walk);
}

int csv_walk_next(struct csv_walk *walk, struct csv_field *field)
{
    if (!walk->more)
        return 0;
    *field = (struct csv_field){0};
    bool opens = walk->quote && walk->at < walk->len && walk->line[walk->at] == walk->quote;
    return opens ? quoted(walk, field) : bare(walk, field);
}

uint32_t csv_unquote(const char *line, struct csv_field field, char quote, char *out)
{
    uint32_t len = 0;
    for (uint32_t i = 0; i < field.len; i++) {
        out[len++] = line[field.at + i];
        i += line[field.at + i] == quote;
    }
    return len;
}
