// SPDX-License-Identifier: MIT
#pragma once
#include "engine/source_node.h"

// What a source's `event_time` and `watermark` say, read into its node: where the time of a record
// is, what kind of watermarks its splits make, after what time they are idle, how far they may be
// apart. Splits that are kept near each other are of all lanes, so what they share is `first`'s.

int event_time_configure(struct source_node *node, const struct node_place *place,
                         const struct source_node *first, struct error *err);
void event_time_deinit(struct source_node *node);
