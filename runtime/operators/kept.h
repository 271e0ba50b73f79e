// SPDX-License-Identifier: MIT
#pragma once
#include "operators/native.h"
#include "record/json.h"

// Records that an operator keeps beyond their batch: their JSON text and what else belongs to them
// (time, origin, key, headers), in one block from the budget, counted by references.

struct kept {
    uint32_t refs;
    uint32_t json_len, key_len, headers; // behind each other in `bytes`
    uint32_t header_bytes;               // of all headers: name, NUL, length, bytes
    uint32_t split;
    int64_t time, offset;
    const char *split_name; // as record_meta.split; NULL after a restart
    uint32_t topic_len;
    uint16_t node, flags;
    bool has_key;
    char bytes[];
};

struct keeper {
    struct native *native;          // whose budget it is
    struct json_reader *readers[2]; // [1]: integers beyond int64 read as text
    struct buf text;                // scratch
};

// 0 or ERR_NOMEM; keeper_deinit is to be called in any case.
int keeper_init(struct keeper *keeper, struct native *native, struct shape_table *shapes,
                struct error *err);
void keeper_deinit(struct keeper *keeper);

// With one reference. ERR_DATA: it cannot be written as JSON.
int kept_new(struct keeper *keeper, struct batch *batch, struct record *record, struct kept **out,
             struct error *err);
static inline struct kept *kept_ref(struct kept *kept)
{
    kept->refs++;
    return kept;
}
void kept_unref(struct keeper *keeper, struct kept *kept); // NULL is fine
// The record again, at the end of `out`. NULL: full, or memory is out; then nothing was added.
struct record *kept_put(struct keeper *keeper, const struct kept *kept, struct batch *out);

void kept_save(struct image *image, const struct kept *kept);
int kept_load(struct keeper *keeper, struct image_entry *entry, struct kept **out);
