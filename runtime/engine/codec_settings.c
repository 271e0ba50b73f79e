// SPDX-License-Identifier: MIT
#include "engine/codec_settings.h"
#include "base/alloc.h"
#include <stdlib.h>
#include <string.h>

// What is allocated while a codec is made.
struct made {
    const char **columns;
    struct typed_member *types;
};

static void forget(struct made *made)
{
    mem_free(made->columns);
    mem_free(made->types);
}

// The format's name, and its options when it has some: {csv: {...}} or {format: csv}.
static int read_format(const struct tide_config *setting, const char **name,
                       const struct tide_config **options, struct error *err)
{
    *name = NULL;
    *options = NULL;
    for (uint32_t i = 0; setting && i < setting->count; i++) {
        const struct tide_config *item = &setting->items[i];
        if (*name)
            return error_set(err, ERR_INPUT, "%s: one format, not several", setting->name);
        *name = item->is_map ? item->name : item->text;
        *options = item->is_map ? item : NULL;
    }
    if (setting && !*name)
        return error_set(err, ERR_INPUT, "%s: it names no format", setting->name);
    return 0;
}

static int read_char(const struct tide_config *options, const char *name, char *out,
                     struct error *err)
{
    const char *text = setting_text(options, name);
    if (!text)
        return 0;
    if (strlen(text) > 1)
        return error_set(err, ERR_INPUT, "%s: expected one ASCII character, found '%s'", name,
                         text);
    *out = *text;
    return 0;
}

static int read_types(const struct tide_config *types, struct made *made, struct error *err)
{
    made->types = mem_array(types->count + 1u, sizeof *made->types);
    if (!made->types)
        return error_nomem(err);
    for (uint32_t i = 0; i < types->count; i++) {
        made->types[i].name = types->items[i].name;
        if (!typed_from_name(types->items[i].text, &made->types[i].type))
            return error_set(err, ERR_INPUT,
                             "types.%s: expected auto, text, int, number or bool, found '%s'",
                             types->items[i].name, types->items[i].text);
    }
    return 0;
}

static int read_csv(const struct tide_config *options, struct csv_options *csv, struct made *made,
                    struct error *err)
{
    const struct tide_config *columns = setting_at(options, "columns");
    const struct tide_config *types = setting_at(options, "types");
    csv->header = setting_bool(options, "header", !columns);
    int rc = read_char(options, "delimiter", &csv->delimiter, err);
    if (!rc)
        rc = read_char(options, "quote", &csv->quote, err);
    if (!rc && columns) {
        made->columns = mem_array(columns->count + 1u, sizeof *made->columns);
        if (!made->columns)
            return error_nomem(err);
        for (uint32_t i = 0; i < columns->count; i++)
            made->columns[i] = columns->items[i].text;
        csv->columns = made->columns;
        csv->column_count = columns->count;
    }
    if (!rc && types) {
        rc = read_types(types, made, err);
        csv->types = made->types;
        csv->type_count = types->count;
    }
    return rc;
}

static enum json_big_ints read_big_ints(const struct tide_config *options)
{
    const char *text = setting_text(options, "big_ints");
    if (!text || strcmp(text, "float") == 0)
        return BIG_INTS_FLOAT;
    return strcmp(text, "error") == 0 ? BIG_INTS_ERROR : BIG_INTS_STRING;
}

static int read_regex(const struct tide_config *options, struct regex_options *regex,
                      struct made *made, struct error *err)
{
    const struct tide_config *types = setting_at(options, "types");
    regex->pattern = setting_text(options, "pattern");
    regex->match_limit = (uint32_t)setting_int(options, "match_limit", regex->match_limit);
    int rc = types ? read_types(types, made, err) : 0;
    if (!rc && types) {
        regex->types = made->types;
        regex->type_count = types->count;
    }
    return rc;
}

static void read_msgpack(const struct tide_config *options, struct codec_options *out)
{
    const char *bin = setting_text(options, "bin");
    out->msgpack.bin_base64 = bin && strcmp(bin, "base64") == 0;
    out->big_ints = read_big_ints(options);
}

static int read_codec(const struct tide_config *setting, struct codec_options *out,
                      struct made *made, struct error *err)
{
    const struct tide_config *options;
    const char *name;
    *out = (struct codec_options)CODEC_OPTIONS_DEFAULT;
    int rc = read_format(setting, &name, &options, err);
    if (rc)
        return rc;
    if (name)
        out->name = name;
    if (options && strcmp(name, "csv") == 0)
        rc = read_csv(options, &out->csv, made, err);
    if (options && strcmp(name, "json") == 0)
        out->big_ints = read_big_ints(options);
    if (options && strcmp(name, "msgpack") == 0)
        read_msgpack(options, out);
    if (options && strcmp(name, "regex") == 0)
        rc = read_regex(options, &out->regex, made, err);
    return rc ? error_prefix(err, "%s.%s", setting->name, name) : 0;
}

int decoder_from_setting(struct decoder **out, const struct tide_config *setting,
                         struct shape_table *shapes, const struct json_limits *limits,
                         struct error *err)
{
    struct codec_options options;
    struct made made = {0};
    int rc = read_codec(setting, &options, &made, err);
    if (!rc)
        rc = decoder_open(out, &options, shapes, limits, err);
    forget(&made);
    return rc;
}

int encoder_from_setting(struct encoder **out, const struct tide_config *setting, struct error *err)
{
    struct codec_options options;
    struct made made = {0};
    int rc = read_codec(setting, &options, &made, err);
    if (!rc)
        rc = encoder_open(out, &options, err);
    forget(&made);
    return rc;
}

// A CSV record may have line breaks in its quotes: its framing has to know of them.
static int suit_csv(struct framing_options *out, const struct tide_config *decode,
                    struct error *err)
{
    struct codec_options options;
    struct made made = {0};
    int rc = read_codec(decode, &options, &made, err);
    forget(&made);
    out->delimiter = options.csv.delimiter;
    out->quote = options.csv.quote;
    return rc;
}

static void read_length(const struct tide_config *options, struct framing_options *out)
{
    const char *prefix = setting_text(options, "prefix"), *order = setting_text(options, "order");
    if (prefix)
        out->prefix = (uint32_t)strtoul(prefix, NULL, 10); // varint: 0
    out->little_endian = order && strcmp(order, "little") == 0;
}

int framing_from_setting(struct framing_options *out, const struct tide_config *framing,
                         const struct tide_config *decode, struct error *err)
{
    const struct tide_config *options;
    const char *name, *codec;
    *out = (struct framing_options)FRAMING_OPTIONS_DEFAULT;
    int rc = read_format(decode, &codec, &options, err);
    if (!rc)
        rc = read_format(framing, &name, &options, err);
    if (rc)
        return rc;
    bool csv = codec && strcmp(codec, "csv") == 0;
    bool msgpack = codec && strcmp(codec, "msgpack") == 0;
    if (!name)
        name = csv ? "csv" : msgpack ? "msgpack" : "newline";
    rc = framing_from_name(name, &out->kind, err);
    if (!rc && csv)
        rc = suit_csv(out, decode, err);
    read_length(options, out);
    return rc;
}

int framing_of_sink(struct framing_options *out, const struct tide_config *framing,
                    const struct tide_config *encode, struct error *err)
{
    const struct tide_config *options;
    const char *name, *codec;
    *out = (struct framing_options)FRAMING_OPTIONS_DEFAULT;
    int rc = read_format(encode, &codec, &options, err);
    if (!rc)
        rc = read_format(framing, &name, &options, err);
    if (rc)
        return rc;
    if (!name)
        name = codec && strcmp(codec, "msgpack") == 0 ? "none" : "newline";
    read_length(options, out);
    if (strcmp(name, "none") == 0)
        out->kind = FRAMING_WHOLE;
    else
        rc = framing_from_name(name, &out->kind, err);
    return rc;
}
