// SPDX-License-Identifier: MIT
#include "engine/source_buffer.h"
#include <string.h>

// What an entry of the journal holds: an image, whose sections are the kinds (enum buffer_kind).
// Each begins with the name of its split, BUFFER_START excepted.
//
//   message   header count, what is there, flags, offset, time, key, value, headers
//   header    name with its zero, whether it has a value, value

enum { HAS_KEY = 1, HAS_VALUE = 2 };

static void put_split(const struct source_driver *source, uint32_t id, struct image *image)
{
    const struct split *split = &source->splits[id];
    image_bytes(image, split->name, split->name_len);
}

static void put_headers(const tide_message *message, struct image *image)
{
    for (uint32_t i = 0; i < message->header_count; i++) {
        const tide_header *header = &message->headers[i];
        image_bytes(image, header->name, strlen(header->name) + 1);
        image_u64(image, header->value.data != NULL);
        image_bytes(image, header->value.data, header->value.data ? header->value.len : 0);
    }
}

static void put_message(const struct source_driver *source, const tide_message *message,
                        struct image *image)
{
    const tide_bytes *key = &message->key, *value = &message->value;
    put_split(source, message->split, image);
    image_u64(image, message->header_count);
    image_u64(image, (key->data ? HAS_KEY : 0) | (value->data ? HAS_VALUE : 0));
    image_u64(image, message->flags);
    image_i64(image, message->offset);
    image_i64(image, message->time_ms);
    image_bytes(image, key->data, key->data ? key->len : 0);
    image_bytes(image, value->data, value->data ? value->len : 0);
    put_headers(message, image);
    image_end(image, BUFFER_MESSAGE, NULL, 0);
}

static void put_parcel(const struct source_driver *source, const struct parcel *parcel,
                       struct image *image, enum buffer_kind kind)
{
    put_split(source, parcel->split, image);
    if (kind == BUFFER_STREAM) {
        image_bytes(image, parcel->chunks[0]->data + parcel->at, parcel->len);
    } else if (kind == BUFFER_BAD) {
        image_bytes(image, parcel->text.data, parcel->text.len);
        image_bytes(image, parcel->part.data, parcel->part.len);
    }
    image_end(image, kind, NULL, 0);
}

int buffer_encode(const struct source_driver *source, const struct parcel *parcel,
                  struct image *image, uint32_t *count)
{
    static const enum buffer_kind kinds[] = {[PARCEL_STREAM] = BUFFER_STREAM,
                                             [PARCEL_SPLIT] = BUFFER_SPLIT,
                                             [PARCEL_LOST] = BUFFER_LOST,
                                             [PARCEL_END] = BUFFER_END,
                                             [PARCEL_BAD] = BUFFER_BAD};
    *count = parcel->kind == PARCEL_MESSAGES ? parcel->count : 1;
    if (parcel->kind != PARCEL_MESSAGES)
        put_parcel(source, parcel, image, kinds[parcel->kind]);
    for (uint32_t i = 0; i < *count && parcel->kind == PARCEL_MESSAGES; i++)
        put_message(source, &parcel->messages[i], image);
    return image->rc;
}

int buffer_count_headers(const char *bytes, size_t len, uint32_t *count, struct error *err)
{
    struct image_reader reader = {bytes, bytes + len};
    struct image_entry entry;
    uint64_t all = 0;
    int rc = 0;
    while (image_next(&reader, &entry, &rc)) {
        size_t name_len;
        if (entry.section != BUFFER_MESSAGE)
            continue;
        (void)entry_bytes(&entry, &name_len);
        all += entry_u64(&entry);
        // Each takes three bytes at least, so that what is asked for stays within reason.
        if (entry.bad || all > len)
            rc = ERR_CORRUPT;
        if (rc)
            break;
    }
    *count = (uint32_t)all;
    return rc ? error_set(err, ERR_CORRUPT, "the buffer has an entry that makes no sense") : 0;
}

static tide_bytes take_bytes(struct image_entry *entry, bool there)
{
    size_t len;
    const char *bytes = entry_bytes(entry, &len);
    return there && bytes ? (tide_bytes){bytes, len} : (tide_bytes){NULL, 0};
}

static tide_header *take_headers(struct image_entry *entry, tide_header *out, uint32_t count)
{
    for (uint32_t i = 0; i < count && !entry->bad; i++, out++) {
        tide_bytes name = take_bytes(entry, true);
        entry->bad = entry->bad || !name.len || ((const char *)name.data)[name.len - 1] != '\0';
        out->name = entry->bad ? "" : name.data;
        bool has_value = entry_u64(entry);
        out->value = take_bytes(entry, has_value);
    }
    return out;
}

void buffer_decode_message(struct image_entry *entry, tide_header **headers, tide_message *out)
{
    *out = (tide_message){.struct_size = sizeof *out};
    out->header_count = (uint32_t)entry_u64(entry);
    uint64_t has = entry_u64(entry);
    out->flags = (uint32_t)entry_u64(entry) | TIDE_MESSAGE_PADDED; // as every chunk is
    out->offset = entry_i64(entry);
    out->time_ms = entry_i64(entry);
    out->key = take_bytes(entry, has & HAS_KEY);
    out->value = take_bytes(entry, has & HAS_VALUE);
    out->headers = out->header_count ? *headers : NULL;
    *headers = take_headers(entry, *headers, out->header_count);
}

// With the room in front that an unfinished frame needs.
int buffer_decode_stream(struct image_entry *entry, struct parcel *parcel)
{
    tide_bytes bytes = take_bytes(entry, true);
    struct chunk *chunk = bytes.data ? chunk_new(PARCEL_HEAD + bytes.len) : NULL;
    if (!chunk)
        return entry->bad ? ERR_CORRUPT : ERR_NOMEM;
    memcpy(chunk->data + PARCEL_HEAD, bytes.data, bytes.len);
    chunk->len = PARCEL_HEAD + bytes.len;
    parcel->chunks[parcel->chunk_count++] = chunk;
    parcel->at = PARCEL_HEAD;
    parcel->len = bytes.len;
    return 0;
}

int buffer_decode_bad(struct image_entry *entry, struct parcel *parcel)
{
    tide_bytes text = take_bytes(entry, true), part = take_bytes(entry, true);
    int rc = text.len ? buf_append(&parcel->text, text.data, text.len) : 0;
    return rc || !part.len ? rc : buf_append(&parcel->part, part.data, part.len);
}
