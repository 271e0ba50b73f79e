// SPDX-License-Identifier: MIT
#pragma once
#include "operators/aggregate.h"

// The bucket of a window that is not gone, opened if need be. 0, ERR_NOMEM, ERR_LIMIT.
int bucket_open(struct aggregate *agg, struct window window, struct keyed_window **out);
// When a window that is open is to fire next, after that time.
int64_t bucket_next_firing(const struct aggregate *agg, struct window window, int64_t after);
// Its keys fire, one after the other (agg->fire_next).
enum op_status bucket_fire(struct aggregate *agg, struct keyed_window *window,
                           struct outputs *outputs);
// It is due when it fires next or, when it has fired for the last time, when it goes.
void bucket_wait(struct aggregate *agg, struct keyed_window *window);
// What its slots own goes.
void bucket_release(struct aggregate *agg, struct keyed_window *window);
