// SPDX-License-Identifier: MIT
#include "record/codec_kinds.h"
#include "base/alloc.h"
#include "record/utf8.h"

// text: the message is the member `message`. none: the bytes are carried along, without members.

struct plain_decoder {
    struct decoder decoder;    // first
    const struct shape *shape; // of every record
    uint32_t size_max;
    bool text;
};

struct text_encoder {
    struct encoder encoder; // first
    struct field message;
};

static int decode_text(struct batch *batch, struct record *record, struct error *err)
{
    size_t valid = utf8_valid(record->raw, record->raw_len);
    if (valid < record->raw_len)
        return error_set(err, ERR_DATA, "byte %zu: expected valid UTF-8, found 0x%02x", valid,
                         (unsigned char)record->raw[valid]);
    struct span *span = ARENA_NEW(&batch->arena, struct span);
    if (!span)
        return error_nomem(err);
    *span = (struct span){.len = record->raw_len & 0xfffffff, .kind = SPAN_STRING};
    record->spans = span;
    record->wire = 1;
    return 0;
}

static int decode(struct decoder *decoder, struct batch *batch, const char *bytes, size_t len,
                  size_t pad, struct record *record, struct error *err)
{
    struct plain_decoder *plain = (struct plain_decoder *)decoder;
    (void)pad;
    if (len > plain->size_max)
        return error_set(err, ERR_LIMIT, "byte %u: the record is longer than %u bytes",
                         plain->size_max, plain->size_max);
    record->raw = bytes;
    record->raw_len = (uint32_t)len;
    record->shape = plain->shape;
    record->spans = NULL;
    record->wire = 0;
    record->cells = NULL;
    record->cell_cap = 0;
    record->flags &= (uint16_t) ~(RECORD_LINES | RECORD_SHARED_CELLS);
    record->flags |= RECORD_WHOLE | RECORD_RAW;
    return plain->text ? decode_text(batch, record, err) : 0;
}

static void free_decoder(struct decoder *decoder)
{
    mem_free(decoder);
}

static struct decoder *plain_new(const struct shape *shape, const struct json_limits *limits,
                                 bool text)
{
    const struct json_limits standard = JSON_LIMITS_DEFAULT;
    struct plain_decoder *plain = shape ? mem_zalloc(sizeof *plain) : NULL;
    if (!plain)
        return NULL;
    plain->decoder = (struct decoder){.decode = decode, .free = free_decoder};
    plain->shape = shape;
    plain->size_max = limits ? limits->size : standard.size;
    if (plain->size_max > (1u << 28) - 1)
        plain->size_max = (1u << 28) - 1; // a span's length
    plain->text = text;
    return &plain->decoder;
}

struct decoder *decoder_text_new(struct shape_table *shapes, const struct json_limits *limits)
{
    const struct shape_name name = {.bytes = "message", .len = 7};
    return plain_new(shape_intern(shapes, NULL, &name, 1), limits, true);
}

struct decoder *decoder_none_new(struct shape_table *shapes, const struct json_limits *limits)
{
    return plain_new(shape_empty(shapes), limits, false);
}

static void borrow(const char *bytes, size_t len, const char **out, size_t *out_len)
{
    *out = bytes ? bytes : "";
    *out_len = len;
}

static int encode_text(struct encoder *encoder, struct batch *batch, struct record *record,
                       struct buf *buf, const char **out, size_t *out_len, struct error *err)
{
    struct text_encoder *text = (struct text_encoder *)encoder;
    struct value value = record_field(batch, record, &text->message);
    if (value.type == VALUE_STRING) {
        borrow(value.bytes, value.len, out, out_len);
        return 0;
    }
    if (value.type == VALUE_ABSENT)
        return error_set(err, ERR_DATA, "encode text needs the member 'message'");
    size_t start = buf->len;
    int code = json_write_value(value, buf, err);
    *out = NULL;
    *out_len = buf->len - start;
    return code;
}

static int encode_none(struct encoder *encoder, struct batch *batch, struct record *record,
                       struct buf *buf, const char **out, size_t *out_len, struct error *err)
{
    (void)encoder, (void)batch, (void)buf;
    if (!record->raw && !(record->flags & RECORD_TOMBSTONE))
        return error_set(err, ERR_DATA,
                         "encode none needs the bytes of a source; this record was "
                         "made by an operator");
    borrow(record->raw, record->raw_len, out, out_len);
    return 0;
}

static void free_encoder(struct encoder *encoder)
{
    mem_free(encoder);
}

struct encoder *encoder_text_new(void)
{
    struct text_encoder *text = mem_zalloc(sizeof *text);
    if (!text)
        return NULL;
    text->encoder = (struct encoder){.encode = encode_text, .free = free_encoder};
    field_init(&text->message, "message", 7);
    return &text->encoder;
}

struct encoder *encoder_none_new(void)
{
    struct encoder *encoder = mem_zalloc(sizeof *encoder);
    if (encoder)
        *encoder = (struct encoder){.encode = encode_none, .free = free_encoder};
    return encoder;
}
