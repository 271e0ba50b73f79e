// SPDX-License-Identifier: MIT
#pragma once
#include "engine/sink_driver.h"

// Fills outgoing->records from the batch: value by the node's encoder, key and headers by their
// templates. What cannot be encoded is refused. 0 or ERR_NOMEM.
int encode_batch(struct sink_driver *sink, struct outgoing *outgoing);
