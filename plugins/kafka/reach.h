// SPDX-License-Identifier: MIT
#pragma once
#include "scout.h"

// Whether the cluster was reached since the node was opened: until then the node is not ready, and
// its open says AGAIN.

struct reach {
    struct ask ask;
    int asked, met;
};

// OK: it answered once. AGAIN: not yet; it is asked again and again, and the log says so. FATAL.
tide_result reach_cluster(struct reach *reach, struct client *client, struct scout *scout);
