// SPDX-License-Identifier: MIT
#pragma once
#include "operators/operator.h"

extern const struct operator_class top_class;
