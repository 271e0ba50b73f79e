// SPDX-License-Identifier: MIT
#pragma once
#include "engine/engine.h"
#include "base/buf.h"

// What holds a node's watermark, or a window of it, as one JSON object with the sentences that say
// it (`lines`); what /api/v1/why answers and `tidemill why` prints. `end`: of the window, in ms or
// RFC 3339; NULL: none. ERR_INPUT: no such node, or no such time.
int why_json(const struct engine *engine, const char *node, const char *end, struct buf *out,
             struct error *err);
