// SPDX-License-Identifier: MIT
#pragma once
#include "tidemill/plugin.h"
#include "world.h"

// Sources and sinks that stand in the world of the simulator, in three kinds: stepped by their lane
// (`sim`), stepped like a thread (`sim_thread`), one a lane (`sim_parallel`). All that they do and
// fail to do is drawn from the dice of the world's source or sink that `index` names.

// A sink of the kinds that begin with `phased` takes part in a checkpoint in two phases.
enum { PLUGIN_KINDS = 6, PHASED = 3 };
extern const tide_plugin *const sim_plugins[PLUGIN_KINDS];

extern const tide_source sim_sources[PLUGIN_KINDS];
extern const tide_sink sim_sinks[PLUGIN_KINDS];

// Draws whether the call is to come to nothing: sets when to call again and says AGAIN, or RETRY;
// else OK.
tide_result plugin_rests(const tide_host *host, tide_ctx *ctx, struct mood *mood,
                         struct dice *dice);
