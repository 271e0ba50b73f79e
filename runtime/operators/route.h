// SPDX-License-Identifier: MIT
#pragma once
#include "operators/operator.h"

// Sends each record to the port of the first route whose condition is true, or of all of them
// (`match: all`); what matches none leaves by `unmatched`. No record is copied.
extern const struct operator_class route_class;
