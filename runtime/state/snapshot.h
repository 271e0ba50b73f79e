// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "base/error.h"
#include <stdbool.h>
#include <stdint.h>

// What an operator keeps, as bytes: the one serialisation of state. A snapshot is a sequence of
// entries, each with a section (a number that the operator gives a meaning) and, when it belongs to
// a key, the key's canonical bytes. Entries with a key go to the lane that owns it, those without
// to every lane: so a snapshot of any number of lanes can be restored into any other.
//
//   entry    section + 1, key length + 1 (0: no key), key, body length, body
//   numbers  LEB128; signed ones zigzag; doubles as 8 bytes, little endian
//
// Everything read is checked: a damaged or shortened snapshot is ERR_CORRUPT, never a wild read.

struct snapshot {
    struct buf bytes;
    struct buf body; // of the entry under construction
    int rc;          // the first failure; all calls after it do nothing
};

void snapshot_init(struct snapshot *snapshot, size_t max_bytes);
void snapshot_deinit(struct snapshot *snapshot);
// An entry: put what it consists of, then end it. `key` NULL: it belongs to no key.
void snapshot_u64(struct snapshot *snapshot, uint64_t number);
void snapshot_i64(struct snapshot *snapshot, int64_t number);
void snapshot_f64(struct snapshot *snapshot, double number);
void snapshot_bytes(struct snapshot *snapshot, const void *bytes, size_t len);
void snapshot_end(struct snapshot *snapshot, uint32_t section, const char *key, uint32_t key_len);

struct snapshot_reader {
    const char *at, *end;
};

struct snapshot_entry {
    uint32_t section;
    const char *key; // borrowed; NULL: none
    uint32_t key_len;
    const char *at, *end; // what of its body was not read yet
    bool bad;             // more was asked for than there was
};

// True: the next entry is in *entry. False: that was all, or, with *rc = ERR_CORRUPT, it is
// damaged.
bool snapshot_next(struct snapshot_reader *reader, struct snapshot_entry *entry, int *rc);
// 0, NULL and `bad` where there is nothing more.
uint64_t entry_u64(struct snapshot_entry *entry);
int64_t entry_i64(struct snapshot_entry *entry);
double entry_f64(struct snapshot_entry *entry);
const char *entry_bytes(struct snapshot_entry *entry, size_t *len); // borrowed
// 0 when all was there and all was read; else ERR_CORRUPT.
int entry_done(const struct snapshot_entry *entry, struct error *err);
