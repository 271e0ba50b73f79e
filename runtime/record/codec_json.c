// SPDX-License-Identifier: MIT
#include "record/codec_kinds.h"
#include "base/alloc.h"

struct json_decoder {
    struct decoder decoder; // first
    struct json_reader *reader;
};

static int decode(struct decoder *decoder, struct batch *batch, const char *bytes, size_t len,
                  size_t pad, struct record *record, struct error *err)
{
    struct json_decoder *json = (struct json_decoder *)decoder;
    return json_read(json->reader, batch, bytes, len, pad, record, err);
}

static void free_decoder(struct decoder *decoder)
{
    json_reader_free(((struct json_decoder *)decoder)->reader);
    mem_free(decoder);
}

struct decoder *decoder_json_new(struct shape_table *shapes, const struct json_limits *limits,
                                 enum json_big_ints big_ints)
{
    struct json_limits own = *limits;
    own.big_ints = big_ints;
    struct json_decoder *json = mem_zalloc(sizeof *json);
    if (!json)
        return NULL;
    json->decoder = (struct decoder){.decode = decode, .free = free_decoder};
    json->reader = json_reader_new(shapes, &own);
    if (!json->reader) {
        mem_free(json);
        return NULL;
    }
    return &json->decoder;
}

static int encode(struct encoder *encoder, struct batch *batch, struct record *record,
                  struct buf *buf, const char **out, size_t *out_len, struct error *err)
{
    (void)encoder;
    if (record_untouched(record) && !(record->flags & RECORD_LINES)) {
        *out = record->raw;
        *out_len = record->raw_len;
        return 0;
    }
    size_t start = buf->len;
    int code = json_write(batch, record, buf, err);
    *out = NULL;
    *out_len = buf->len - start;
    return code;
}

static void free_encoder(struct encoder *encoder)
{
    mem_free(encoder);
}

struct encoder *encoder_json_new(void)
{
    struct encoder *encoder = mem_zalloc(sizeof *encoder);
    if (encoder)
        *encoder = (struct encoder){.encode = encode, .free = free_encoder};
    return encoder;
}
