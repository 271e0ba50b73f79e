// SPDX-License-Identifier: MIT
#include "state/snapshot.h"

enum { NUMBER_MAX = 10 }; // bytes of the longest

void snapshot_init(struct snapshot *snapshot, size_t max_bytes)
{
    snapshot->rc = 0;
    buf_init(&snapshot->bytes, max_bytes);
    buf_init(&snapshot->body, max_bytes);
}

void snapshot_deinit(struct snapshot *snapshot)
{
    buf_deinit(&snapshot->bytes);
    buf_deinit(&snapshot->body);
}

// -- writing --

static void put(struct snapshot *snapshot, struct buf *buf, const void *bytes, size_t len)
{
    if (!snapshot->rc)
        snapshot->rc = buf_append(buf, bytes, len);
}

static void put_number(struct snapshot *snapshot, struct buf *buf, uint64_t number)
{
    unsigned char bytes[NUMBER_MAX];
    size_t len = 0;
    for (; number >= 0x80; number >>= 7)
        bytes[len++] = (unsigned char)(number | 0x80);
    bytes[len++] = (unsigned char)number;
    put(snapshot, buf, bytes, len);
}

void snapshot_u64(struct snapshot *snapshot, uint64_t number)
{
    put_number(snapshot, &snapshot->body, number);
}

void snapshot_i64(struct snapshot *snapshot, int64_t number)
{
    snapshot_u64(snapshot, (uint64_t)number << 1 ^ (uint64_t)(number >> 63));
}

void snapshot_f64(struct snapshot *snapshot, double number)
{
    uint64_t bits;
    unsigned char bytes[8];
    memcpy(&bits, &number, sizeof bits);
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(bits >> 8 * i);
    put(snapshot, &snapshot->body, bytes, sizeof bytes);
}

void snapshot_bytes(struct snapshot *snapshot, const void *bytes, size_t len)
{
    snapshot_u64(snapshot, len);
    if (len)
        put(snapshot, &snapshot->body, bytes, len);
}

void snapshot_end(struct snapshot *snapshot, uint32_t section, const char *key, uint32_t key_len)
{
    struct buf *bytes = &snapshot->bytes, *body = &snapshot->body;
    put_number(snapshot, bytes, (uint64_t)section + 1);
    put_number(snapshot, bytes, key ? (uint64_t)key_len + 1 : 0);
    if (key && key_len)
        put(snapshot, bytes, key, key_len);
    put_number(snapshot, bytes, body->len);
    if (body->len)
        put(snapshot, bytes, body->data, body->len);
    buf_clear(body);
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

static bool take_part(struct snapshot_reader *reader, uint64_t len, const char **out)
{
    *out = reader->at;
    if (len > (uint64_t)(reader->end - reader->at))
        return false;
    reader->at += len;
    return true;
}

static bool take_entry(struct snapshot_reader *reader, struct snapshot_entry *entry)
{
    uint64_t section, key, body;
    if (!take_number(&reader->at, reader->end, &section) || section - 1 > UINT32_MAX - 1 ||
        !take_number(&reader->at, reader->end, &key) || key > UINT32_MAX)
        return false;
    *entry = (struct snapshot_entry){.section = (uint32_t)(section - 1),
                                     .key_len = key ? (uint32_t)(key - 1) : 0};
    if (key && !take_part(reader, key - 1, &entry->key))
        return false;
    if (!take_number(&reader->at, reader->end, &body) || !take_part(reader, body, &entry->at))
        return false;
    entry->end = entry->at + body;
    return true;
}

bool snapshot_next(struct snapshot_reader *reader, struct snapshot_entry *entry, int *rc)
{
    *rc = 0;
    if (reader->at == reader->end)
        return false;
    if (take_entry(reader, entry))
        return true;
    *rc = ERR_CORRUPT;
    return false;
}

uint64_t entry_u64(struct snapshot_entry *entry)
{
    uint64_t number = 0;
    if (!entry->bad && !take_number(&entry->at, entry->end, &number))
        entry->bad = true;
    return entry->bad ? 0 : number;
}

int64_t entry_i64(struct snapshot_entry *entry)
{
    uint64_t number = entry_u64(entry);
    return (int64_t)(number >> 1 ^ (0 - (number & 1)));
}

double entry_f64(struct snapshot_entry *entry)
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

const char *entry_bytes(struct snapshot_entry *entry, size_t *len)
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

int entry_done(const struct snapshot_entry *entry, struct error *err)
{
    if (!entry->bad && entry->at == entry->end)
        return 0;
    return error_set(err, ERR_CORRUPT, "the state of section %u is damaged", entry->section);
}
