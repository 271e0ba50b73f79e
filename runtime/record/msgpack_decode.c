// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "record/codec_error.h"
#include "record/codec_kinds.h"
#include "record/number.h"
#include "record/text_records.h"
#include "record/utf8.h"
#include <inttypes.h>
#include <math.h>

// Members at the top: strings stay where they are, numbers become cells. What is nested becomes
// JSON text in the batch's arena, and is then like any other nested value.

struct msgpack_decoder {
    struct decoder decoder; // first
    struct msgpack_options options;
    struct json_limits limits;
    uint32_t size_max;
    struct collector collector;
    struct buf json; // the nested value under way
};

struct reader {
    struct msgpack_decoder *msgpack;
    struct batch *batch;
    const char *bytes;
    uint32_t len, at;
    struct error *err;
};

static const struct value unset = {.type = VALUE_UNSET};

static int expected(const struct reader *reader, size_t at, const char *what)
{
    return codec_expected(reader->err, reader->bytes, reader->len, at, "%s", what);
}

static bool is_bytes(enum msgpack_kind kind)
{
    return kind == MSGPACK_STR || kind == MSGPACK_BIN || kind == MSGPACK_EXT;
}

// The head at `at`, behind which all bytes of the item (not those of its members) are.
static int read_head(struct reader *reader, struct msgpack_item *item)
{
    uint32_t head = msgpack_head(reader->bytes + reader->at, reader->len - reader->at, item);
    if (!head)
        return expected(reader, reader->len, "more of the message");
    if (item->kind == MSGPACK_NEVER)
        return expected(reader, reader->at, "a type of MessagePack");
    if (is_bytes(item->kind) && item->size > reader->len - reader->at - head)
        return expected(reader, reader->len, "more of the message");
    reader->at += head;
    return 0;
}

static int check_text(const struct reader *reader, const struct msgpack_item *item)
{
    const char *text = reader->bytes + reader->at;
    size_t valid = utf8_valid(text, item->size);
    if (valid == item->size)
        return 0;
    return expected(reader, reader->at + valid,
                    item->kind == MSGPACK_BIN
                        ? "valid UTF-8 (or `decode: { msgpack: { bin: base64 } }`)"
                        : "valid UTF-8");
}

static bool is_text(const struct reader *reader, const struct msgpack_item *item)
{
    return item->kind == MSGPACK_STR ||
           (item->kind == MSGPACK_BIN && !reader->msgpack->options.bin_base64);
}

static int check_float(const struct reader *reader, double f, uint32_t at)
{
    return isfinite(f) ? 0 : expected(reader, at, "a finite number");
}

// -- nested values, as JSON text --

static int put_item(struct reader *reader, struct buf *json, uint32_t depth);

static int read_key(struct reader *reader, struct msgpack_item *item)
{
    uint32_t at = reader->at;
    int code = read_head(reader, item);
    if (!code && item->kind != MSGPACK_STR)
        return expected(reader, at, "a string as the key");
    return code ? code : check_text(reader, item);
}

static int put_key(struct reader *reader, struct buf *json)
{
    struct msgpack_item key;
    int code = read_key(reader, &key);
    if (!code)
        code = json_write_string(reader->bytes + reader->at, key.size, json);
    reader->at += code ? 0 : key.size;
    return code ? code : buf_putc(json, ':');
}

static int put_members(struct reader *reader, struct buf *json, const struct msgpack_item *item,
                       uint32_t at, uint32_t depth)
{
    bool map = item->kind == MSGPACK_MAP;
    if (depth > reader->msgpack->limits.depth)
        return error_set(reader->err, ERR_LIMIT, "byte %u: deeper than %u", at,
                         reader->msgpack->limits.depth);
    int code = buf_putc(json, map ? '{' : '[');
    for (uint32_t i = 0; i < item->size && !code; i++) {
        if (i)
            code = buf_putc(json, ',');
        if (!code && map)
            code = put_key(reader, json);
        if (!code)
            code = put_item(reader, json, depth);
    }
    return code ? code : buf_putc(json, map ? '}' : ']');
}

static int put_number(struct reader *reader, struct buf *json, const struct msgpack_item *item,
                      uint32_t at)
{
    char text[NUMBER_TEXT_MAX];
    if (item->kind == MSGPACK_INT)
        return buf_append(json, text, number_format_int(item->i, text));
    int code = check_float(reader, item->f, at);
    return code ? code : buf_append(json, text, number_format_double(item->f, text));
}

// Its digits: what they read as is said by the record.
static int put_big(struct reader *reader, struct buf *json, uint64_t u, uint32_t at)
{
    if (reader->msgpack->limits.big_ints == BIG_INTS_ERROR)
        return error_set(reader->err, ERR_DATA,
                         "byte %u: expected an integer of 64 bits with a sign, "
                         "found %" PRIu64,
                         at, u);
    return buf_printf(json, "%" PRIu64, u);
}

static int put_bytes(struct reader *reader, struct buf *json, const struct msgpack_item *item,
                     uint32_t at)
{
    const char *bytes = reader->bytes + reader->at;
    int code;
    if (item->kind == MSGPACK_EXT) {
        code = msgpack_put_ext(json, item->ext, bytes, item->size, at, reader->err);
    } else if (is_text(reader, item)) {
        code = check_text(reader, item);
        if (!code)
            code = json_write_string(bytes, item->size, json);
    } else {
        code = buf_putc(json, '"');
        if (!code)
            code = msgpack_put_base64(json, bytes, item->size);
        if (!code)
            code = buf_putc(json, '"');
    }
    reader->at += item->size;
    return code;
}

static int put_value(struct reader *reader, struct buf *json, const struct msgpack_item *item,
                     uint32_t at, uint32_t depth)
{
    switch (item->kind) {
    case MSGPACK_NEVER:
    case MSGPACK_NIL:
        return buf_puts(json, "null");
    case MSGPACK_FALSE:
    case MSGPACK_TRUE:
        return buf_puts(json, item->kind == MSGPACK_TRUE ? "true" : "false");
    case MSGPACK_INT:
    case MSGPACK_FLOAT:
        return put_number(reader, json, item, at);
    case MSGPACK_UINT:
        return put_big(reader, json, item->u, at);
    case MSGPACK_STR:
    case MSGPACK_BIN:
    case MSGPACK_EXT:
        return put_bytes(reader, json, item, at);
    case MSGPACK_ARRAY:
    case MSGPACK_MAP:
        break;
    }
    return put_members(reader, json, item, at, depth + 1);
}

static int put_item(struct reader *reader, struct buf *json, uint32_t depth)
{
    struct msgpack_item item;
    uint32_t at = reader->at;
    int code = read_head(reader, &item);
    return code ? code : put_value(reader, json, &item, at, depth);
}

// -- members --

static int own(struct reader *reader, struct buf *json, struct value *value, uint8_t type)
{
    const char *copy = batch_copy(reader->batch, json->data, json->len);
    *value = (struct value){.type = type, .len = (uint32_t)json->len, .bytes = copy};
    return copy ? 0 : ERR_NOMEM;
}

static int own_big(struct reader *reader, struct buf *json, uint64_t u, struct value *value)
{
    if (reader->msgpack->limits.big_ints == BIG_INTS_STRING)
        return own(reader, json, value, VALUE_STRING);
    *value = value_float((double)u);
    return 0;
}

// What is no text in the bytes: by way of JSON.
static int read_nested(struct reader *reader, const struct msgpack_item *item, uint32_t at,
                       struct value *value)
{
    struct buf *json = &reader->msgpack->json;
    buf_clear(json);
    json->max = (size_t)reader->len * 10 + 64; // no item becomes ten times as long
    int code = put_value(reader, json, item, at, 1);
    if (code)
        return code;
    if (item->kind == MSGPACK_UINT)
        return own_big(reader, json, item->u, value);
    if (*json->data != '"')
        return own(reader, json, value, *json->data == '[' ? VALUE_ARRAY : VALUE_OBJECT);
    json->data++; // base64 or a timestamp: nothing in it is escaped
    json->len -= 2;
    code = own(reader, json, value, VALUE_STRING);
    json->data--;
    return code;
}

static int read_value(struct reader *reader, struct span *span, struct value *value)
{
    struct msgpack_item item;
    uint32_t at = reader->at;
    int code = read_head(reader, &item);
    *span = (struct span){.at = reader->at, .len = item.size & 0xfffffff, .kind = SPAN_NULL};
    *value = unset;
    if (code)
        return code;
    if (is_text(reader, &item)) {
        span->kind = SPAN_STRING;
        code = check_text(reader, &item);
        reader->at += item.size;
    } else if (item.kind == MSGPACK_INT) {
        *value = value_int(item.i);
    } else if (item.kind == MSGPACK_FLOAT) {
        *value = value_float(item.f);
        code = check_float(reader, item.f, at);
    } else if (item.kind == MSGPACK_TRUE || item.kind == MSGPACK_FALSE) {
        span->kind = item.kind == MSGPACK_TRUE ? SPAN_TRUE : SPAN_FALSE;
    } else if (item.kind != MSGPACK_NIL) {
        code = read_nested(reader, &item, at, value);
    }
    return code;
}

static int read_member(struct reader *reader, const char *name, uint32_t len)
{
    struct collector *collector = &reader->msgpack->collector;
    struct span span;
    struct value value;
    uint32_t at = reader->at;
    int code = read_value(reader, &span, &value);
    if (code)
        return code;
    if (collector->count == reader->msgpack->limits.members ||
        !collect(collector, name, len, span, value))
        return error_set(reader->err, ERR_LIMIT, "byte %u: more than %u members", at,
                         collector->count);
    return 0;
}

static int read_record(struct reader *reader)
{
    struct msgpack_item item = {0};
    if (msgpack_head(reader->bytes, reader->len, &item) && item.kind != MSGPACK_MAP)
        return read_member(reader, "value", 5);
    int code = read_head(reader, &item);
    for (uint32_t i = 0; i < item.size && !code; i++) {
        struct msgpack_item key;
        code = read_key(reader, &key);
        if (code)
            break;
        const char *name = reader->bytes + reader->at;
        reader->at += key.size;
        code = read_member(reader, name, key.size);
    }
    return code;
}

static int decode(struct decoder *decoder, struct batch *batch, const char *bytes, size_t len,
                  size_t pad, struct record *record, struct error *err)
{
    struct msgpack_decoder *msgpack = (struct msgpack_decoder *)decoder;
    (void)pad;
    codec_start(record, shape_empty(msgpack->collector.shapes), bytes, len);
    if (len > msgpack->size_max)
        return codec_too_long(err, msgpack->size_max);
    struct reader reader = {
        .msgpack = msgpack, .batch = batch, .bytes = bytes, .len = (uint32_t)len, .err = err};
    if (msgpack->limits.big_ints == BIG_INTS_STRING)
        record->flags |= RECORD_BIG_TEXT;
    collect_start(&msgpack->collector);
    int code = read_record(&reader);
    if (!code && reader.at < reader.len)
        code = expected(&reader, reader.at, "the end of the message");
    if (!code)
        code = collect_end(&msgpack->collector, batch, record);
    return code == ERR_NOMEM ? error_nomem(err) : code;
}

static void free_decoder(struct decoder *decoder)
{
    buf_deinit(&((struct msgpack_decoder *)decoder)->json);
    mem_free(decoder);
}

struct decoder *decoder_msgpack_new(const struct msgpack_options *options,
                                    struct shape_table *shapes, const struct json_limits *limits,
                                    enum json_big_ints big_ints)
{
    struct msgpack_decoder *msgpack = mem_zalloc(sizeof *msgpack);
    if (!msgpack)
        return NULL;
    msgpack->decoder = (struct decoder){.decode = decode, .free = free_decoder};
    msgpack->options = *options;
    msgpack->limits = *limits;
    msgpack->limits.big_ints = big_ints;
    msgpack->size_max = codec_size_max(limits);
    msgpack->collector.shapes = shapes;
    buf_init(&msgpack->json, 0);
    return &msgpack->decoder;
}
