// SPDX-License-Identifier: MIT
#pragma once
#include "operators/sieve.h"
#include "record/value.h"

// fill: readings that a regular series misses. Time is cut into places of `every`; when the
// watermark passes a place of a key without a reading, one is made up for it: its key, its fields
// and a mark. Readings themselves pass as they come, also those that come too late to matter.
//
//   previous, null   at most `limit` in a row behind a reading
//   linear           between two readings, when at most `limit` are missing there
//
//   fill.c          the operator: what is due, and how it is told
//   fill_points.c   readings that are kept: of each place the one with the greatest event time

extern const struct operator_class fill_class;

enum { FILL_FIELDS_MAX = 32 };
enum fill_with { FILL_PREVIOUS, FILL_LINEAR, FILL_NULL };

struct fill_point {
    int64_t place, time;   // place: its start
    struct value values[]; // of the fields; bytes are owned
};

struct fill_key {
    struct native_key key;   // first
    struct fill_point *last; // that the watermark has passed; NULL: none
    uint32_t filled;         // places behind it that were filled
    uint32_t count, cap;
    struct fill_point **points; // behind it, by place
};

struct fill {
    struct sieve sieve; // first
    enum fill_with with;
    int64_t every_ms;
    uint32_t limit, field_count;
    struct path fields[FILL_FIELDS_MAX];
    bool has_at;               // results say their time
    const struct shape *shape; // keys, [at], fields, mark
};

// The reading of a record, put where it belongs. 0, ERR_NOMEM, ERR_LIMIT: nothing has changed.
int fill_put(struct fill *fill, struct fill_key *state, struct batch *batch, struct record *record,
             int64_t time);
void fill_next(struct fill *fill, struct fill_key *state); // the first point becomes the last
void fill_key_free(struct native *native, void *key);
void fill_save_key(const struct fill *fill, const struct fill_key *state, struct image *image,
                   uint32_t section);
int fill_load_key(struct fill *fill, struct image_entry *entry, struct fill_key *state,
                  struct error *err);
