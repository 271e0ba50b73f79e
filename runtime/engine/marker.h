// SPDX-License-Identifier: MIT
#pragma once
#include "engine/source_node.h"

// Records that carry a watermark (`watermark: { marker: { when, field } }`): whoever writes the
// source knows how far it has come, and says so between the records. One a source and lane.
//
// A marker need not have an event time. It is counted as filtered and goes no further, unless the
// pipeline says `pass`; then it is a record like others, which needs its event time as well.

struct marker;

// `setting`: the marker's; ERR_INPUT says what is wrong with it.
int marker_new(struct marker **out, const struct source_node *node, const struct node_place *place,
               const struct tide_config *setting, struct error *err);
void marker_free(struct marker *marker);
// Looks at the record at the end of the batch. *is: a marker, which says *watermark. ERR_DATA: the
// condition failed, or the field is no time.
int marker_look(struct marker *marker, struct batch *batch, bool *is, int64_t *watermark,
                struct error *err);
bool marker_passes(const struct marker *marker);
