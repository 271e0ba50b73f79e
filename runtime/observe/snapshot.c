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

void snapshots_deinit(struct snapshots *all)
{
    for (uint32_t i = 0; all->items && i < all->count; i++)
        snapshot_deinit(&all->items[i]);
    mem_free(all->items);
    *all = (struct snapshots){0};
}

bool snapshots_next(const struct snapshots *all, struct snapshot_at *at)
{
    for (; at->pipeline < all->count; at->pipeline++, at->next = 0) {
        at->snapshot = &all->items[at->pipeline];
        if (at->next >= at->snapshot->node_count)
            continue;
        at->node = &at->snapshot->nodes[at->next++];
        return true;
    }
    return false;
}

bool snapshot_ready(const struct snapshot *snapshot, uint32_t *culprit)
{
    *culprit = snapshot->node_count;
    if (snapshot->phase != SNAPSHOT_RUNNING)
        return snapshot->phase == SNAPSHOT_DONE;
    for (uint32_t i = 0; i < snapshot->node_count; i++) {
        if (!snapshot->nodes[i].ready) {
            *culprit = i;
            return false;
        }
    }
    return true;
}
