// SPDX-License-Identifier: MIT
#pragma once
#include "operators/aggregate.h"
#include "state/image.h"

// What an aggregate keeps, as an image (state/image.h):
//
//   META    what it computes (another program refuses it), progress, greatest time, and what the
//           kind of window adds
//   SLOT    of a key: start, end, start and end as told last, panes, records since, slot
//   PART    of a key, sliding: a slice that was handed over, oldest first, and as `told` up to
//           where it was; or a span
//   STAGE   of a key, sliding: records that wait for their spans; the start of the newest of
//           their windows, the number of the oldest
//
// What several lanes kept may be loaded into one, in any order but that a lane's META is before its
// entries.

enum agg_section { AGG_META, AGG_SLOT, AGG_PART, AGG_STAGE };

int aggregate_save(struct op *op, struct image *image);
int aggregate_track(struct op *op);
int aggregate_save_changes(struct op *op, struct image *image);
int aggregate_load(struct op *op, struct image_entry *entry, struct error *err);

// An entry of one slot; `told` NULL: as window.
void save_slot(struct aggregate *agg, struct image *image, enum agg_section section,
               const struct agg_target *target);
// Slots that have changed, or all, of a table.
void save_table(struct aggregate *agg, struct image *image, enum agg_section section,
                const struct table *table, struct window window, bool changed);
// A slot that was saved goes.
void save_gone(struct aggregate *agg, const struct table_key *key, int64_t start);
// Where a SLOT or PART belongs, then what it holds.
struct saved_slot {
    struct window window, told;
    struct agg_head head;
};
void load_where(struct image_entry *entry, struct saved_slot *saved);
int load_slot(struct aggregate *agg, struct image_entry *entry, const struct saved_slot *saved,
              struct agg_head *head, struct error *err);
