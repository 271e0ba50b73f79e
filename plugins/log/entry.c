// SPDX-License-Identifier: MIT
#include "entry.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 1, VARINT_MAX = 10 };
enum { HAS_TIME = 1, HAS_KEY = 2, HAS_HEADERS = 4, HAS_VALUE = 8 };

static unsigned char *put_varint(unsigned char *at, uint64_t value)
{
    for (; value >= 128; value >>= 7)
        *at++ = (unsigned char)(value | 128);
    *at++ = (unsigned char)value;
    return at;
}

static unsigned char *put_bytes(unsigned char *at, const void *bytes, size_t len)
{
    if (len)
        memcpy(at, bytes, len);
    return at + len;
}

static size_t bound(const tide_record *record)
{
    size_t size = 1 + 4 * VARINT_MAX + record->key.len + record->value.len;
    for (uint32_t i = 0; i < record->header_count; i++)
        size += strlen(record->headers[i].name) + 1 + 2 * VARINT_MAX + record->headers[i].value.len;
    return size;
}

static bool make_room(struct packer *packer, size_t extra)
{
    if (extra <= packer->cap - packer->len)
        return true;
    size_t cap = packer->cap ? packer->cap * 2 : 64 << 10;
    while (cap - packer->len < extra)
        cap *= 2;
    unsigned char *data = realloc(packer->data, cap);
    if (!data)
        return false;
    packer->data = data;
    packer->cap = cap;
    return true;
}

static unsigned char *put_headers(unsigned char *at, const tide_record *record)
{
    at = put_varint(at, record->header_count);
    for (uint32_t i = 0; i < record->header_count; i++) {
        const tide_header *header = &record->headers[i];
        size_t len = strlen(header->name);
        at = put_varint(at, len);
        at = put_bytes(at, header->name, len + 1);
        at = put_varint(at, header->value.data ? header->value.len + 1 : 0);
        at = put_bytes(at, header->value.data, header->value.data ? header->value.len : 0);
    }
    return at;
}

bool pack(struct packer *packer, const tide_record *record)
{
    if (!make_room(packer, bound(record)))
        return false;
    unsigned char *flags = packer->data + packer->len;
    unsigned char *at = flags + 1;
    *flags = 0;
    if (record->time_ms != TIDE_NO_TIME) {
        if (!packer->count)
            packer->base_time = record->time_ms;
        uint64_t delta = (uint64_t)record->time_ms - (uint64_t)packer->base_time; // wraps both ways
        *flags |= HAS_TIME;
        at = put_varint(at, delta << 1 ^ -(delta >> 63));
    }
    if (record->key.data) {
        *flags |= HAS_KEY;
        at = put_varint(at, record->key.len);
        at = put_bytes(at, record->key.data, record->key.len);
    }
    if (record->header_count) {
        *flags |= HAS_HEADERS;
        at = put_headers(at, record);
    }
    if (record->value.data) {
        *flags |= HAS_VALUE;
        at = put_varint(at, record->value.len);
        at = put_bytes(at, record->value.data, record->value.len);
    }
    packer->len = (size_t)(at - packer->data);
    packer->count++;
    return true;
}

void pack_header(const struct packer *packer, unsigned char out[ENTRY_HEADER])
{
    uint32_t count = htole32(packer->count);
    uint64_t base = htole64((uint64_t)packer->base_time);
    memset(out, 0, ENTRY_HEADER);
    out[0] = VERSION;
    memcpy(out + 4, &count, sizeof count);
    memcpy(out + 8, &base, sizeof base);
}

void pack_reset(struct packer *packer)
{
    packer->len = 0;
    packer->count = 0;
    packer->base_time = 0;
}

void pack_free(struct packer *packer)
{
    free(packer->data);
    *packer = (struct packer){0};
}

bool unpack_begin(struct unpacker *unpacker, tide_bytes entry, uint32_t count)
{
    const unsigned char *bytes = entry.data;
    uint32_t stored;
    uint64_t base;
    if (entry.len < ENTRY_HEADER || bytes[0] != VERSION)
        return false;
    memcpy(&stored, bytes + 4, sizeof stored);
    memcpy(&base, bytes + 8, sizeof base);
    unpacker->at = bytes + ENTRY_HEADER;
    unpacker->end = bytes + entry.len;
    unpacker->left = count;
    unpacker->base_time = (int64_t)le64toh(base);
    return le32toh(stored) == count;
}

static bool get_varint(struct unpacker *unpacker, uint64_t *value)
{
    const unsigned char *at = unpacker->at;
    if (__builtin_expect(at < unpacker->end && *at < 128, 1)) {
        *value = *at;
        unpacker->at = at + 1;
        return true;
    }
    uint64_t sum = 0;
    for (unsigned shift = 0; shift < 64 && at < unpacker->end; shift += 7) {
        sum |= (uint64_t)(*at & 127) << shift;
        if (*at++ < 128) {
            unpacker->at = at;
            *value = sum;
            return true;
        }
    }
    return false;
}

static bool get_bytes(struct unpacker *unpacker, tide_bytes *bytes)
{
    uint64_t len;
    if (!get_varint(unpacker, &len) || len > (uint64_t)(unpacker->end - unpacker->at))
        return false;
    *bytes = (tide_bytes){unpacker->at, (size_t)len};
    unpacker->at += len;
    return true;
}

static bool get_header(struct unpacker *unpacker, tide_header *header)
{
    tide_bytes name;
    uint64_t len;
    if (!get_bytes(unpacker, &name) || unpacker->at == unpacker->end || *unpacker->at++ != 0 ||
        memchr(name.data, 0, name.len) || !get_varint(unpacker, &len))
        return false;
    header->name = name.data;
    header->value = (tide_bytes){NULL, 0};
    if (!len)
        return true;
    if (--len > (uint64_t)(unpacker->end - unpacker->at))
        return false;
    header->value = (tide_bytes){unpacker->at, (size_t)len};
    unpacker->at += len;
    return true;
}

static bool get_headers(struct unpacker *unpacker, tide_message *message, tide_header *headers,
                        uint32_t room)
{
    uint64_t count;
    tide_header unwanted;
    if (!get_varint(unpacker, &count) || count > (uint64_t)(unpacker->end - unpacker->at))
        return false;
    message->header_count = (uint32_t)count;
    if (headers && count <= room)
        message->headers = headers;
    else
        headers = NULL;
    for (uint64_t i = 0; i < count; i++) {
        if (!get_header(unpacker, headers ? &headers[i] : &unwanted))
            return false;
    }
    return true;
}

bool unpack(struct unpacker *unpacker, tide_message *message, tide_header *headers, uint32_t room)
{
    if (!unpacker->left || unpacker->at == unpacker->end)
        return false;
    unsigned flags = *unpacker->at++;
    message->time_ms = TIDE_NO_TIME;
    message->key = message->value = (tide_bytes){NULL, 0};
    message->headers = NULL;
    message->header_count = 0;
    message->flags = flags & HAS_VALUE ? TIDE_MESSAGE_PADDED : TIDE_MESSAGE_TOMBSTONE;
    uint64_t delta;
    if (flags & HAS_TIME) {
        if (!get_varint(unpacker, &delta))
            return false;
        delta = delta >> 1 ^ -(delta & 1);
        message->time_ms = (int64_t)((uint64_t)unpacker->base_time + delta);
    }
    if ((flags & HAS_KEY) && !get_bytes(unpacker, &message->key))
        return false;
    if ((flags & HAS_HEADERS) && !get_headers(unpacker, message, headers, room))
        return false;
    if ((flags & HAS_VALUE) && !get_bytes(unpacker, &message->value))
        return false;
    unpacker->left--;
    return unpacker->left || unpacker->at == unpacker->end;
}
