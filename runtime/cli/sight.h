// SPDX-License-Identifier: MIT
#pragma once
#include "cli/args.h"
#include "cli/pipeline.h"
#include "observe/snapshot.h"

// run --http: what the engines know, shown by the HTTP server of observe/.

struct sight;

// Listens as --http and its companions say, and tells where in the log. The pipelines live longer.
int sight_new(struct sight **out, const struct pipeline *const *pipelines, uint32_t count,
              const struct args *args, struct error *err);
// From the main thread; STARTING at first, an engine is asked only when that is over. NULL is fine.
void sight_phase(struct sight *sight, uint32_t pipeline, enum snapshot_phase phase);
// From here on it is another engine; NULL: none for now. When this returns nobody looks at the one
// before any more, and it may be freed.
void sight_engine(struct sight *sight, uint32_t pipeline, struct engine *engine);
void sight_free(struct sight *sight); // NULL is fine
