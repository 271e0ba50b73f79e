// SPDX-License-Identifier: MIT
#pragma once
#include "state/cells.h"
#include "state/image.h"

// Keyed cells as bytes, between two records. `version` is the script's, which the values are of.
// Entries of keys carry their key; the broadcast cells and what is told of all belong to none.

int cells_save(const struct cells *cells, int64_t version, struct image *image);
// What is there counts as saved; from here on what changes is noted.
int cells_track(struct cells *cells);
// What has changed since; it counts as saved then. A key is saved whole, and so are the broadcast
// cells.
int cells_save_changes(struct cells *cells, int64_t version, struct image *image);
// One entry, into cells with the same declarations. ERR_REFUSED: they are others; ERR_CORRUPT.
// *version is set when the entry tells it.
int cells_load(struct cells *cells, struct image_entry *entry, int64_t *version, struct error *err);
