// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "record/codec_kinds.h"
#include "record/json.h"
#include "record/number.h"
#include "record/record_inline.h"
#include "record/typed.h"

// A record as key=value pairs that read back as the same record. Text is quoted where it holds a
// space, a quote, '=' or a control character, is empty, or would be taken for something else; null
// is `key=`. Nested values are their JSON text. A name that is no key is an error.

struct logfmt_encoder {
    struct encoder encoder; // first
    struct buf json;        // of a nested value
};

static bool is_key(const struct shape_name *name)
{
    for (uint32_t i = 0; i < name->len; i++)
        if ((unsigned char)name->bytes[i] <= ' ' || name->bytes[i] == '"' || name->bytes[i] == '=')
            return false;
    return name->len > 0;
}

static bool needs_quotes(const char *text, uint32_t len)
{
    if (typed_look_fast(text, len) != SPAN_STRING)
        return true;
    for (uint32_t i = 0; i < len; i++)
        if ((unsigned char)text[i] <= ' ' || text[i] == '"' || text[i] == '=')
            return true;
    return false;
}

// In quotes, with the escapes that the decoder knows; other characters stand for themselves.
static int put_quoted(struct buf *out, const char *text, uint32_t len)
{
    int code = buf_putc(out, '"');
    for (uint32_t i = 0, from = 0; i <= len && !code; i++) {
        static const char plain[] = "\"\\\n\r\t", letters[] = "\"\\nrt";
        const char *found = i < len && text[i] ? strchr(plain, text[i]) : NULL;
        if (i < len && !found)
            continue;
        code = buf_append(out, text + from, i - from);
        from = i + 1;
        if (found && !code) {
            char pair[2] = {'\\', letters[found - plain]};
            code = buf_append(out, pair, sizeof pair);
        }
    }
    return code ? code : buf_putc(out, '"');
}

static int put_text(struct buf *out, const char *text, uint32_t len)
{
    return needs_quotes(text, len) ? put_quoted(out, text, len) : buf_append(out, text, len);
}

static int put_json(struct logfmt_encoder *logfmt, struct buf *out, struct value value,
                    struct error *err)
{
    struct buf *json = &logfmt->json;
    buf_clear(json);
    json->max = out->max;
    int code = json_write_value(value, json, err);
    if (code)
        return code;
    bool nested = value.type == VALUE_ARRAY || value.type == VALUE_OBJECT;
    return nested ? put_text(out, json->data, (uint32_t)json->len)
                  : buf_append(out, json->data, json->len);
}

static int put_value(struct logfmt_encoder *logfmt, struct buf *out, struct value value,
                     struct error *err)
{
    char text[NUMBER_TEXT_MAX];
    if (value.type == VALUE_STRING)
        return put_text(out, value.bytes, value.len);
    if (value.type == VALUE_INT)
        return buf_append(out, text, number_format_int(value.i, text));
    return value.type == VALUE_NULL ? 0 : put_json(logfmt, out, value, err);
}

static int put_pairs(struct logfmt_encoder *logfmt, struct batch *batch,
                     const struct record *record, struct buf *out, struct error *err)
{
    const struct shape *shape = record->shape;
    bool first = true;
    int code = 0;
    for (uint32_t i = 0; i < shape->count && !code; i++) {
        const struct shape_name *name = &shape->names[i];
        struct value value = record_read(batch, record, (int32_t)i);
        if (value.type == VALUE_ABSENT || ((shape->flags & SHAPE_DUPLICATES) &&
                                           shape_find(shape, name->bytes, name->len) != (int32_t)i))
            continue;
        if (!is_key(name))
            return error_set(err, ERR_DATA,
                             "encode logfmt: '%.*s' is no key: it is empty, or "
                             "holds a space, a quote or '='",
                             (int)name->len, name->bytes);
        code = first ? 0 : buf_putc(out, ' ');
        first = false;
        if (!code)
            code = buf_append(out, name->bytes, name->len);
        if (!code)
            code = buf_putc(out, '=');
        if (!code)
            code = put_value(logfmt, out, value, err);
        if (code == ERR_DATA)
            error_prefix(err, "member '%.*s'", (int)name->len, name->bytes);
    }
    return code;
}

static int encode(struct encoder *encoder, struct batch *batch, struct record *record,
                  struct buf *buf, const char **out, size_t *out_len, struct error *err)
{
    struct logfmt_encoder *logfmt = (struct logfmt_encoder *)encoder;
    size_t start = buf->len;
    *out = NULL;
    if (!record_members(record))
        return error_set(err, ERR_DATA, "encode logfmt: the record has no members");
    int code = put_pairs(logfmt, batch, record, buf, err);
    if (code)
        buf->len = start;
    if (code == ERR_NOMEM)
        return error_nomem(err);
    if (code == ERR_LIMIT)
        error_set(err, code, "encode logfmt: the line is longer than %zu bytes", buf->max);
    *out_len = buf->len - start;
    return code;
}

static void free_encoder(struct encoder *encoder)
{
    buf_deinit(&((struct logfmt_encoder *)encoder)->json);
    mem_free(encoder);
}

struct encoder *encoder_logfmt_new(void)
{
    struct logfmt_encoder *logfmt = mem_zalloc(sizeof *logfmt);
    if (!logfmt)
        return NULL;
    logfmt->encoder = (struct encoder){.encode = encode, .free = free_encoder};
    buf_init(&logfmt->json, 0);
    return &logfmt->encoder;
}
