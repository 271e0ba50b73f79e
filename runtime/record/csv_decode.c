// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "record/codec_error.h"
#include "record/codec_kinds.h"
#include "record/codec_record.h"
#include "record/csv.h"

// The columns of a split, or of all.
struct columns {
    const struct shape *shape; // NULL: the header has not come yet
    enum typed *types;         // NULL: all are auto
    char *header;              // the line they came from, for the split's position
    uint32_t header_len;
};

struct csv_decoder {
    struct decoder decoder;     // first
    struct csv_options options; // without columns and types
    struct typed_member *types;
    struct shape_table *shapes;
    struct columns fixed; // by `columns`; no shape: there are none
    struct columns *splits;
    size_t split_count, split_cap;
    uint32_t size_max, members_max;
};

// -- columns --

static void forget(struct columns *columns)
{
    mem_free(columns->types);
    mem_free(columns->header);
    *columns = (struct columns){0};
}

static int make_types(struct csv_decoder *csv, struct columns *columns, struct error *err)
{
    const struct shape *shape = columns->shape;
    for (uint32_t i = 0; i < csv->options.type_count; i++) {
        const char *name = csv->types[i].name;
        if (shape_find(shape, name, (uint32_t)strlen(name)) < 0)
            return error_set(err, ERR_DATA, "types names the column '%s', which is not there",
                             name);
    }
    if (!csv->options.type_count)
        return 0;
    columns->types = mem_array(shape->count, sizeof *columns->types);
    if (!columns->types)
        return error_nomem(err);
    for (uint32_t i = 0; i < shape->count; i++)
        columns->types[i] = typed_find(csv->types, csv->options.type_count, shape->names[i].bytes,
                                       shape->names[i].len);
    return 0;
}

static int set_columns(struct csv_decoder *csv, struct columns *columns,
                       const struct shape_name *names, uint32_t count, struct error *err)
{
    columns->shape = shape_intern(csv->shapes, NULL, names, count);
    if (!columns->shape)
        return error_nomem(err);
    if (columns->shape->flags & SHAPE_DUPLICATES)
        return error_set(err, ERR_DATA, "the header has a column twice");
    return make_types(csv, columns, err);
}

static int set_fixed(struct csv_decoder *csv, const struct csv_options *options, struct error *err)
{
    uint32_t count = options->column_count;
    if (!count || count > csv->members_max)
        return error_set(err, ERR_INPUT, "csv: expected 1 to %u columns, found %u",
                         csv->members_max, count);
    struct shape_name *names = mem_array(count, sizeof *names);
    if (!names)
        return error_nomem(err);
    for (uint32_t i = 0; i < count; i++)
        names[i] = (struct shape_name){.bytes = options->columns[i],
                                       .len = (uint32_t)strlen(options->columns[i])};
    int code = set_columns(csv, &csv->fixed, names, count, err);
    mem_free(names);
    return code;
}

// -- the header --

// The names in the line; those with doubled quotes are unquoted into `room`, as long as the line.
static int read_names(struct csv_decoder *csv, const char *line, uint32_t len, char *room,
                      struct shape_name *names, uint32_t *count, struct error *err)
{
    struct csv_walk walk;
    struct csv_field field;
    int code;
    csv_walk_start(&walk, &csv->options, line, len);
    for (*count = 0; (code = csv_walk_next(&walk, &field)) > 0; ++*count) {
        if (*count == csv->members_max)
            return error_set(err, ERR_LIMIT, "the header has more than %u columns",
                             csv->members_max);
        names[*count] = (struct shape_name){.bytes = line + field.at, .len = field.len};
        if (field.doubled) {
            names[*count].bytes = room;
            names[*count].len = csv_unquote(line, field, csv->options.quote, room);
            room += names[*count].len;
        }
    }
    return code ? codec_expected(err, line, len, walk.error_at, "%s", walk.expected) : 0;
}

static int read_header(struct csv_decoder *csv, struct columns *columns, const char *line,
                       uint32_t len, struct error *err)
{
    uint32_t most = len < csv->members_max ? len + 1 : csv->members_max, count = 0;
    struct shape_name *names = mem_array(most, sizeof *names);
    char *room = mem_alloc(len + 1u);
    columns->header = mem_strndup(line, len);
    columns->header_len = len;
    int code = names && room && columns->header ? 0 : error_nomem(err);
    if (!code)
        code = codec_check_utf8(err, line, len);
    if (!code)
        code = read_names(csv, line, len, room, names, &count, err);
    if (!code)
        code = set_columns(csv, columns, names, count, err);
    mem_free(names);
    mem_free(room);
    if (code)
        forget(columns);
    return code;
}

static int take_header(struct csv_decoder *csv, struct columns *columns, const char *line,
                       uint32_t len, struct error *err)
{
    if (!csv->fixed.shape) {
        int code = read_header(csv, columns, line, len, err);
        return code ? error_prefix(err, "header") : DECODE_NOTHING;
    }
    columns->header = mem_strndup("", 0); // the names are known; that it has come is what counts
    columns->shape = csv->fixed.shape;
    return columns->header ? DECODE_NOTHING : error_nomem(err);
}

static int split_begin(struct decoder *decoder, uint32_t split, const char *saved, size_t len,
                       struct error *err)
{
    struct csv_decoder *csv = (struct csv_decoder *)decoder;
    if (mem_grow(&csv->splits, &csv->split_cap, (size_t)split + 1, sizeof *csv->splits))
        return error_nomem(err);
    while (csv->split_count <= split)
        csv->splits[csv->split_count++] = (struct columns){0};
    struct columns *columns = &csv->splits[split];
    forget(columns);
    if (!saved || len == 0)
        return 0;
    if (len - 1 > csv->size_max)
        return error_set(err, ERR_CORRUPT, "the kept CSV header is too long");
    int code = take_header(csv, columns, saved + 1, (uint32_t)len - 1, err);
    return code < 0 ? code : 0;
}

// Nothing before the header has come; then a byte for the version and the line.
static int split_save(struct decoder *decoder, uint32_t split, struct buf *out)
{
    struct csv_decoder *csv = (struct csv_decoder *)decoder;
    const struct columns *columns = split < csv->split_count ? &csv->splits[split] : NULL;
    if (!columns || !columns->shape)
        return 0;
    int code = buf_putc(out, 1);
    return code ? code : buf_append(out, columns->header, columns->header_len);
}

// -- lines --

static int set_field(struct batch *batch, struct record *record, struct csv_field field,
                     enum typed type, char quote, struct span *span, uint32_t slot,
                     const char **expected)
{
    if (field.quoted && type == TYPED_AUTO)
        type = TYPED_TEXT;
    *expected = typed_span(type, record->raw, field.at, field.len, span);
    if (!field.doubled || *expected)
        return 0;
    struct value *cell = codec_cell(batch, record, slot);
    char *text = arena_alloc(&batch->arena, field.len, 1);
    if (!cell || !text)
        return ERR_NOMEM;
    *cell = value_string(text, csv_unquote(record->raw, field, quote, text));
    return 0;
}

static int count_error(const struct shape *shape, uint32_t found, uint32_t at, struct error *err)
{
    return error_set(err, ERR_DATA, "byte %u: expected %u fields, found %u", at, shape->count,
                     found);
}

// Field by field, for quotes and for the wording of errors.
static int walk_line(struct csv_decoder *csv, const struct columns *columns, struct batch *batch,
                     struct record *record, uint32_t len, struct span *spans, struct error *err)
{
    const struct shape *shape = columns->shape;
    struct csv_walk walk;
    struct csv_field field;
    uint32_t n = 0;
    int code;
    csv_walk_start(&walk, &csv->options, record->raw, len);
    for (; (code = csv_walk_next(&walk, &field)) > 0; n++) {
        const char *expected;
        if (n >= shape->count)
            continue;
        enum typed type = columns->types ? columns->types[n] : TYPED_AUTO;
        if (set_field(batch, record, field, type, csv->options.quote, &spans[n], n, &expected))
            return error_nomem(err);
        if (expected)
            return codec_expected(err, record->raw, len, field.at, "%s in column '%.*s'", expected,
                                  (int)shape->names[n].len, shape->names[n].bytes);
    }
    if (code)
        return codec_expected(err, record->raw, len, walk.error_at, "%s", walk.expected);
    return n == shape->count ? 0 : count_error(shape, n, len, err);
}

static int read_line(struct csv_decoder *csv, const struct columns *columns, struct batch *batch,
                     struct record *record, uint32_t len, size_t pad, struct error *err)
{
    uint32_t count = columns->shape->count;
    struct span *spans = ARENA_ARRAY(&batch->arena, struct span, count);
    bool ascii = false;
    if (!spans)
        return error_nomem(err);
    record->shape = columns->shape;
    enum csv_cut cut =
        csv_cut_plain(&csv->options, columns->types, record->raw, len, pad, spans, count, &ascii);
    int code = ascii ? 0 : codec_check_utf8(err, record->raw, len);
    if (!code && cut != CSV_CUT)
        code = walk_line(csv, columns, batch, record, len, spans, err);
    if (code) {
        codec_start(record, shape_empty(csv->shapes), record->raw, record->raw_len);
        return code;
    }
    record->spans = spans;
    record->wire = (uint16_t)count;
    return 0;
}

static int decode(struct decoder *decoder, struct batch *batch, const char *bytes, size_t len,
                  size_t pad, struct record *record, struct error *err)
{
    struct csv_decoder *csv = (struct csv_decoder *)decoder;
    struct columns *columns = &csv->fixed;
    codec_start(record, shape_empty(csv->shapes), bytes, len);
    if (len > csv->size_max)
        return codec_too_long(err, csv->size_max);
    uint32_t line = (uint32_t)codec_trim_line(bytes, len);
    if (csv->options.header) {
        if (record->split >= csv->split_count) {
            int code = split_begin(decoder, record->split, NULL, 0, err);
            if (code)
                return code;
        }
        columns = &csv->splits[record->split];
        if (!columns->shape)
            return take_header(csv, columns, bytes, line, err);
        if (csv->fixed.shape)
            columns = &csv->fixed;
    }
    return read_line(csv, columns, batch, record, line, pad + (len - line), err);
}

// -- making --

static void free_decoder(struct decoder *decoder)
{
    struct csv_decoder *csv = (struct csv_decoder *)decoder;
    for (size_t i = 0; i < csv->split_count; i++)
        forget(&csv->splits[i]);
    forget(&csv->fixed);
    mem_free(csv->splits);
    mem_free(csv->types);
    mem_free(csv);
}

// What is used later than now.
static int keep_options(struct csv_decoder *csv, const struct csv_options *options,
                        struct error *err)
{
    csv->options = *options;
    csv->options.columns = NULL;
    csv->options.types = NULL;
    if (options->type_count) {
        csv->types = mem_array(options->type_count, sizeof *csv->types);
        if (!csv->types)
            return error_nomem(err);
        memcpy(csv->types, options->types, options->type_count * sizeof *csv->types);
    }
    return options->columns ? set_fixed(csv, options, err) : 0;
}

int csv_options_check(const struct csv_options *options, struct error *err)
{
    static const char taken[] = "\r\n";
    if (!options->delimiter || (unsigned char)options->delimiter >= 0x80 ||
        (unsigned char)options->quote >= 0x80 || strchr(taken, options->delimiter) ||
        (options->quote && strchr(taken, options->quote)))
        return error_set(err, ERR_INPUT,
                         "csv: delimiter and quote are one ASCII character each, no line break");
    if (options->delimiter == options->quote)
        return error_set(err, ERR_INPUT, "csv: delimiter and quote are the same character");
    return 0;
}

int decoder_csv_new(struct decoder **out, const struct csv_options *options,
                    struct shape_table *shapes, const struct json_limits *limits, struct error *err)
{
    int code = csv_options_check(options, err);
    if (code)
        return code;
    if (!options->header && !options->columns)
        return error_set(err, ERR_INPUT, "csv without a header needs `columns`");
    struct csv_decoder *csv = mem_zalloc(sizeof *csv);
    if (!csv)
        return error_nomem(err);
    csv->decoder = (struct decoder){.decode = decode, .free = free_decoder};
    if (options->header) {
        csv->decoder.split_begin = split_begin;
        csv->decoder.split_save = split_save;
    }
    csv->shapes = shapes;
    csv->size_max = codec_size_max(limits);
    csv->members_max = limits->members;
    code = keep_options(csv, options, err);
    if (code) {
        free_decoder(&csv->decoder);
        return code;
    }
    *out = &csv->decoder;
    return 0;
}
