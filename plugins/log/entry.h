// SPDX-License-Identifier: MIT
#pragma once
#include "tidemill/record.h"
#include <stdbool.h>

// A journal entry of a partition: records one after the other, packed so that a reader can lend
// them where they lie.
//
//   header  u8 version 1, 3 zeros, u32 records, i64 base time (little-endian)
//   record  u8 flags, [time: zigzag varint, ms from the base], [key: varint length, bytes],
//           [headers: varint count; each: varint length, name, NUL, varint length + 1 or 0 for
//           none, value], [value: varint length, bytes]
//
// Offsets are the journal's record numbers.

enum { ENTRY_HEADER = 16 };

struct packer { // zeroed at first; owned by its sink
    unsigned char *data;
    size_t len, cap;
    uint32_t count;
    int64_t base_time;
};

// False: memory is out, and nothing was added.
bool pack(struct packer *packer, const tide_record *record);
void pack_header(const struct packer *packer, unsigned char out[ENTRY_HEADER]);
void pack_reset(struct packer *packer);
void pack_free(struct packer *packer);

struct unpacker {
    const unsigned char *at, *end;
    uint32_t left; // records
    int64_t base_time;
};

bool unpack_begin(struct unpacker *unpacker, tide_bytes entry, uint32_t count);
// Fills key, value, time_ms, flags, header_count of the message; its headers by `headers` (room for
// `room`), if that is not NULL and they fit. False: the entry is no entry.
bool unpack(struct unpacker *unpacker, tide_message *message, tide_header *headers, uint32_t room);
