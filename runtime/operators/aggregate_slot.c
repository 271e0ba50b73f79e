// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "operators/aggregate.h"

// What is behind a head: released, merged, copied.

void slot_added(struct aggregate *agg, struct agg_head *head, int64_t time)
{
    head->since++;
    if (!agg->times_at || time == TIME_NONE)
        return;
    struct agg_times *times = agg_times(agg, head);
    if (!times->seen || time < times->min)
        times->min = time;
    if (!times->seen || time > times->max)
        times->max = time;
    times->seen = 1;
}

static void release_acc(struct aggregate *agg, struct agg_acc *acc)
{
    budget_give(agg->budget, acc->counted);
    buf_deinit(&acc->json);
    *acc = (struct agg_acc){.counted = 0};
}

static void release_one(struct aggregate *agg, struct agg_head *head)
{
    if (agg->by_hand)
        release_acc(agg, agg_acc(head));
    else if (program_owns(&agg->program))
        program_release(&agg->program, agg_slot(head));
}

void slot_clear(struct aggregate *agg, struct agg_head *head)
{
    release_one(agg, head);
    memset(head + 1, 0, agg->slot_bytes);
}

void slot_release(struct aggregate *agg, struct agg_head *head)
{
    release_one(agg, head);
    if (agg->last_at)
        release_one(agg, agg_last(agg, head));
    memset(head + 1, 0, agg->head_bytes - sizeof *head);
}

static int merge_by_hand(struct aggregate *agg, struct agg_acc *into, const struct agg_acc *from,
                         struct error *err)
{
    int rc = 0;
    if (into->json.max == 0)
        buf_init(&into->json, AGG_ACC_MAX);
    if (into->json.len == 0)
        rc = buf_append(&into->json, from->json.data, from->json.len);
    else if (from->json.len > 0)
        rc = script_merge(agg->script, &into->json, &from->json, err);
    if (rc == ERR_NOMEM)
        error_nomem(err);
    fold_count(agg, into);
    return rc;
}

static void merge_times(struct agg_times *into, const struct agg_times *from)
{
    if (!from->seen)
        return;
    if (!into->seen || from->min < into->min)
        into->min = from->min;
    if (!into->seen || from->max > into->max)
        into->max = from->max;
    into->seen = 1;
}

int slot_copy(struct aggregate *agg, struct agg_head *into, struct agg_head *from,
              struct error *err)
{
    return agg->by_hand ? merge_by_hand(agg, agg_acc(into), agg_acc(from), err)
                        : program_merge(&agg->program, agg_slot(into), agg_slot(from), err);
}

int slot_merge(struct aggregate *agg, struct agg_head *into, struct agg_head *from,
               struct error *err)
{
    int rc = slot_copy(agg, into, from, err);
    if (rc)
        return rc;
    if (agg->times_at)
        merge_times(agg_times(agg, into), agg_times(agg, from));
    into->since += from->since;
    into->panes = into->panes > from->panes ? into->panes : from->panes;
    slot_release(agg, from);
    return 0;
}
