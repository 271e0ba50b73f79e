// SPDX-License-Identifier: MIT
#pragma once
#include "operators/aggregate.h"

// Gaps of sessions that each record has its own of: `session: { gap: EXPR }`, a Lua expression over
// its fields that is milliseconds or the text of a duration. Worked out for many records at a time.

struct agg_gap;

int gap_new(struct agg_gap **out, const struct operator_spec *spec,
            const struct tide_config *setting, struct error *err);
void gap_free(struct agg_gap *gap); // NULL is fine
// What was worked out before no longer holds: a batch begins.
void gap_forget(struct agg_gap *gap);
// The gap of the record at the cursor. ERR_DATA: it has none that can be used.
int gap_read(struct agg_gap *gap, struct batch *batch, int64_t *ms, struct error *err);
