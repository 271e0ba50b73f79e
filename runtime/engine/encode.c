// SPDX-License-Identifier: MIT
#include "engine/encode.h"
#include "engine/outputs.h"
#include <string.h>

// Encoded bytes collect in one buffer that may move while it grows: until the batch is complete a
// value in it is an offset, told by this mark in place of the pointer.
static const char in_buffer;

static void place(tide_bytes *bytes, size_t from, size_t to)
{
    bytes->data = &in_buffer;
    bytes->len = (to - from) | (from << 32);
}

static void settle(tide_bytes *bytes, const char *base)
{
    if (bytes->data != &in_buffer)
        return;
    bytes->data = base + (bytes->len >> 32);
    bytes->len &= 0xffffffffu;
}

// A value behind its length, which is known only when it is there.
static int frame_value(struct sink_driver *sink, struct outgoing *outgoing, struct record *record,
                       tide_bytes *value, struct error *err)
{
    struct buf *out = &outgoing->bytes;
    size_t from = out->len, len, used;
    char prefix[FRAMING_PREFIX_MAX] = "";
    const char *bytes;
    int rc = buf_append(out, prefix, sizeof prefix); // room
    if (!rc)
        rc = sink->encoder->encode(sink->encoder, outgoing->batch, record, out, &bytes, &len, err);
    if (!rc && bytes)
        rc = buf_append(out, bytes, len);
    if (!rc)
        rc = framing_put_prefix(&sink->framing, len, prefix, &used, err);
    if (rc)
        return rc;
    from += sizeof prefix - used;
    memcpy(out->data + from, prefix, used);
    place(value, from, out->len);
    return 0;
}

static int encode_value(struct sink_driver *sink, struct outgoing *outgoing, struct record *record,
                        tide_bytes *value, struct error *err)
{
    const char *bytes;
    size_t len, from = outgoing->bytes.len;
    enum framing framing = sink->framing.kind;
    if (framing == FRAMING_LENGTH || framing == FRAMING_OCTET)
        return frame_value(sink, outgoing, record, value, err);
    int rc = sink->encoder->encode(sink->encoder, outgoing->batch, record, &outgoing->bytes, &bytes,
                                   &len, err);
    if (rc)
        return rc;
    if (bytes)
        *value = (tide_bytes){bytes, len};
    else
        place(value, from, outgoing->bytes.len);
    return 0;
}

static int encode_key(struct sink_driver *sink, struct outgoing *outgoing, struct record *record,
                      tide_bytes *key, struct error *err)
{
    if (!sink->key) {
        if (record->meta && record->meta->key)
            *key = (tide_bytes){record->meta->key, record->meta->key_len};
        return 0;
    }
    size_t from = outgoing->bytes.len;
    int rc = template_expand(outgoing->batch, record, sink->key, &outgoing->bytes, err);
    if (rc)
        return error_prefix(err, "key");
    place(key, from, outgoing->bytes.len);
    return 0;
}

static int add_header(struct sink_driver *sink, struct outgoing *outgoing, struct record *record,
                      uint32_t index, tide_header *out, struct error *err)
{
    struct buf *bytes = &outgoing->bytes;
    size_t from = bytes->len;
    int rc = template_expand(outgoing->batch, record, sink->header_values[index], bytes, err);
    if (rc)
        return error_prefix(err, "header %s", sink->header_names[index]);
    const char *copy = batch_copy(outgoing->batch, bytes->data + from, bytes->len - from);
    if (!copy)
        return error_nomem(err);
    *out = (tide_header){sink->header_names[index], {copy, bytes->len - from}};
    bytes->len = from;
    return 0;
}

static int encode_headers(struct sink_driver *sink, struct outgoing *outgoing,
                          struct record *record, tide_record *out, struct error *err)
{
    uint32_t old = record->meta ? record->meta->header_count : 0;
    uint32_t count = old + sink->header_count;
    if (!count)
        return 0;
    tide_header *headers = ARENA_ARRAY(&outgoing->batch->arena, tide_header, count);
    if (!headers)
        return error_nomem(err);
    for (uint32_t i = 0; i < old; i++)
        headers[i] = (tide_header){record->meta->headers[i].name,
                                   {record->meta->headers[i].bytes, record->meta->headers[i].len}};
    int rc = 0;
    for (uint32_t i = 0; !rc && i < sink->header_count; i++)
        rc = add_header(sink, outgoing, record, i, &headers[old + i], err);
    out->headers = headers;
    out->header_count = count;
    return rc;
}

static int encode_record(struct sink_driver *sink, struct outgoing *outgoing, struct record *record,
                         tide_record *out, struct error *err)
{
    out->struct_size = sizeof *out;
    out->split = record->split;
    out->offset = record->offset;
    out->time_ms = record->time;
    out->value = out->key = (tide_bytes){NULL, 0};
    out->headers = NULL;
    out->header_count = 0;
    out->flags = sink->framing.kind == FRAMING_NEWLINE ? 0 : TIDE_RECORD_FRAMED;
    int rc = 0;
    if (!(record->flags & RECORD_TOMBSTONE))
        rc = encode_value(sink, outgoing, record, &out->value, err);
    if (!rc && (sink->key || (record->meta && record->meta->key)))
        rc = encode_key(sink, outgoing, record, &out->key, err);
    if (!rc && (sink->header_count || (record->meta && record->meta->header_count)))
        rc = encode_headers(sink, outgoing, record, out, err);
    return rc;
}

// In a storm of errors their texts are left out where nobody reads them.
static void refuse(struct sink_driver *sink, struct outgoing *outgoing, uint32_t index, int code,
                   struct error *err, bool mute)
{
    size_t before = outgoing->bytes.len;
    tide_record again;
    if (mute)
        error_clear(err);
    if (mute && !wordless_has(outgoing->wordless, code))
        encode_record(sink, outgoing, &outgoing->batch->records[index], &again, err);
    outgoing->bytes.len = before;
    err->code = code;
    outgoing_refuse(outgoing, index, err);
}

int encode_batch(struct sink_driver *sink, struct outgoing *outgoing)
{
    struct batch *batch = outgoing->batch;
    uint32_t n = 0;
    struct error err;
    error_clear(&err);
    bool mute = wordless_has(outgoing->wordless, ERR_DATA);
    buf_clear(&outgoing->bytes);
    outgoing->written_bytes = 0;
    for (uint32_t i = 0; i < batch->count; i++) {
        size_t before = outgoing->bytes.len;
        int rc = encode_record(sink, outgoing, &batch->records[i], &outgoing->records[n],
                               mute ? NULL : &err);
        if (rc == ERR_NOMEM)
            return rc;
        if (!rc) {
            outgoing->index[n++] = i;
            continue;
        }
        outgoing->bytes.len = before;
        refuse(sink, outgoing, i, rc, &err, mute);
    }
    for (uint32_t i = 0; i < n; i++) {
        settle(&outgoing->records[i].value, outgoing->bytes.data);
        settle(&outgoing->records[i].key, outgoing->bytes.data);
        outgoing->written_bytes += outgoing->records[i].value.len;
    }
    outgoing->head.count = n;
    return 0;
}
