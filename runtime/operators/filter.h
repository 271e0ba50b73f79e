// SPDX-License-Identifier: MIT
#pragma once
#include "operators/operator.h"

// Keeps the records for which the script's function, or the condition `when:`, is true.
extern const struct operator_class filter_class;
