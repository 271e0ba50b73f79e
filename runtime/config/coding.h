// SPDX-License-Identifier: MIT
#pragma once
#include "tidemill/plugin.h"

// What stands in `decode`, `encode` and `framing` of a node. Rows only for what record/ does.

extern const tide_option decode_members[], encode_members[];
extern const tide_option framing_members[], sink_framing_members[]; // of sources; of sinks
