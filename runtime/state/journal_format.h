// SPDX-License-Identifier: MIT
#pragma once
#include "state/journal.h"

// The bytes of a segment, little-endian. This file and journal_format.c alone know them.
//
//   segment header            frame                           commit's content
//   0   8  "TIDEJRNL"         0   4  crc of what follows      0  16  journal id
//   8   4  version 1          4   4  length of the content    16  8  offset of this frame
//   12  4  flags              8   1  type; 3 zeros            24  8  bytes of this file that were
//   16 16  journal id         12  4  records                         durable at that moment
//   32  8  first record       16  8  number of the first
//   40  8  first record of    24  .  content
//          the segment before
//   48 12  zeros
//   60  4  crc of bytes 0..59

enum {
    SEGMENT_HEADER = 64,
    FRAME_HEADER = 24,
    COMMIT_CONTENT = 32,
    COMMIT_BYTES = FRAME_HEADER + COMMIT_CONTENT,
};
enum { SEGMENT_SNAPSHOT = 1 }; // what lies before this segment counts no more
enum { FRAME_ENTRY = 1, FRAME_COMMIT = 2 };
#define NO_SEGMENT UINT64_MAX

struct segment_header {
    uint32_t flags;
    unsigned char id[JOURNAL_ID_BYTES];
    uint64_t first;
    uint64_t before; // NO_SEGMENT: it is the first one
};

struct frame_header {
    uint32_t crc, len;
    uint8_t type;
    uint32_t count;
    uint64_t sequence;
};

void segment_header_write(unsigned char out[SEGMENT_HEADER], const struct segment_header *header);
// `path` is for the message.
int segment_header_read(const unsigned char in[SEGMENT_HEADER], struct segment_header *header,
                        const char *path, struct error *err);

// The header of an entry, with the checksum over it and `parts`.
void entry_write(unsigned char out[FRAME_HEADER], uint64_t sequence, uint32_t count,
                 const struct iovec *parts, size_t part_count, size_t len);
void commit_write(unsigned char out[COMMIT_BYTES], const unsigned char id[JOURNAL_ID_BYTES],
                  uint64_t sequence, uint64_t offset, uint64_t durable);
// False: no frame begins like this. Does not check the sum.
bool frame_header_read(const unsigned char in[FRAME_HEADER], struct frame_header *header);
// The sum over a whole frame: 24 bytes of header and the content behind it.
uint32_t frame_sum(const unsigned char *frame, size_t content_len);
// True: these are a good commit of this journal at this offset.
bool commit_read(const unsigned char in[COMMIT_BYTES], const unsigned char id[JOURNAL_ID_BYTES],
                 uint64_t offset, uint64_t *sequence, uint64_t *durable);
