// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "base/error.h"
#include <stdbool.h>
#include <stdint.h>

// What an operator keeps, as bytes: the one serialisation of state. An image is a sequence of
// entries, each with a section (a number that the operator gives a meaning) and, when it belongs to
// a key, the key's canonical bytes. Entries with a key go to the lane that owns it, those without
// to every lane: so an image of any number of lanes can be restored into any other.
//
// An image may hold only what has changed since an earlier one; both are then merged
// (image_merge.h). For that, an entry has a name: its section, its key, and its identity, with
// which its body begins (image_identify; without it, section and key are all of the name). An
// entry takes the place of those of the same name in older images. Marks, which only the merging
// sees, take away: image_gone what has one name, image_whole all of a section. Neither an entry nor
// a mark touches anything in its own image, whichever lane that came from.
//
//   entry     form, key length + 1 (0: no key), key, identity length (form 1 only), body length,
//             body
//   form      (section + 1) * 4, and 0: an entry without identity, 1: with one, 2: gone (the body
//             is the identity), 3: whole (no key, no body)
//   numbers   LEB128; signed ones zigzag; doubles as 8 bytes, little endian
//
// Everything read is checked: a damaged or shortened image is ERR_CORRUPT, never a wild read.

struct image {
    struct buf bytes;
    struct buf body;     // of the entry under construction
    size_t identity_len; // how much of it names the entry
    int rc;              // the first failure; all calls after it do nothing
};

void image_init(struct image *image, size_t max_bytes);
void image_deinit(struct image *image);
// An entry: put what it consists of, then end it. `key` NULL: it belongs to no key.
void image_u64(struct image *image, uint64_t number);
void image_i64(struct image *image, int64_t number);
void image_f64(struct image *image, double number);
void image_bytes(struct image *image, const void *bytes, size_t len);
void image_end(struct image *image, uint32_t section, const char *key, uint32_t key_len);
// What has been put so far into the entry names it within its section and key.
void image_identify(struct image *image);
// Ends an entry that consists of an identity: what was saved earlier under this name is no more.
void image_gone(struct image *image, uint32_t section, const char *key, uint32_t key_len);
// All that was saved earlier in this section, by any lane, is replaced by what this checkpoint has
// of it, from all lanes. Between entries, anywhere.
void image_whole(struct image *image, uint32_t section);

// Marks of what is gone are collected from save to save in an image of their own: empties it, also
// one of zeros.
void image_collect(struct image *gone);
// All entries of another image behind those of this one.
void image_add(struct image *image, const struct image *from);

enum image_mark { IMAGE_ENTRY, IMAGE_GONE, IMAGE_WHOLE };

struct image_reader {
    const char *at, *end;
};

struct image_entry {
    uint32_t section;
    const char *key; // borrowed; NULL: none
    uint32_t key_len;
    const char *at, *end; // what of its body was not read yet
    size_t identity_len;  // of the body's beginning
    enum image_mark mark;
    bool bad; // more was asked for than there was
};

// True: the next entry is in *entry; marks are passed over. False: that was all, or, with *rc =
// ERR_CORRUPT, it is damaged.
bool image_next(struct image_reader *reader, struct image_entry *entry, int *rc);
bool image_next_any(struct image_reader *reader, struct image_entry *entry, int *rc); // marks too
// 0, NULL and `bad` where there is nothing more.
uint64_t entry_u64(struct image_entry *entry);
int64_t entry_i64(struct image_entry *entry);
double entry_f64(struct image_entry *entry);
const char *entry_bytes(struct image_entry *entry, size_t *len); // borrowed
// 0 when all was there and all was read; else ERR_CORRUPT.
int entry_done(const struct image_entry *entry, struct error *err);
