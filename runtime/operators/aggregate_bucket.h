// SPDX-License-Identifier: MIT
#pragma once
#include "operators/aggregate.h"

// The bucket of a window that is not gone, opened if need be. 0, ERR_NOMEM, ERR_LIMIT.
int bucket_open(struct aggregate *agg, struct window window, struct keyed_window **out);
