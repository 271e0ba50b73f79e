// SPDX-License-Identifier: MIT
#include "state/journal_format.h"
#include "base/hash.h"

#include <endian.h>
#include <string.h>

static const char magic[8] = {'T', 'I', 'D', 'E', 'J', 'R', 'N', 'L'};
enum { VERSION = 1 };

static void put32(unsigned char *at, uint32_t value)
{
    value = htole32(value);
    memcpy(at, &value, sizeof value);
}

static void put64(unsigned char *at, uint64_t value)
{
    value = htole64(value);
    memcpy(at, &value, sizeof value);
}

static uint32_t get32(const unsigned char *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return le32toh(value);
}

static uint64_t get64(const unsigned char *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return le64toh(value);
}

void segment_header_write(unsigned char out[SEGMENT_HEADER], const struct segment_header *header)
{
    memset(out, 0, SEGMENT_HEADER);
    memcpy(out, magic, sizeof magic);
    put32(out + 8, VERSION);
    put32(out + 12, header->flags);
    memcpy(out + 16, header->id, JOURNAL_ID_BYTES);
    put64(out + 32, header->first);
    put64(out + 40, header->before);
    put32(out + 60, hash_crc32c(0, out, 60));
}

int segment_header_read(const unsigned char in[SEGMENT_HEADER], struct segment_header *header,
                        const char *path, struct error *err)
{
    if (memcmp(in, magic, sizeof magic))
        return error_set(err, ERR_CORRUPT, "%s: byte 0: this is no journal segment", path);
    uint32_t sum = hash_crc32c(0, in, 60);
    if (sum != get32(in + 60))
        return error_set(err, ERR_CORRUPT,
                         "%s: byte 60: the header's checksum is %08x, expected %08x", path,
                         get32(in + 60), sum);
    if (get32(in + 8) != VERSION)
        return error_set(err, ERR_CORRUPT, "%s: byte 8: journal version %u, expected %d", path,
                         get32(in + 8), VERSION);
    header->flags = get32(in + 12);
    memcpy(header->id, in + 16, JOURNAL_ID_BYTES);
    header->first = get64(in + 32);
    header->before = get64(in + 40);
    return 0;
}

static void put_frame(unsigned char out[FRAME_HEADER], uint8_t type, size_t len, uint32_t count,
                      uint64_t sequence)
{
    memset(out, 0, FRAME_HEADER);
    put32(out + 4, (uint32_t)len);
    out[8] = type;
    put32(out + 12, count);
    put64(out + 16, sequence);
}

void entry_write(unsigned char out[FRAME_HEADER], uint64_t sequence, uint32_t count,
                 const struct iovec *parts, size_t part_count, size_t len)
{
    put_frame(out, FRAME_ENTRY, len, count, sequence);
    uint32_t crc = hash_crc32c(0, out + 4, FRAME_HEADER - 4);
    for (size_t i = 0; i < part_count; i++)
        crc = hash_crc32c(crc, parts[i].iov_base, parts[i].iov_len);
    put32(out, crc);
}

void commit_write(unsigned char out[COMMIT_BYTES], const unsigned char id[JOURNAL_ID_BYTES],
                  uint64_t sequence, uint64_t offset, uint64_t durable)
{
    put_frame(out, FRAME_COMMIT, COMMIT_CONTENT, 0, sequence);
    memcpy(out + FRAME_HEADER, id, JOURNAL_ID_BYTES);
    put64(out + FRAME_HEADER + 16, offset);
    put64(out + FRAME_HEADER + 24, durable);
    put32(out, frame_sum(out, COMMIT_CONTENT));
}

uint32_t frame_sum(const unsigned char *frame, size_t content_len)
{
    return hash_crc32c(0, frame + 4, FRAME_HEADER - 4 + content_len);
}

bool frame_header_read(const unsigned char in[FRAME_HEADER], struct frame_header *header)
{
    header->crc = get32(in);
    header->len = get32(in + 4);
    header->type = in[8];
    header->count = get32(in + 12);
    header->sequence = get64(in + 16);
    if (in[9] || in[10] || in[11] || header->sequence > UINT64_MAX - header->count)
        return false;
    if (header->type == FRAME_COMMIT)
        return header->len == COMMIT_CONTENT && header->count == 0;
    return header->type == FRAME_ENTRY && header->count && header->len <= JOURNAL_ENTRY_MAX;
}

bool commit_read(const unsigned char in[COMMIT_BYTES], const unsigned char id[JOURNAL_ID_BYTES],
                 uint64_t offset, uint64_t *sequence, uint64_t *durable)
{
    struct frame_header header;
    if (!frame_header_read(in, &header) || header.type != FRAME_COMMIT)
        return false;
    if (frame_sum(in, COMMIT_CONTENT) != header.crc)
        return false;
    if (memcmp(in + FRAME_HEADER, id, JOURNAL_ID_BYTES) || get64(in + FRAME_HEADER + 16) != offset)
        return false;
    *sequence = header.sequence;
    *durable = get64(in + FRAME_HEADER + 24);
    return *durable <= offset;
}
