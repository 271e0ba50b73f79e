// SPDX-License-Identifier: MIT
#include "state/image.h"

enum { NUMBER_MAX = 10 }; // bytes of the longest
enum { FORM_PLAIN, FORM_NAMED, FORM_GONE, FORM_WHOLE, FORM_COUNT };
static const size_t GONE_MAX = (size_t)1 << 36;

void image_init(struct image *image, size_t max_bytes)
{
    image->rc = 0;
    image->identity_len = 0;
    buf_init(&image->bytes, max_bytes);
    buf_init(&image->body, max_bytes);
}

void image_deinit(struct image *image)
{
    buf_deinit(&image->bytes);
    buf_deinit(&image->body);
}

// -- writing --

static void put(struct image *image, struct buf *buf, const void *bytes, size_t len)
{
    if (!image->rc)
        image->rc = buf_append(buf, bytes, len);
}

static void put_number(struct image *image, struct buf *buf, uint64_t number)
{
    unsigned char bytes[NUMBER_MAX];
    size_t len = 0;
    for (; number >= 0x80; number >>= 7)
        bytes[len++] = (unsigned char)(number | 0x80);
    bytes[len++] = (unsigned char)number;
    put(image, buf, bytes, len);
}

void image_u64(struct image *image, uint64_t number)
{
    put_number(image, &image->body, number);
}

void image_i64(struct image *image, int64_t number)
{
    image_u64(image, (uint64_t)number << 1 ^ (uint64_t)(number >> 63));
}

void image_f64(struct image *image, double number)
{
    uint64_t bits;
    unsigned char bytes[8];
    memcpy(&bits, &number, sizeof bits);
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(bits >> 8 * i);
    put(image, &image->body, bytes, sizeof bytes);
}

void image_bytes(struct image *image, const void *bytes, size_t len)
{
    image_u64(image, len);
    if (len)
        put(image, &image->body, bytes, len);
}

static void end_entry(struct image *image, unsigned form, uint32_t section, const char *key,
                      uint32_t key_len)
{
    struct buf *bytes = &image->bytes, *body = &image->body;
    put_number(image, bytes, ((uint64_t)section + 1) * FORM_COUNT + form);
    put_number(image, bytes, key ? (uint64_t)key_len + 1 : 0);
    if (key && key_len)
        put(image, bytes, key, key_len);
    if (form == FORM_NAMED)
        put_number(image, bytes, image->identity_len);
    put_number(image, bytes, body->len);
    if (body->len)
        put(image, bytes, body->data, body->len);
    buf_clear(body);
    image->identity_len = 0;
}

void image_identify(struct image *image)
{
    image->identity_len = image->body.len;
}

void image_end(struct image *image, uint32_t section, const char *key, uint32_t key_len)
{
    end_entry(image, image->identity_len ? FORM_NAMED : FORM_PLAIN, section, key, key_len);
}

void image_gone(struct image *image, uint32_t section, const char *key, uint32_t key_len)
{
    end_entry(image, FORM_GONE, section, key, key_len);
}

void image_whole(struct image *image, uint32_t section)
{
    end_entry(image, FORM_WHOLE, section, NULL, 0);
}

void image_collect(struct image *gone)
{
    image_deinit(gone);
    image_init(gone, GONE_MAX);
}

void image_add(struct image *image, const struct image *from)
{
    if (!image->rc)
        image->rc = from->rc;
    if (from->bytes.len)
        put(image, &image->bytes, from->bytes.data, from->bytes.len);
}

// -- reading --

static bool take_number(const char **at, const char *end, uint64_t *out)
{
    *out = 0;
    for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
        unsigned char byte = (unsigned char)*(*at)++;
        if (shift == 63 && byte > 1)
            return false;
        *out |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

static bool take_part(struct image_reader *reader, uint64_t len, const char **out)
{
    *out = reader->at;
    if (len > (uint64_t)(reader->end - reader->at))
        return false;
    reader->at += len;
    return true;
}

// Body and, in front of it, how much of it is identity.
static bool take_body(struct image_reader *reader, struct image_entry *entry, unsigned form)
{
    uint64_t identity = 0, len;
    if (form == FORM_NAMED && !take_number(&reader->at, reader->end, &identity))
        return false;
    if (!take_number(&reader->at, reader->end, &len) || identity > len ||
        !take_part(reader, len, &entry->at))
        return false;
    entry->end = entry->at + len;
    entry->identity_len = form == FORM_GONE ? (size_t)len : (size_t)identity;
    return true;
}

static bool take_entry(struct image_reader *reader, struct image_entry *entry)
{
    static const enum image_mark marks[] = {IMAGE_ENTRY, IMAGE_ENTRY, IMAGE_GONE, IMAGE_WHOLE};
    uint64_t form, key;
    if (!take_number(&reader->at, reader->end, &form) || form < FORM_COUNT ||
        form / FORM_COUNT > UINT32_MAX || !take_number(&reader->at, reader->end, &key) ||
        key > UINT32_MAX)
        return false;
    entry->section = (uint32_t)(form / FORM_COUNT - 1);
    entry->mark = marks[form % FORM_COUNT];
    entry->bad = false;
    entry->key = NULL;
    entry->key_len = key ? (uint32_t)(key - 1) : 0;
    if (key && !take_part(reader, key - 1, &entry->key))
        return false;
    return take_body(reader, entry, form % FORM_COUNT);
}

bool image_next_any(struct image_reader *reader, struct image_entry *entry, int *rc)
{
    *rc = 0;
    if (reader->at == reader->end)
        return false;
    if (take_entry(reader, entry))
        return true;
    *rc = ERR_CORRUPT;
    return false;
}

bool image_next(struct image_reader *reader, struct image_entry *entry, int *rc)
{
    while (image_next_any(reader, entry, rc)) {
        if (entry->mark == IMAGE_ENTRY)
            return true;
    }
    return false;
}

uint64_t entry_u64(struct image_entry *entry)
{
    uint64_t number = 0;
    if (!entry->bad && !take_number(&entry->at, entry->end, &number))
        entry->bad = true;
    return entry->bad ? 0 : number;
}

int64_t entry_i64(struct image_entry *entry)
{
    uint64_t number = entry_u64(entry);
    return (int64_t)(number >> 1 ^ (0 - (number & 1)));
}

double entry_f64(struct image_entry *entry)
{
    uint64_t bits = 0;
    double number;
    if (entry->end - entry->at < 8)
        entry->bad = true;
    for (int i = 0; i < 8 && !entry->bad; i++)
        bits |= (uint64_t)(unsigned char)*entry->at++ << 8 * i;
    memcpy(&number, &bits, sizeof number);
    return number;
}

const char *entry_bytes(struct image_entry *entry, size_t *len)
{
    uint64_t want = entry_u64(entry);
    *len = 0;
    if (entry->bad || want > (uint64_t)(entry->end - entry->at)) {
        entry->bad = true;
        return NULL;
    }
    const char *bytes = entry->at;
    entry->at += want;
    *len = (size_t)want;
    return bytes;
}

int entry_done(const struct image_entry *entry, struct error *err)
{
    if (!entry->bad && entry->at == entry->end)
        return 0;
    return error_set(err, ERR_CORRUPT, "the state of section %u is damaged", entry->section);
}
