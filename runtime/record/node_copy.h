// SPDX-License-Identifier: MIT
#pragma once
#include "record/node.h"

enum { NODE_DEPTH_MAX = 512 }; // deeper trees (made by scripts) are not copied or written

// Turns the node in `value` into one that shares nothing that can change: an untouched one back
// into its text, a changed one into a copy. Bytes are not copied. 0, ERR_NOMEM or ERR_LIMIT.
int node_detach(struct batch *batch, struct value *value);
