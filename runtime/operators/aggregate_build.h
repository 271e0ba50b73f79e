// SPDX-License-Identifier: MIT
#pragma once
#include "operators/aggregate.h"

extern const tide_option aggregate_options[];
// Fills a zeroed aggregate from its node's settings. ERR_INPUT names what is wrong; aggregate_free
// cleans up in any case.
int aggregate_configure(struct aggregate *agg, const struct operator_spec *spec, struct error *err);
// The option `window:`, and what it says. `has_time`: all records that can come have an event time.
extern const tide_option window_options[];
int window_configure(struct aggregate *agg, const struct tide_config *window, bool has_time,
                     struct error *err);
// After the script is known: how these windows are kept.
int window_choose_kind(struct aggregate *agg, struct error *err);
