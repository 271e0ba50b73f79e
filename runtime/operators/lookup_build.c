// SPDX-License-Identifier: MIT
#include "operators/lookup.h"
#include "operators/keys.h"
#include "record/json.h"
#include <string.h>

enum { KEY_BYTES_MAX = 1 << 20, NAME_BYTES_MAX = 1 << 16 };

int lookup_read_fields(const struct tide_config *fields, const char *option, struct path *paths,
                       uint32_t *count, struct error *err)
{
    *count = 0;
    if (!fields)
        return error_set(err, ERR_INPUT, "%s: no field", option);
    return keys_compile(paths, count, fields, option, err);
}

static enum lookup_missing read_missing(const char *text)
{
    return !strcmp(text, "drop")    ? MISSING_DROP
           : !strcmp(text, "error") ? MISSING_ERROR
           : !strcmp(text, "port")  ? MISSING_PORT
                                    : MISSING_NULL;
}

int lookup_configure(struct lookup *lookup, const struct operator_spec *spec, struct error *err)
{
    const struct tide_config *options = spec->node->options;
    uint32_t row_keys = 0;
    buf_init(&lookup->key, KEY_BYTES_MAX);
    buf_init(&lookup->name, NAME_BYTES_MAX);
    lookup->shapes = spec->shapes;
    lookup->into = setting_text(options, "into");
    lookup->prefix = setting_text(options, "prefix");
    lookup->missing = read_missing(setting_text(options, "missing"));
    if (lookup->into && lookup->prefix)
        return error_set(err, ERR_INPUT,
                         "prefix: goes with a row's members; with `into:` the row "
                         "is one member");
    int rc =
        lookup_read_fields(setting_at(options, "on"), "on", lookup->keys, &lookup->key_count, err);
    if (!rc && setting_at(options, "table"))
        rc = lookup_read_fields(setting_at(options, "table.key"), "table.key", lookup->row_keys,
                                &row_keys, err);
    if (rc)
        return rc;
    if (row_keys && row_keys != lookup->key_count)
        return error_set(err, ERR_INPUT, "on: %u fields, table.key: %u", lookup->key_count,
                         row_keys);
    struct json_limits limits = {.depth = UINT32_MAX, .size = UINT32_MAX, .members = UINT32_MAX};
    lookup->reader = json_reader_new(lookup->shapes, &limits);
    return lookup->reader ? 0 : error_nomem(err);
}

// -- options --

static const tide_option table_options[] = {
    {.name = "file",
     .type = TIDE_TEXT,
     .flags = TIDE_OPTION_REQUIRED,
     .help = "a file of rows: CSV with a header (.csv), else JSON lines; relative to the pipeline"},
    {.name = "key",
     .type = TIDE_LIST,
     .item = TIDE_TEXT,
     .flags = TIDE_OPTION_REQUIRED,
     .help = "the field, or fields, of a row that are its key; of several with the same the last "
             "counts"},
    {.name = "reload",
     .type = TIDE_DURATION,
     .min = 1,
     .max = 1e15,
     .help = "how often to look whether the file has changed; a new file that cannot be read "
             "leaves the old rows, with a warning"},
    {.name = NULL},
};

const tide_option lookup_options[] = {
    {.name = "table",
     .type = TIDE_MAP,
     .flags = TIDE_OPTION_REQUIRED,
     .members = table_options,
     .help = "where the rows are"},
    {.name = "on",
     .type = TIDE_LIST,
     .item = TIDE_TEXT,
     .flags = TIDE_OPTION_REQUIRED,
     .help = "the field, or fields, of the record that are looked up"},
    {.name = "into",
     .type = TIDE_TEXT,
     .help = "the member that the row becomes; without it the row's members, but its key, become "
             "members of the record, in place of those of the same name"},
    {.name = "prefix", .type = TIDE_TEXT, .help = "in front of the names of the row's members"},
    {.name = "missing",
     .type = TIDE_CHOICE,
     .choices = "null|drop|error|port",
     .default_text = "null",
     .help = "a record without a row: null in `into` (nothing without), left out, an error, or to "
             "the port `missing`"},
    {.name = NULL},
};
