// SPDX-License-Identifier: MIT
#include "observe/snapshot.h"
#include "base/alloc.h"

void snapshot_deinit(struct snapshot *snapshot)
{
    for (uint32_t i = 0; snapshot->nodes && i < snapshot->node_count; i++) {
        mem_free(snapshot->nodes[i].lags);
        mem_free(snapshot->nodes[i].metrics);
    }
    mem_free(snapshot->nodes);
    snapshot->nodes = NULL;
    snapshot->node_count = 0;
}

bool snapshot_ready(const struct snapshot *snapshot, uint32_t *culprit)
{
    *culprit = snapshot->node_count;
    if (snapshot->phase != SNAPSHOT_RUNNING)
        return false;
    for (uint32_t i = 0; i < snapshot->node_count; i++) {
        if (!snapshot->nodes[i].ready) {
            *culprit = i;
            return false;
        }
    }
    return true;
}
