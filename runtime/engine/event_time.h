// SPDX-License-Identifier: MIT
#pragma once
#include "engine/source_node.h"

// What a source's `event_time` and `watermark` say, read into its node: where the time of a record
// is, what kind of watermarks its splits make, after what time they are idle, how far they may be
// apart. Splits that are kept near each other are of all lanes, so what they share is `first`'s.

int event_time_configure(struct source_node *node, const struct node_place *place,
                         const struct source_node *first, struct error *err);
void event_time_deinit(struct source_node *node);
// Before the records of a batch are read.
void event_time_begin(struct source_node *node);
// The time of a record that is further ahead of the clock than the pipeline allows.
int event_time_ahead(const struct source_node *node, int64_t time_ms, struct error *err);
// The first time of a split: a series that begins in January of 1970, and would begin in our days
// if its numbers were of a coarser unit, is one of that unit, most likely. It is said once, and no
// more than that, for it may be one that is made up.
void event_time_doubt(struct source_node *node, const char *split, int64_t time_ms);
