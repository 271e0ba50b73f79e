// SPDX-License-Identifier: MIT
#pragma once
#include "operators/kept.h"

// Records that wait for the watermark, in the order of their times; those of one time in the order
// of arrival. (reorder, pattern)

struct buffered {
    struct due due; // at: event time; order: arrival
    struct kept *kept;
    uint64_t mask; // the operator's own
    uint32_t key_len;
    char key[]; // canonical bytes
};

struct buffer {
    struct keeper *keeper;
    struct due_heap heap;
    int64_t arrivals;
};

void buffer_deinit(struct buffer *buffer);
// Keeps a record. 0, ERR_DATA, ERR_NOMEM, ERR_LIMIT: nothing has changed.
int buffer_add(struct buffer *buffer, const struct table_key *key, struct batch *batch,
               struct record *record, uint64_t mask, struct error *err);
// The first whose time has passed; NULL: there is none.
static inline struct buffered *buffer_first(const struct buffer *buffer, int64_t watermark)
{
    struct due *first = due_first(&buffer->heap);
    return first && first->at <= watermark ? (struct buffered *)(void *)first : NULL;
}
void buffer_drop(struct buffer *buffer, struct buffered *item);
void buffer_save(const struct buffer *buffer, struct image *image, uint32_t section);
int buffer_load(struct buffer *buffer, struct image_entry *entry, struct error *err);
