// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "record/codec_kinds.h"
#include "record/json_text.h"
#include "record/number_scan.h"
#include "record/number.h"
#include "record/record_inline.h"
#include <math.h>

// A record as a map with as few bytes as the format allows. Integers beyond int64 stay integers as
// far as MessagePack has them; floats take 64 bits. Nested values go by their JSON text.

struct msgpack_encoder {
    struct encoder encoder; // first
    struct buf json;        // of a nested value that was changed
    struct buf text;        // of a string that is unescaped
};

struct pack {
    struct msgpack_encoder *msgpack;
    struct buf *out;
    struct error *err;
    bool big_text; // integers that MessagePack does not have read as text
};

// -- heads --

static int put_head(struct buf *out, unsigned char first, uint64_t n, uint32_t width)
{
    unsigned char head[9] = {first};
    for (uint32_t i = 0; i < width; i++)
        head[1 + i] = (unsigned char)(n >> (8 * (width - 1 - i)));
    return buf_append(out, head, 1 + width);
}

static int put_uint(struct buf *out, uint64_t n)
{
    if (n < 0x80)
        return buf_putc(out, (char)n);
    if (n <= 0xff)
        return put_head(out, 0xcc, n, 1);
    if (n <= 0xffff)
        return put_head(out, 0xcd, n, 2);
    return n <= 0xffffffff ? put_head(out, 0xce, n, 4) : put_head(out, 0xcf, n, 8);
}

static int put_int(struct buf *out, int64_t i)
{
    if (i >= 0)
        return put_uint(out, (uint64_t)i);
    if (i >= -32)
        return buf_putc(out, (char)i);
    if (i >= INT8_MIN)
        return put_head(out, 0xd0, (uint64_t)i, 1);
    if (i >= INT16_MIN)
        return put_head(out, 0xd1, (uint64_t)i, 2);
    return i >= INT32_MIN ? put_head(out, 0xd2, (uint64_t)i, 4)
                          : put_head(out, 0xd3, (uint64_t)i, 8);
}

static int put_float(struct pack *pack, double f)
{
    uint64_t bits;
    if (!isfinite(f))
        return error_set(pack->err, ERR_DATA, "encode msgpack: the number is not finite");
    memcpy(&bits, &f, sizeof bits);
    return put_head(pack->out, 0xcb, bits, 8);
}

static int put_string(struct buf *out, const char *text, uint32_t len)
{
    int code;
    if (len < 32)
        code = buf_putc(out, (char)(0xa0 | len));
    else if (len <= 0xff)
        code = put_head(out, 0xd9, len, 1);
    else
        code = len <= 0xffff ? put_head(out, 0xda, len, 2) : put_head(out, 0xdb, len, 4);
    return code ? code : buf_append(out, text, len);
}

// Of an array, or of a map of so many pairs.
static int put_count(struct buf *out, bool map, uint32_t count)
{
    if (count < 16)
        return buf_putc(out, (char)((map ? 0x80 : 0x90) | count));
    unsigned char first = map ? 0xde : 0xdc;
    return count <= 0xffff ? put_head(out, first, count, 2)
                           : put_head(out, (unsigned char)(first + 1), count, 4);
}

// -- from JSON text --

static bool parse_uint64(const char *text, uint32_t len, uint64_t *out)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < len; i++) {
        unsigned digit = (unsigned)(text[i] - '0');
        if (digit > 9 || n > (UINT64_MAX - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    *out = n;
    return true;
}

static int put_number(struct pack *pack, const char *text, uint32_t len, enum span_kind kind)
{
    int64_t i;
    uint64_t u;
    double f = 0;
    if (kind == SPAN_INT && number_parse_int(text, len, &i))
        return put_int(pack->out, i);
    if (parse_uint64(text, len, &u))
        return put_uint(pack->out, u);
    if (kind == SPAN_DIGITS)
        return put_string(pack->out, text, len);
    (void)number_to_double(text, len, &f); // its range was checked
    return put_float(pack, f);
}

static int put_escaped(struct pack *pack, const char *bytes, uint32_t len)
{
    struct buf *text = &pack->msgpack->text;
    buf_clear(text);
    text->max = len;
    if (buf_reserve(text, len))
        return ERR_NOMEM;
    return put_string(pack->out, text->data, json_unescape(bytes, len, text->data));
}

static int put_json(struct pack *pack, const char *text, struct span span);

static uint32_t count_members(const char *text, uint32_t len, bool big_text)
{
    struct json_walk walk;
    struct json_member member;
    uint32_t count = 0;
    json_walk_start(&walk, text, len, big_text);
    while (json_walk_next(&walk, &member))
        count++;
    return count;
}

static int put_members(struct pack *pack, const char *text, uint32_t len, bool map)
{
    struct json_walk walk;
    struct json_member member;
    int code = put_count(pack->out, map, count_members(text, len, pack->big_text));
    json_walk_start(&walk, text, len, pack->big_text);
    while (!code && json_walk_next(&walk, &member)) {
        if (map)
            code = member.name_escaped ? put_escaped(pack, member.name, member.name_len)
                                       : put_string(pack->out, member.name, member.name_len);
        if (!code)
            code = put_json(pack, text, member.value);
    }
    return code;
}

// A value of the checked text. As deep as the reader of the text allows.
static int put_json(struct pack *pack, const char *text, struct span span)
{
    const char *at = text + span.at;
    switch ((enum span_kind)span.kind) {
    case SPAN_NULL:
        return buf_putc(pack->out, (char)0xc0);
    case SPAN_TRUE:
    case SPAN_FALSE:
        return buf_putc(pack->out, (char)(span.kind == SPAN_TRUE ? 0xc3 : 0xc2));
    case SPAN_INT:
    case SPAN_NUMBER:
    case SPAN_DIGITS:
        return put_number(pack, at, span.len, span.kind);
    case SPAN_STRING:
        return put_string(pack->out, at, span.len);
    case SPAN_ESCAPED:
        return put_escaped(pack, at, span.len);
    case SPAN_ARRAY:
    case SPAN_OBJECT:
        break;
    }
    return put_members(pack, at, span.len, span.kind == SPAN_OBJECT);
}

static int put_nested(struct pack *pack, struct value value)
{
    struct buf *json = &pack->msgpack->json;
    if (!(value.flags & VALUE_IS_NODE))
        return put_members(pack, value.bytes, value.len, value.type == VALUE_OBJECT);
    buf_clear(json);
    json->max = pack->out->max;
    int code = json_write_value(value, json, pack->err);
    return code ? code
                : put_members(pack, json->data, (uint32_t)json->len, value.type == VALUE_OBJECT);
}

// -- records --

static int put_value(struct pack *pack, struct value value)
{
    switch ((enum value_type)value.type) {
    case VALUE_UNSET:
    case VALUE_ABSENT:
    case VALUE_NULL:
        return buf_putc(pack->out, (char)0xc0);
    case VALUE_BOOL:
        return buf_putc(pack->out, (char)(value.b ? 0xc3 : 0xc2));
    case VALUE_INT:
        return put_int(pack->out, value.i);
    case VALUE_FLOAT:
        return put_float(pack, value.f);
    case VALUE_STRING:
        return put_string(pack->out, value.bytes, value.len);
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        break;
    }
    return put_nested(pack, value);
}

// Untouched numbers are written from their digits: a record reads those beyond int64 as something
// else.
static bool is_wire_number(const struct record *record, uint32_t slot)
{
    if (slot >= record->wire || (record->cells && record->cells[slot].type != VALUE_UNSET))
        return false;
    uint32_t kind = record->spans[slot].kind;
    return kind == SPAN_INT || kind == SPAN_NUMBER || kind == SPAN_DIGITS;
}

static int put_slot(struct pack *pack, struct batch *batch, const struct record *record,
                    uint32_t slot)
{
    if (is_wire_number(record, slot))
        return put_json(pack, record->raw, record->spans[slot]);
    struct value value = record_read(batch, record, (int32_t)slot);
    return value.type == VALUE_ABSENT ? ERR_NOMEM : put_value(pack, value);
}

// Deleted members, and all but the last of a name, are not.
static bool is_member(const struct record *record, uint32_t slot)
{
    const struct shape *shape = record->shape;
    const struct value *cell = record->cells ? &record->cells[slot] : NULL;
    if (cell && cell->type != VALUE_UNSET ? cell->type == VALUE_ABSENT : slot >= record->wire)
        return false;
    return !(shape->flags & SHAPE_DUPLICATES) ||
           shape_find(shape, shape->names[slot].bytes, shape->names[slot].len) == (int32_t)slot;
}

static int put_record(struct pack *pack, struct batch *batch, const struct record *record)
{
    const struct shape *shape = record->shape;
    uint32_t count = 0;
    for (uint32_t i = 0; i < shape->count; i++)
        count += is_member(record, i);
    if (count == 1 && (record->flags & (RECORD_WHOLE | RECORD_RAW)) == RECORD_WHOLE &&
        is_member(record, 0))
        return put_slot(pack, batch, record, 0); // a JSON value that is no object
    int code = put_count(pack->out, true, count);
    for (uint32_t i = 0; i < shape->count && !code; i++) {
        if (!is_member(record, i))
            continue;
        code = put_string(pack->out, shape->names[i].bytes, shape->names[i].len);
        if (!code)
            code = put_slot(pack, batch, record, i);
        if (code == ERR_DATA)
            error_prefix(pack->err, "member '%.*s'", (int)shape->names[i].len,
                         shape->names[i].bytes);
    }
    return code;
}

static int encode(struct encoder *encoder, struct batch *batch, struct record *record,
                  struct buf *buf, const char **out, size_t *out_len, struct error *err)
{
    struct pack pack = {.msgpack = (struct msgpack_encoder *)encoder,
                        .out = buf,
                        .err = err,
                        .big_text = record->flags & RECORD_BIG_TEXT};
    const uint16_t undecoded = RECORD_RAW | RECORD_WHOLE;
    size_t start = buf->len;
    *out = NULL;
    if ((record->flags & undecoded) == undecoded && record->wire == 0 &&
        record_members(record) == 0)
        return error_set(err, ERR_DATA, "bytes that were not decoded cannot be written as msgpack");
    int code = put_record(&pack, batch, record);
    if (code)
        buf->len = start;
    if (code == ERR_NOMEM)
        return error_nomem(err);
    if (code == ERR_LIMIT)
        error_set(err, code, "encode msgpack: the record is longer than %zu bytes", buf->max);
    *out_len = buf->len - start;
    return code;
}

static void free_encoder(struct encoder *encoder)
{
    struct msgpack_encoder *msgpack = (struct msgpack_encoder *)encoder;
    buf_deinit(&msgpack->json);
    buf_deinit(&msgpack->text);
    mem_free(msgpack);
}

struct encoder *encoder_msgpack_new(void)
{
    struct msgpack_encoder *msgpack = mem_zalloc(sizeof *msgpack);
    if (!msgpack)
        return NULL;
    msgpack->encoder = (struct encoder){.encode = encode, .free = free_encoder};
    buf_init(&msgpack->json, 0);
    buf_init(&msgpack->text, 0);
    return &msgpack->encoder;
}
