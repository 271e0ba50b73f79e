// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "config/setting.h"
#include "engine/trial.h"

// The steps of one test in a pipeline file:
//
//   - send: { to: average, time: 1000, value: { device: r1 } }     also key, input, split
//   - watermark: 59999               ms, a duration, or { to, input, split, time }
//   - idle: { to: traffic, split: 1 }                              also active
//   - advance: 10s                   processing time
//   - clock: 5000                    sets it, ms
//   - expect: { from: average, values: [...] }    all that came out since the last one;
//                                    order: true (or the field of a key, among the records of
//                                    which the order counts), match: subset; watermark: 5000

// 0; ERR_INPUT: the step is written wrongly; ERR_DATA: an expectation is not met, with what was
// expected and what came in `err` or, when longer, in `report`.
int step_run(struct trial *trial, const struct tide_config *step, struct buf *report,
             struct error *err);
