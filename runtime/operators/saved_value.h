// SPDX-License-Identifier: MIT
#pragma once
#include "operators/aggregate_cell.h"
#include "state/image.h"

// Values of records as bytes and back, for what operators keep of records (state/image.h).

void value_save(struct image *image, struct value value); // a node: not so
// Bytes are borrowed from the entry. A type that there is not: null, and entry->bad.
struct value value_load(struct image_entry *entry);
void pick_save(struct image *image, const struct agg_pick *pick);
// Its bytes are owned. 0, ERR_NOMEM, ERR_LIMIT.
int pick_load(struct state_budget *budget, struct image_entry *entry, struct agg_pick *out);
