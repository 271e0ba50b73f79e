// SPDX-License-Identifier: MIT
#pragma once
#include <stdint.h>

// How long to wait before attempt number `attempt` (from 0): it doubles from `from_ms` up to
// `to_ms`, and the upper half of it is left to chance, so that many that failed at once do not come
// again at once. `random` is the caller's; not 0.
int64_t backoff_ns(int64_t from_ms, int64_t to_ms, uint32_t attempt, uint64_t *random);
