// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "operators/aggregate.h"
#include "operators/aggregate_bucket.h"
#include "operators/aggregate_state.h"

// Buckets: every window has a table of its keys. A record goes into each window that holds its time
// and is not gone.

enum { RESULTS_PER_LOOK = 64 }; // results between two looks at the clock

int64_t bucket_next_firing(const struct aggregate *agg, struct window window, int64_t after)
{
    int64_t last = window_last(window);
    if (!agg->early_ms)
        return last;
    if (window.start == INT64_MIN) // of all times: by the clock's full intervals
        return after == INT64_MIN ? after + 1
                                  : window_start(after, 0, agg->early_ms) + agg->early_ms;
    int64_t from = after > window.start ? after : window.start, early;
    int64_t into = (from - window.start) % agg->early_ms;
    if (__builtin_add_overflow(from, agg->early_ms - into, &early) || early > last)
        return last;
    return early;
}

int bucket_open(struct aggregate *agg, struct window window, struct keyed_window **out)
{
    *out = keyed_find(&agg->keyed, window.start);
    if (*out)
        return 0;
    bool passed = window_last(window) <= agg->progress;
    int64_t due = passed ? window_gone_at(window, agg->windows.lateness_ms)
                         : bucket_next_firing(agg, window, agg->progress);
    int rc = keyed_open(&agg->keyed, window.start, window.end, due, out);
    if (!rc)
        (*out)->fired = passed;
    return rc;
}

static int take(struct aggregate *agg, struct window window, const struct table_key *key)
{
    struct keyed_window *bucket;
    struct table_entry *entry;
    bool made;
    int rc = bucket_open(agg, window, &bucket);
    if (!rc)
        rc = table_take(&bucket->table, key, &entry, &made);
    if (rc)
        return rc;
    agg->targets[agg->target_count++] =
        (struct agg_target){window, &entry->key, agg_head(entry), NULL};
    return 0;
}

static enum op_status place(struct aggregate *agg, const struct table_key *key, int64_t time,
                            enum agg_fate *fate, struct outputs *outputs, struct error *err)
{
    bool somewhere = false;
    (void)outputs;
    struct window window = window_newest(&agg->windows, time);
    for (; window_holds(window, time); window = window_before(&agg->windows, window)) {
        somewhere = true;
        if (window_gone_at(window, agg->windows.lateness_ms) <= agg->progress)
            break; // so are all before it
        int rc = take(agg, window, key);
        if (rc) {
            explain_state_error(agg, rc, err);
            return OP_STOP;
        }
    }
    *fate = agg->target_count ? FATE_TAKE : somewhere ? FATE_LATE : FATE_NOWHERE;
    return OP_DONE;
}

// From the oldest window on.
static enum op_status placed(struct aggregate *agg, struct outputs *outputs)
{
    (void)outputs;
    for (uint32_t i = agg->target_count; i-- > 0;)
        if (fires_again(agg, agg->targets[i].window, agg->targets[i].head))
            fire_later(agg, &agg->targets[i]);
    return OP_DONE;
}

void bucket_release(struct aggregate *agg, struct keyed_window *window)
{
    if (!agg->by_hand && !program_owns(&agg->program))
        return; // its slots own nothing
    for (uint32_t i = 0; i < window->table.count; i++)
        slot_release(agg, agg_head(table_at(&window->table, i)));
}

enum op_status bucket_fire(struct aggregate *agg, struct keyed_window *window,
                           struct outputs *outputs)
{
    while (agg->fire_next < window->table.count) {
        struct table_entry *entry = table_at(&window->table, agg->fire_next);
        struct agg_target target = {agg_bounds(window), &entry->key, agg_head(entry), NULL};
        if (target.head->since)
            table_touch(&window->table, agg->fire_next);
        enum op_status status = fire(agg, &target, outputs);
        if (status != OP_DONE)
            return status;
        agg->fire_next++;
        if (agg->fire_next % RESULTS_PER_LOOK == 0 && outputs_late(outputs))
            return OP_AGAIN;
    }
    agg->fire_next = 0;
    return OP_DONE;
}

void bucket_wait(struct aggregate *agg, struct keyed_window *window)
{
    struct window bounds = agg_bounds(window);
    window->fired = window_last(bounds) <= agg->progress;
    keyed_due(&agg->keyed, window,
              window->fired ? window_gone_at(bounds, agg->windows.lateness_ms)
                            : bucket_next_firing(agg, bounds, agg->progress));
}

// Only what was saved.
static void note_gone(struct aggregate *agg, const struct keyed_window *window)
{
    for (uint32_t i = 0; agg->tracks && i < window->saved; i++)
        save_gone(agg, &table_at(&window->table, i)->key, window->start);
}

static enum op_status due(struct aggregate *agg, struct outputs *outputs)
{
    struct keyed_window *window;
    while ((window = keyed_next(&agg->keyed)) && window->due.at <= agg->progress) {
        if (window->fired) {
            note_gone(agg, window);
            bucket_release(agg, window);
            keyed_drop(&agg->keyed, window);
            continue;
        }
        enum op_status status = bucket_fire(agg, window, outputs);
        if (status != OP_DONE)
            return status;
        bucket_wait(agg, window);
    }
    return OP_DONE;
}

static int64_t next(const struct aggregate *agg)
{
    const struct keyed_window *window = keyed_next(&agg->keyed);
    return window ? window->due.at : INT64_MAX;
}

static void save(struct aggregate *agg, struct image *image)
{
    for (uint32_t i = 0; i < keyed_windows(&agg->keyed); i++) {
        struct keyed_window *window = keyed_at(&agg->keyed, i);
        save_table(agg, image, AGG_SLOT, &window->table, agg_bounds(window), false);
    }
}

static int track(struct aggregate *agg)
{
    return keyed_track(&agg->keyed);
}

static int save_changes(struct aggregate *agg, struct image *image)
{
    for (uint32_t i = 0; i < keyed_windows(&agg->keyed); i++) {
        struct keyed_window *window = keyed_at(&agg->keyed, i);
        save_table(agg, image, AGG_SLOT, &window->table, agg_bounds(window), true);
    }
    return keyed_track(&agg->keyed);
}

static int load(struct aggregate *agg, struct image_entry *entry, const struct table_key *key,
                struct error *err)
{
    struct saved_slot saved;
    struct keyed_window *window;
    struct table_entry *made;
    bool new;
    load_where(entry, &saved);
    int rc = entry->bad ? entry_done(entry, err) : bucket_open(agg, saved.window, &window);
    if (!rc)
        rc = table_take(&window->table, key, &made, &new);
    explain_state_error(agg, rc, err);
    return rc ? rc : load_slot(agg, entry, &saved, agg_head(made), err);
}

static void rewind_all(struct aggregate *agg)
{
    for (size_t i = 0; i < agg->keyed.map_cells; i++)
        if (agg->keyed.map[i])
            bucket_wait(agg, agg->keyed.map[i]);
}

static void free_all(struct aggregate *agg)
{
    for (uint32_t i = 0; i < keyed_windows(&agg->keyed); i++)
        bucket_release(agg, keyed_at(&agg->keyed, i));
}

const struct agg_kind agg_buckets = {.place = place,
                                     .placed = placed,
                                     .due = due,
                                     .next = next,
                                     .save = save,
                                     .load = load,
                                     .track = track,
                                     .save_changes = save_changes,
                                     .rewind = rewind_all,
                                     .free = free_all};
