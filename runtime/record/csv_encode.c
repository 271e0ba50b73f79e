// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "record/codec_kinds.h"
#include "record/csv.h"
#include "record/number.h"
#include "record/record_inline.h"

// A record as a line that reads back as the same record: text that looks like a number, a boolean
// or nothing is quoted, null is nothing. Nested values are their JSON text. Without `columns` the
// members of the first record are the columns, and a later record with another member is refused;
// with them, other members are left out because the pipeline says so.

struct csv_encoder {
    struct encoder encoder; // first
    struct csv_options options;
    struct field *columns; // NULL before the first record, unless they are given
    uint32_t count;
    char *names;         // of the columns that came with the first record
    uint64_t last_shape; // all members of this one are columns
    bool given;          // by `columns`
    bool header_due;
};

static int known_columns(struct csv_encoder *csv, const struct csv_options *options)
{
    csv->given = true;
    csv->count = options->column_count;
    csv->columns = mem_array(csv->count, sizeof *csv->columns);
    if (!csv->columns)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < csv->count; i++)
        field_init(&csv->columns[i], options->columns[i], (uint32_t)strlen(options->columns[i]));
    return 0;
}

static bool has(struct batch *batch, const struct record *record, uint32_t slot)
{
    return record_read(batch, record, (int32_t)slot).type != VALUE_ABSENT;
}

static int learn_columns(struct csv_encoder *csv, struct batch *batch, const struct record *record)
{
    const struct shape *shape = record->shape;
    size_t bytes = 1;
    for (uint32_t i = 0; i < shape->count; i++)
        bytes += shape->names[i].len;
    csv->names = mem_alloc(bytes);
    csv->columns = mem_array(shape->count + 1u, sizeof *csv->columns);
    if (!csv->names || !csv->columns)
        return ERR_NOMEM;
    char *at = csv->names;
    for (uint32_t i = 0; i < shape->count; i++) {
        const struct shape_name *name = &shape->names[i];
        if (!has(batch, record, i) || shape_find(shape, name->bytes, name->len) != (int32_t)i)
            continue;
        memcpy(at, name->bytes, name->len);
        field_init(&csv->columns[csv->count++], at, name->len);
        at += name->len;
    }
    return 0;
}

// Whether every member has a column.
static int check_members(struct csv_encoder *csv, struct batch *batch, const struct record *record,
                         struct error *err)
{
    const struct shape *shape = record->shape;
    if (csv->given || csv->last_shape == shape->id)
        return 0;
    for (uint32_t i = 0; i < shape->count; i++) {
        const struct shape_name *name = &shape->names[i];
        bool column = false;
        for (uint32_t c = 0; c < csv->count && !column; c++)
            column = csv->columns[c].len == name->len &&
                     memcmp(csv->columns[c].name, name->bytes, name->len) == 0;
        if (column)
            continue;
        if (has(batch, record, i))
            return error_set(err, ERR_DATA,
                             "encode csv: the member '%.*s' is no column; the first record had "
                             "none of that name: give `columns`",
                             (int)name->len, name->bytes);
        return 0; // another record of this shape may have it
    }
    csv->last_shape = shape->id;
    return 0;
}

// -- fields --

static bool needs_quotes(const struct csv_options *options, const char *text, uint32_t len,
                         bool typed)
{
    if (typed && typed_look_fast(text, len) != SPAN_STRING)
        return true;
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        return true; // in front of a file it would be taken for a byte order mark
    for (uint32_t i = 0; i < len; i++)
        if (text[i] == options->delimiter || text[i] == '\n' || text[i] == '\r' ||
            (options->quote && text[i] == options->quote))
            return true;
    return false;
}

static int put_quoted(struct buf *out, char quote, const char *text, uint32_t len)
{
    int code = buf_putc(out, quote);
    while (len && !code) {
        const char *found = memchr(text, quote, len);
        uint32_t part = found ? (uint32_t)(found - text) + 1 : len;
        code = buf_append(out, text, part);
        if (found && !code)
            code = buf_putc(out, quote);
        text += part;
        len -= part;
    }
    return code ? code : buf_putc(out, quote);
}

static int put_text(const struct csv_options *options, struct buf *out, const char *text,
                    uint32_t len, bool typed, struct error *err)
{
    if (options->quote && needs_quotes(options, text, len, typed))
        return put_quoted(out, options->quote, text, len);
    if (!options->quote && needs_quotes(options, text, len, false))
        return error_set(err, ERR_DATA,
                         "encode csv without quotes: a value holds a delimiter or a line break");
    return buf_append(out, text, len);
}

static int put_json(const struct csv_options *options, struct buf *out, struct value value,
                    struct error *err)
{
    struct buf json;
    buf_init(&json, out->max);
    int code = json_write_value(value, &json, err);
    if (!code)
        code = put_text(options, out, json.data, (uint32_t)json.len, false, err);
    buf_deinit(&json);
    return code;
}

static int put_value(const struct csv_options *options, struct buf *out, struct value value,
                     struct error *err)
{
    char text[NUMBER_TEXT_MAX];
    switch ((enum value_type)value.type) {
    case VALUE_STRING:
        return put_text(options, out, value.bytes, value.len, true, err);
    case VALUE_INT:
        return buf_append(out, text, number_format_int(value.i, text));
    case VALUE_UNSET:
    case VALUE_ABSENT:
    case VALUE_NULL:
        return 0;
    case VALUE_BOOL:
    case VALUE_FLOAT:
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        break;
    }
    return put_json(options, out, value, err);
}

static int put_header(struct csv_encoder *csv, struct buf *out, struct error *err)
{
    int code = 0;
    for (uint32_t i = 0; i < csv->count && !code; i++) {
        if (i)
            code = buf_putc(out, csv->options.delimiter);
        if (!code)
            code =
                put_text(&csv->options, out, csv->columns[i].name, csv->columns[i].len, false, err);
    }
    return code;
}

static int preamble(struct encoder *encoder, struct buf *out, struct error *err)
{
    struct csv_encoder *csv = (struct csv_encoder *)encoder;
    return csv->options.header ? put_header(csv, out, err) : 0;
}

static int put_line(struct csv_encoder *csv, struct batch *batch, struct record *record,
                    struct buf *out, struct error *err)
{
    bool header = csv->header_due && !csv->encoder.apart;
    int code = header ? put_header(csv, out, err) : 0;
    if (header && !code)
        code = buf_putc(out, '\n');
    for (uint32_t i = 0; i < csv->count && !code; i++) {
        if (i)
            code = buf_putc(out, csv->options.delimiter);
        if (code)
            break;
        code =
            put_value(&csv->options, out, record_read_field(batch, record, &csv->columns[i]), err);
        if (code == ERR_DATA)
            error_prefix(err, "column '%.*s'", (int)csv->columns[i].len, csv->columns[i].name);
    }
    return code;
}

static int encode(struct encoder *encoder, struct batch *batch, struct record *record,
                  struct buf *buf, const char **out, size_t *out_len, struct error *err)
{
    struct csv_encoder *csv = (struct csv_encoder *)encoder;
    size_t start = buf->len;
    *out = NULL;
    *out_len = 0;
    if (!csv->columns && learn_columns(csv, batch, record)) {
        mem_free(csv->names);
        mem_free(csv->columns);
        csv->names = NULL;
        csv->columns = NULL;
        csv->count = 0;
        return error_nomem(err);
    }
    int code = check_members(csv, batch, record, err);
    if (!code) {
        code = put_line(csv, batch, record, buf, err);
        if (code == ERR_NOMEM)
            error_nomem(err);
        else if (code == ERR_LIMIT)
            error_set(err, code, "encode csv: the line is longer than %zu bytes", buf->max);
    }
    if (code) {
        buf->len = start;
        return code;
    }
    csv->header_due = false;
    *out_len = buf->len - start;
    return 0;
}

static void free_encoder(struct encoder *encoder)
{
    struct csv_encoder *csv = (struct csv_encoder *)encoder;
    mem_free(csv->columns);
    mem_free(csv->names);
    mem_free(csv);
}

int encoder_csv_new(struct encoder **out, const struct csv_options *options, struct error *err)
{
    int code = csv_options_check(options, err);
    if (code)
        return code;
    struct csv_encoder *csv = mem_zalloc(sizeof *csv);
    if (!csv)
        return error_nomem(err);
    csv->encoder = (struct encoder){.encode = encode, .preamble = preamble, .free = free_encoder};
    csv->options = *options;
    csv->options.columns = NULL;
    csv->options.types = NULL;
    csv->header_due = options->header;
    if (options->columns && known_columns(csv, options)) {
        free_encoder(&csv->encoder);
        return error_nomem(err);
    }
    *out = &csv->encoder;
    return 0;
}
