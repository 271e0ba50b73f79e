// SPDX-License-Identifier: MIT
#pragma once
#include "state/budget.h"
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

// A hash table from keys (canonical bytes, record/keycode.h) to slots of one fixed size.
//
//   index    cells of 8 bytes: upper half of the hash, number of the entry + 1; open addressing
//   entries  key and slot, one after the other in the order of insertion, in pages
//
// So a lookup is two dependent loads, which a batch can prefetch for all its records (prefetch,
// then guess, then find); growth rebuilds the small index and moves no entry but those of the first
// page; iteration is by number and can stop and go on anywhere; the memory is proportional to the
// keys: a table of few keys has no index and a page of a few entries.
//
// Entries keep the whole hash (key groups are taken from its low bits, the index uses the upper
// half). An entry that is removed leaves its number to the last one; the memory stays until the
// table goes.
// Where it is asked to (table_track), a table notes in a bit for each entry which of them were
// taken or touched since, so that a save of what has changed goes through these bits only. One
// thread at a time. Pointers to entries hold until the next table_take or table_remove.

enum { TABLE_KEY_NEAR = 23, TABLE_KEY_FAR = 255 };

// A key as it is looked up and as it stands in an entry: 32 bytes. Short keys are in it, padded
// with zeros; longer ones are borrowed (lookup) or owned (entry).
struct table_key {
    uint64_t hash;
    union {
        struct {
            uint8_t len; // TABLE_KEY_FAR: the other form
            char bytes[TABLE_KEY_NEAR];
        } near;
        struct {
            uint8_t mark;
            uint32_t len;
            const char *bytes;
        } far;
        uint64_t words[3];
    };
};

struct table_entry {
    struct table_key key;
    uint64_t slot[]; // slot_size bytes
};

struct table {
    struct state_budget *budget;
    uint64_t *index; // NULL while there are few entries
    char **pages;
    uint64_t *dirty;     // a bit for each entry; NULL: it is not tracked
    uint32_t dirty_room; // entries that there are bits for
    uint32_t mask;       // cells of the index - 1
    uint32_t count;
    uint32_t stride;     // bytes of an entry
    uint32_t page_shift; // entries of a full page, as a power of two
    uint32_t page_count;
    uint32_t first_cap; // entries that the first page has room for
};

// `slot_size` is rounded up to 8. The budget outlives the table.
void table_init(struct table *table, uint32_t slot_size, struct state_budget *budget);
// What slots own must be freed before.
void table_deinit(struct table *table);
size_t table_size(const struct table *table); // bytes allocated

// Sets the key to look up; keys longer than TABLE_KEY_NEAR keep pointing to `bytes`.
void table_key_set(struct table_key *key, const char *bytes, uint32_t len);
static inline const char *table_key_bytes(const struct table_key *key, uint32_t *len)
{
    bool far = key->near.len == TABLE_KEY_FAR;
    *len = far ? key->far.len : key->near.len;
    return far ? key->far.bytes : key->near.bytes;
}

static inline struct table_entry *table_at(const struct table *table, uint32_t number)
{
    char *page = table->pages[number >> table->page_shift];
    uint32_t in_page = number & ((1u << table->page_shift) - 1);
    return (struct table_entry *)(void *)(page + (size_t)in_page * table->stride);
}

// The number of an entry, for who keeps it over a table_take.
uint32_t table_number(const struct table *table, const struct table_entry *entry);

// First pass over a batch.
static inline void table_prefetch(const struct table *table, uint64_t hash)
{
    if (table->index)
        __builtin_prefetch(&table->index[(uint32_t)(hash >> 32) & table->mask]);
}

// Second pass: fetches the entry that this hash probably has.
static inline void table_guess(const struct table *table, uint64_t hash)
{
    if (!table->index)
        return;
    uint32_t tag = (uint32_t)(hash >> 32), at = tag & table->mask;
    uint64_t cell = table->index[at];
    while (cell && (uint32_t)(cell >> 32) != tag) {
        at = (at + 1) & table->mask;
        cell = table->index[at];
    }
    if (!cell)
        return;
    const char *entry = (const char *)table_at(table, (uint32_t)cell - 1);
    if (table->dirty)
        __builtin_prefetch(&table->dirty[((uint32_t)cell - 1) >> 6], 1);
    __builtin_prefetch(entry, 1);
    __builtin_prefetch(entry + 64, 1);
}

// The entry, or NULL.
struct table_entry *table_find(const struct table *table, const struct table_key *key);
// The entry, made with a zeroed slot when it is not there (*made). 0, ERR_NOMEM, ERR_LIMIT.
int table_take(struct table *table, const struct table_key *key, struct table_entry **out,
               bool *made);
// The entry has changed. table_take says so of what it gives.
static inline void table_touch(struct table *table, uint32_t number)
{
    if (table->dirty)
        table->dirty[number >> 6] |= UINT64_C(1) << (number & 63);
}

// From here on what changes is noted; nothing has changed yet. 0, ERR_NOMEM, ERR_LIMIT.
int table_track(struct table *table);
// The first entry from *number on that has changed; false: there is none.
bool table_next_dirty(const struct table *table, uint32_t *number);

// Takes out entry `number`, whose slot owns nothing any more. The last entry then has its number
// (unless it was the last itself).
void table_remove(struct table *table, uint32_t number);
