// SPDX-License-Identifier: MIT
#pragma once
#include "operators/operator.h"

// Changes or replaces each record by a function, or drops it.
extern const struct operator_class map_class;
