// SPDX-License-Identifier: MIT
#pragma once
#include "operators/aggregate.h"

extern const tide_option aggregate_options[];
// Fills a zeroed aggregate from its node's settings. ERR_INPUT names what is wrong; aggregate_free
// cleans up in any case.
int aggregate_configure(struct aggregate *agg, const struct operator_spec *spec, struct error *err);
