// SPDX-License-Identifier: MIT
#include "engine/coordinator.h"
#include "engine/lane.h"

// The first checkpoint of a state, where a connection decides: of nothing, decided before the first
// record is read. From then on the connection has a mark of this state. Without it, a crash before
// the first commit could not be told from a connection that has lost its marks.

static int write_nothing(struct coordinator *coordinator, const struct checkpoint_head *head,
                         struct error *err)
{
    int rc = store_begin(coordinator->store, head, err);
    if (rc)
        return rc;
    rc = parts_put_plan(coordinator, err);
    if (rc)
        store_give_up(coordinator->store);
    return rc ? rc : store_prepare(coordinator->store, err);
}

static int commit(struct coordinator *coordinator, struct error *err)
{
    int rc = decider_begin(coordinator, coordinator->number, err);
    while (!rc) {
        struct wait wait = {.until_ns = INT64_MAX, .fd = -1};
        rc = decider_commit(coordinator, &wait, err);
        if (!rc)
            coordinator_pause();
    }
    return rc < 0 ? err->code : 0;
}

int decider_first(struct coordinator *coordinator, struct error *err)
{
    struct checkpoint_head head = coordinator->head;
    head.attempt = coordinator->attempt;
    head.number = coordinator->number = store_highest(coordinator->store) + 1;
    head.parent = 0;
    head.wall_ms = clock_wall_ms(coordinator->config.clock);
    int rc = write_nothing(coordinator, &head, err);
    rc = rc ? rc : commit(coordinator, err);
    if (rc)
        return rc;
    coordinator->head = head;
    return store_decided(coordinator->store, head.number, err);
}
