// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "operators/aggregate_state.h"

// Windows of so many records of a key, whatever their times. The end of the stream tells those that
// are not full.

struct counts {
    struct table keys;
};

static int init(struct aggregate *agg, struct error *err)
{
    struct counts *counts = mem_zalloc(sizeof *counts);
    if (!counts)
        return error_nomem(err);
    table_init(&counts->keys, agg->head_bytes, agg->budget);
    agg->more = counts;
    return 0;
}

static enum op_status place(struct aggregate *agg, const struct table_key *key, int64_t time,
                            enum agg_fate *fate, struct outputs *outputs, struct error *err)
{
    struct counts *counts = agg->more;
    struct table_entry *entry;
    bool made;
    (void)outputs;
    (void)time;
    int rc = table_take(&counts->keys, key, &entry, &made);
    if (rc) {
        explain_state_error(agg, rc, err);
        return OP_STOP;
    }
    *fate = FATE_TAKE;
    agg->targets[agg->target_count++] =
        (struct agg_target){{INT64_MIN, INT64_MAX}, &entry->key, agg_head(entry), NULL};
    return OP_DONE;
}

// From the first to the last of its records' times.
static struct window bounds(const struct aggregate *agg, struct agg_head *head)
{
    const struct agg_times *times = agg_times(agg, head);
    if (!times->seen)
        return (struct window){INT64_MIN, INT64_MAX};
    return (struct window){times->min, times->max + 1};
}

static enum op_status placed(struct aggregate *agg, struct outputs *outputs)
{
    (void)outputs;
    struct agg_target target = agg->targets[0];
    if (target.head->since < agg->windows.size)
        return OP_DONE;
    target.window = bounds(agg, target.head);
    fire_later(agg, &target);
    return OP_DONE;
}

static enum op_status due(struct aggregate *agg, struct outputs *outputs)
{
    struct counts *counts = agg->more;
    if (agg->progress != INT64_MAX)
        return OP_DONE;
    while (agg->fire_next < counts->keys.count) {
        struct table_entry *entry = table_at(&counts->keys, agg->fire_next);
        struct agg_head *head = agg_head(entry);
        struct agg_target target = {bounds(agg, head), &entry->key, head, NULL};
        table_touch(&counts->keys, agg->fire_next);
        enum op_status status = fire(agg, &target, outputs);
        if (status != OP_DONE)
            return status;
        agg->fire_next++;
    }
    agg->fire_next = 0;
    return OP_DONE;
}

static int64_t next(const struct aggregate *agg)
{
    (void)agg;
    return INT64_MAX;
}

static void save(struct aggregate *agg, struct image *image)
{
    struct counts *counts = agg->more;
    save_table(agg, image, AGG_SLOT, &counts->keys, (struct window){0, 0}, false);
}

static int track(struct aggregate *agg)
{
    return table_track(&((struct counts *)agg->more)->keys);
}

static int save_changes(struct aggregate *agg, struct image *image)
{
    struct counts *counts = agg->more;
    save_table(agg, image, AGG_SLOT, &counts->keys, (struct window){0, 0}, true);
    return table_track(&counts->keys);
}

static int load(struct aggregate *agg, struct image_entry *entry, const struct table_key *key,
                struct error *err)
{
    struct counts *counts = agg->more;
    struct saved_slot saved;
    struct table_entry *made;
    bool new;
    load_where(entry, &saved);
    int rc = table_take(&counts->keys, key, &made, &new);
    explain_state_error(agg, rc, err);
    return rc ? rc : load_slot(agg, entry, &saved, agg_head(made), err);
}

static void measure(const struct aggregate *agg, struct operator_state *state)
{
    const struct counts *counts = agg->more;
    state->keys += counts->keys.count;
}

static void free_all(struct aggregate *agg)
{
    struct counts *counts = agg->more;
    if (!counts)
        return;
    for (uint32_t i = 0; i < counts->keys.count; i++)
        slot_release(agg, agg_head(table_at(&counts->keys, i)));
    table_deinit(&counts->keys);
    mem_free(counts);
}

const struct agg_kind agg_counts = {.place = place,
                                    .placed = placed,
                                    .due = due,
                                    .next = next,
                                    .init = init,
                                    .save = save,
                                    .load = load,
                                    .track = track,
                                    .save_changes = save_changes,
                                    .measure = measure,
                                    .free = free_all};
