// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "observe/snapshot.h"

// What the pipelines do, in JSON of one line: {"status": "ok"}. Where there are several, the first
// that is not well is told, with its name. Each returns 0, ERR_NOMEM or ERR_LIMIT.

// *good: no lane hangs in a step.
int health_print(const struct snapshots *all, struct buf *out, bool *good);
// *good: every pipeline does its work, or has done it.
int readiness_print(const struct snapshots *all, struct buf *out, bool *good);
// {"pipelines": [{"name": "a", "status": "ready"}, ...]}
int pipelines_print(const struct snapshots *all, struct buf *out);
// {"checkpoints": [{"pipeline": "a", "status": "ready", "number": 7, ...}]} of those that make some
int checkpoints_print(const struct snapshots *all, struct buf *out);
// A JSON string. Names and reasons are UTF-8, or nearly: what is not ASCII becomes '?'.
int health_quote(const char *text, struct buf *out);
