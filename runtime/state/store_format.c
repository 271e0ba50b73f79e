// SPDX-License-Identifier: MIT
#include "state/store_format.h"

#include <string.h>

enum {
    GENERATION_BYTES = 13,
    HEAD_BYTES = 50,
    PART_BYTES = 13,
    END_BYTES = 25,
};
enum { FLAG_FINISHED = 1 };
enum { FLAG_FIRST = 1, FLAG_CHANGES = 2 };

static unsigned char *put(unsigned char *at, uint64_t number, unsigned len)
{
    for (unsigned i = 0; i < len; i++)
        at[i] = (unsigned char)(number >> 8 * i);
    return at + len;
}

static uint64_t get(const unsigned char **at, unsigned len)
{
    uint64_t number = 0;
    for (unsigned i = 0; i < len; i++)
        number |= (uint64_t)(*at)[i] << 8 * i;
    *at += len;
    return number;
}

// -- reading --

static bool read_generation(const unsigned char *at, size_t len, struct store_entry *entry)
{
    if (len < GENERATION_BYTES - 1)
        return false;
    entry->generation.version = (uint32_t)get(&at, 4);
    entry->generation.highest = get(&at, 8);
    entry->generation.pipeline = (const char *)at;
    entry->generation.pipeline_len = len - (GENERATION_BYTES - 1);
    return true;
}

static bool read_head(const unsigned char *at, size_t len, struct checkpoint_head *head)
{
    if (len != HEAD_BYTES - 1)
        return false;
    head->number = get(&at, 8);
    head->parent = get(&at, 8);
    head->attempt = get(&at, 8);
    head->wall_ms = (int64_t)get(&at, 8);
    memcpy(head->incarnation, at, STORE_INCARNATION_BYTES);
    head->finished = (at[STORE_INCARNATION_BYTES] & FLAG_FINISHED) != 0;
    return head->number != 0;
}

static bool read_part(const unsigned char *at, size_t len, struct part_chunk *part)
{
    if (len < PART_BYTES - 1)
        return false;
    const unsigned char *end = at + len;
    part->kind = (enum store_kind)get(&at, 1);
    unsigned flags = (unsigned)get(&at, 1);
    part->first = (flags & FLAG_FIRST) != 0;
    part->changes = (flags & FLAG_CHANGES) != 0;
    part->node_len = (uint32_t)get(&at, 2);
    part->part_len = get(&at, 8);
    if (part->node_len > (size_t)(end - at))
        return false;
    part->node = (const char *)at;
    part->bytes = part->node + part->node_len;
    part->len = (size_t)(end - at) - part->node_len;
    return part->len <= part->part_len;
}

bool store_entry_read(const struct journal_entry *bytes, struct store_entry *entry)
{
    const unsigned char *at = bytes->data;
    if (bytes->len < 1 || bytes->count != 1)
        return false;
    size_t len = bytes->len - 1;
    entry->type = (enum entry_type) * at++;
    switch (entry->type) {
    case ENTRY_GENERATION:
        return read_generation(at, len, entry);
    case ENTRY_HEAD:
        return read_head(at, len, &entry->head);
    case ENTRY_PART:
        return read_part(at, len, &entry->part);
    case ENTRY_END:
        if (len != END_BYTES - 1)
            return false;
        entry->end.number = get(&at, 8);
        entry->end.chunks = get(&at, 8);
        entry->end.bytes = get(&at, 8);
        return true;
    }
    return false;
}

// -- writing --

int store_out_generation(struct journal *journal, uint64_t highest, const char *pipeline,
                         struct error *err)
{
    unsigned char bytes[GENERATION_BYTES] = {ENTRY_GENERATION};
    put(put(bytes + 1, STORE_VERSION, 4), highest, 8);
    struct iovec parts[2] = {{bytes, sizeof bytes},
                             {(void *)(uintptr_t)pipeline, strlen(pipeline)}};
    return journal_append(journal, parts, 2, 1, 0, NULL, err);
}

int store_out_head(struct store_out *out, struct journal *journal,
                   const struct checkpoint_head *head, struct error *err)
{
    unsigned char bytes[HEAD_BYTES] = {ENTRY_HEAD}, *at = bytes + 1;
    *out = (struct store_out){.journal = journal, .number = head->number};
    at = put(at, head->number, 8);
    at = put(at, head->parent, 8);
    at = put(at, head->attempt, 8);
    at = put(at, (uint64_t)head->wall_ms, 8);
    memcpy(at, head->incarnation, STORE_INCARNATION_BYTES);
    at[STORE_INCARNATION_BYTES] = head->finished ? FLAG_FINISHED : 0;
    struct iovec part = {bytes, sizeof bytes};
    return journal_append(journal, &part, 1, 1, JOURNAL_SEAL, &out->sequence, err);
}

int store_out_part(struct store_out *out, const struct store_part *part, struct error *err)
{
    size_t node_len = strlen(part->node), done = 0;
    if (node_len > UINT16_MAX)
        return error_set(err, ERR_LIMIT, "%.64s...: the name is too long", part->node);
    do {
        size_t len = part->len - done < CHUNK_BYTES ? part->len - done : CHUNK_BYTES;
        unsigned char bytes[PART_BYTES] = {ENTRY_PART}, *at = bytes + 1;
        at = put(at, (uint64_t)part->kind, 1);
        at = put(at, (done ? 0u : FLAG_FIRST) | (part->changes ? FLAG_CHANGES : 0u), 1);
        at = put(at, node_len, 2);
        put(at, part->len, 8);
        struct iovec parts[3] = {{bytes, sizeof bytes},
                                 {(void *)(uintptr_t)part->node, node_len},
                                 {(void *)(uintptr_t)(part->len ? part->bytes + done : ""), len}};
        int code = journal_append(out->journal, parts, 3, 1, 0, NULL, err);
        if (code)
            return code;
        done += len;
        out->chunks++;
        out->bytes += len;
    } while (done < part->len);
    return 0;
}

int store_out_end(struct store_out *out, struct error *err)
{
    unsigned char bytes[END_BYTES] = {ENTRY_END};
    put(put(put(bytes + 1, out->number, 8), out->chunks, 8), out->bytes, 8);
    struct iovec part = {bytes, sizeof bytes};
    return journal_append(out->journal, &part, 1, 1, 0, NULL, err);
}
