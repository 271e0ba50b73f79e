// SPDX-License-Identifier: MIT
#pragma once
#include "config/topology.h"

// The configuration as it takes effect, as YAML: merged, interpolated, with defaults filled in,
// secrets as ***. What is printed can be loaded again and means the same (but for secrets).
// 0, ERR_NOMEM, ERR_LIMIT.
int topology_print(const struct topology *topology, struct buf *out);
