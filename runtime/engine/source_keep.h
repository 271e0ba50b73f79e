// SPDX-License-Identifier: MIT
#pragma once
#include "engine/source_driver.h"
#include "engine/source_node.h"
#include "state/image.h"

// A source's part of a checkpoint: an image (state/image.h) of two kinds of entries, for each split
// by its name one from the driver, that says where the plugin is to read on, and one from the lane
// that cuts and decodes it. Splits that the last run knew and that were not announced yet are
// carried on as they were.

// -- the driver's --

// Of the last run: splits read on there when they are announced. Before the first open.
// ERR_CORRUPT: these bytes are no such image.
int source_keep_restore(struct source_driver *source, const char *bytes, size_t len,
                        struct error *err);
void source_keep_free(struct source_driver *source);
// Appends where each split has come to.
int source_keep_save(struct source_driver *source, struct buf *out);
// A split was announced for the first time: it takes its place over. What its lane is to know goes
// with `parcel`.
int source_keep_claim(struct source_driver *source, struct split *split, struct parcel *parcel);
// The name of the i-th split of the last run, NULL when its lane kept nothing of it. False: there
// are no more.
bool source_keep_nth(const struct source_driver *source, size_t i, tide_bytes *name);

// The next split that has a place, in such an image: its name and position. False: that was all.
bool source_keep_next(struct image_reader *reader, tide_position *out);

// -- the lane's --

int source_splits_save(const struct source_node *node, struct image *image);
// A split was added with what source_keep_claim gave.
int source_split_restore(struct source_node *node, uint32_t id, const struct buf *kept,
                         struct error *err);
