// SPDX-License-Identifier: MIT
#pragma once
#include "operators/cursor.h"
#include "record/keycode.h"
#include "state/due.h"
#include "state/image.h"
#include "state/table.h"

// What native operators with state by key share: the key and time of a record, and the keys that
// are remembered.
//
// A key's state is a block of the operator's own that begins with a struct native_key. It is found
// by the key's canonical bytes, and comes up when something is due for it; memory is taken from the
// budget (`limits.state`).

struct native {
    struct op op; // first
    struct path keys[KEY_FIELDS_MAX];
    uint32_t key_count;
    bool processing;  // time is the clock's, not the records'
    int64_t progress; // the watermark, or the clock; WATERMARK_NONE at first
    bool loaded;      // from a saved state
    struct clock *clock;
    struct state_budget budget;
    struct table table;  // slot: struct native_key *
    struct due_heap due; // of the keys
    size_t key_bytes;    // of a key's block
    // Frees what the block owns besides; NULL: nothing.
    void (*key_free)(struct native *native, void *key);
    struct buf key; // scratch: of the record in hand
    // A key's entry; NULL: its keys are always all saved.
    void (*save_key)(const struct native *native, const void *key, struct image *image);
    uint32_t section;  // of these entries
    struct image gone; // keys that were saved and are no more
};

struct native_key {
    struct due due; // INT64_MAX: nothing is
    uint32_t entry; // its number in the table
    bool saved;
};

// `time` (NULL: of the records): "event" or "processing". ERR_INPUT also when the pipeline's
// records have no event time. After an error native_deinit is to be called all the same.
int native_init(struct native *native, const struct operator_spec *spec, const char *time,
                size_t key_bytes, struct error *err);
void native_deinit(struct native *native);

// The record's key, until the next call. ERR_DATA: it has none.
int native_read_key(struct native *native, struct batch *batch, struct record *record,
                    struct table_key *key, struct error *err);
int native_read_time(const struct native *native, const struct record *record, int64_t *time,
                     struct error *err);
// ERR_LIMIT and ERR_NOMEM with a story; returns rc.
int native_explain(const struct native *native, int rc, struct error *err);

void *native_find(const struct native *native, const struct table_key *key); // NULL: is not there
// Made of zeros, due at INT64_MAX, when it is not there. 0, ERR_NOMEM, ERR_LIMIT.
int native_take(struct native *native, const struct table_key *key, void **out, bool *made);
void native_move(struct native *native, void *key, int64_t due);
void native_drop(struct native *native, void *key);
void native_forget(struct native *native);                    // drops the keys that are due by now
static inline void *native_first(const struct native *native) // that is due first; NULL: no keys
{
    return due_first(&native->due);
}
static inline void *native_at(const struct native *native, uint32_t number) // below table.count
{
    return *(void **)(void *)table_at(&native->table, number)->slot;
}
static inline const char *native_key_bytes(const struct native *native, const void *key,
                                           uint32_t *len)
{
    return table_key_bytes(&table_at(&native->table, ((const struct native_key *)key)->entry)->key,
                           len);
}
// a + b, which stays at the limits.
static inline int64_t native_add(int64_t a, int64_t b)
{
    int64_t sum;
    if (!__builtin_add_overflow(a, b, &sum))
        return sum;
    return b < 0 ? INT64_MIN : INT64_MAX;
}
// How far time has come, as an entry of its own; read back by native_load_progress: 1 when the
// entry was that, 0 when it is another, or an error.
enum { SECTION_PROGRESS = 1000 };
void native_save_progress(const struct native *native, struct image *image);
int native_load_progress(struct native *native, struct image_entry *entry, struct error *err);
// From here on the operator is saved, and what has changed of it: each key by `save_key` as one
// entry of `section`.
void native_saves(struct native *native, uint32_t section,
                  void (*save_key)(const struct native *native, const void *key,
                                   struct image *image));
// The bytes of a key's entry; ERR_CORRUPT: it is of no such key, or of another section.
int native_load_key(const struct native *native, const struct image_entry *entry, uint32_t section,
                    struct table_key *key, const char *type, struct error *err);
void native_measure(const struct op *op, struct operator_state *out);
