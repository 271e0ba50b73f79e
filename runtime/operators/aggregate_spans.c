// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "operators/aggregate_bucket.h"
#include "operators/aggregate_span.h"
#include "operators/aggregate_state.h"

// Spans as a kind of windows: where records go, what is due, what is kept.

static const int64_t TIME_FAR = INT64_MAX / 2; // windows around it are numbers still

static bool order_matters(const struct aggregate *agg)
{
    for (uint32_t i = 0; i < agg->program.op_count; i++)
        if (agg->program.ops[i].function == AGG_EWMA)
            return true;
    return agg->by_hand;
}

static int init(struct aggregate *agg, struct error *err)
{
    struct spans *spans = mem_zalloc(sizeof *spans);
    if (!spans)
        return error_nomem(err);
    agg->more = spans;
    spans->done_to = INT64_MIN;
    spans->ordered = order_matters(agg);
    spans->staged = !spans->ordered && !agg->early_count;
    for (int64_t n = window_overlap(&agg->windows); n > 1; n /= 2)
        spans->top++;
    return 0;
}

// -- placing --

static int take(struct aggregate *agg, int64_t window, uint8_t level, const struct table_key *key)
{
    struct keyed_window *span;
    struct table_entry *entry;
    bool made;
    int rc = span_open(agg, window, level, &span);
    if (!rc)
        rc = table_take(&span->table, key, &entry, &made);
    if (!rc)
        agg->targets[agg->target_count++] =
            (struct agg_target){agg_bounds(span), &entry->key, agg_head(entry), NULL};
    return rc;
}

int span_take_all(struct aggregate *agg, const struct table_key *key)
{
    const struct spans *spans = agg->more;
    int rc = 0;
    for (int64_t at = spans->from; at <= spans->to && !rc;) {
        uint8_t level = span_level(agg, at, spans->to);
        rc = take(agg, at, level, key);
        at += INT64_C(1) << level;
    }
    return rc;
}

static int take_stage(struct aggregate *agg, const struct table_key *key)
{
    const struct spans *spans = agg->more;
    struct keyed_window *stage;
    struct table_entry *entry;
    int64_t start = agg->windows.offset_ms + spans->to * agg->windows.every;
    int rc = stage_take(agg, start, key, &stage, &entry);
    if (!rc)
        agg->targets[agg->target_count++] =
            (struct agg_target){agg_bounds(stage), &entry->key, agg_head(entry), NULL};
    return rc;
}

static int take_open(struct aggregate *agg, const struct table_key *key, struct error *err)
{
    const struct spans *spans = agg->more;
    int rc = spans->ordered ? span_settle(agg, key, err) : 0;
    if (rc)
        return rc;
    if (agg->early_count)
        rc = span_count_place(agg, key);
    if (!rc)
        rc = spans->staged ? take_stage(agg, key) : span_take_all(agg, key);
    explain_state_error(agg, rc, err);
    return rc;
}

// The first window whose last instant is after `time`.
static int64_t first_after(const struct aggregate *agg, int64_t time)
{
    const struct window_assigner *windows = &agg->windows;
    if (time < -TIME_FAR || time > TIME_FAR)
        return time < 0 ? INT64_MIN : INT64_MAX;
    return span_number(agg, time + 1 - windows->size) + 1;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

// Into the windows from `live` on, of which those before spans->from are closed.
static int take_all(struct aggregate *agg, int64_t live, const struct table_key *key,
                    struct error *err)
{
    struct spans *spans = agg->more;
    int rc = 0;
    for (int64_t window = live; window < spans->from && window <= spans->to && !rc; window++)
        rc = take(agg, window, 0, key);
    explain_state_error(agg, rc, err);
    spans->late = agg->target_count;
    return rc || spans->from > spans->to ? rc : take_open(agg, key, err);
}

static enum op_status place(struct aggregate *agg, const struct table_key *key, int64_t time,
                            enum agg_fate *fate, struct outputs *outputs, struct error *err)
{
    (void)outputs;
    if (time < -TIME_FAR || time > TIME_FAR) {
        error_set(err, ERR_DATA, "its time, %lld ms, is too far away for its windows",
                  (long long)time);
        return OP_STOP;
    }
    int64_t gone, to = span_number(agg, window_newest(&agg->windows, time).start);
    if (__builtin_sub_overflow(agg->progress, agg->windows.lateness_ms, &gone))
        gone = INT64_MIN;
    int64_t live = larger(first_after(agg, time - 1), first_after(agg, gone));
    struct spans *spans = agg->more;
    spans->from = larger(live, first_after(agg, agg->progress));
    spans->to = to;
    *fate = live > to ? FATE_LATE : FATE_TAKE;
    if (*fate == FATE_LATE)
        return OP_DONE;
    return take_all(agg, live, key, err) ? OP_STOP : OP_DONE;
}

static enum op_status placed(struct aggregate *agg, struct outputs *outputs)
{
    const struct spans *spans = agg->more;
    for (uint32_t i = 0; i < spans->late; i++)
        fire_later(agg, &agg->targets[i]);
    if (!agg->early_count || spans->from > spans->to)
        return OP_DONE;
    const struct table_key key = *agg->targets[spans->late].key;
    return span_count_fire(agg, &key, outputs);
}

// -- firing --

// The largest span over this window that still has something for it; NULL: it has all.
static struct keyed_window *span_above(const struct aggregate *agg,
                                       const struct keyed_window *window)
{
    const struct spans *spans = agg->more;
    struct keyed_window *span = NULL;
    int64_t number = span_number(agg, window->start);
    for (uint8_t level = spans->top; level > 0 && !span; level--)
        span = span_find(agg, number, level);
    return span;
}

static enum op_status fire_window(struct aggregate *agg, struct keyed_window *window,
                                  struct outputs *outputs)
{
    enum op_status status = bucket_fire(agg, window, outputs);
    if (status == OP_DONE)
        bucket_wait(agg, window);
    return status;
}

static enum op_status step(struct aggregate *agg, struct keyed_window *next,
                           struct outputs *outputs)
{
    if (next->level)
        return span_pour(agg, next, outputs);
    if (next->fired) {
        bucket_release(agg, next);
        keyed_drop(&agg->keyed, next);
        return OP_DONE;
    }
    struct keyed_window *above = agg->fire_next ? NULL : span_above(agg, next);
    return above ? span_pour(agg, above, outputs) : fire_window(agg, next, outputs);
}

static enum op_status due(struct aggregate *agg, struct outputs *outputs)
{
    struct spans *spans = agg->more;
    struct keyed_window *next;
    while ((next = spans->pouring ? spans->pouring : keyed_next(&agg->keyed)) &&
           (spans->pouring || next->due.at <= agg->progress)) {
        enum op_status status = step(agg, next, outputs);
        if (status != OP_DONE)
            return status;
    }
    spans->done_to = agg->progress;
    return OP_DONE;
}

static int64_t next(const struct aggregate *agg)
{
    const struct keyed_window *window = keyed_next(&agg->keyed);
    return window ? window->due.at : INT64_MAX;
}

// -- what is kept --

static enum agg_section section_of(const struct keyed_window *span)
{
    return span->level == 0 ? AGG_SLOT : span->level >= SPAN_STAGE ? AGG_STAGE : AGG_PART;
}

static void save(struct aggregate *agg, struct image *image)
{
    for (uint32_t i = 0; i < keyed_windows(&agg->keyed); i++) {
        struct keyed_window *span = keyed_at(&agg->keyed, i);
        save_table(agg, image, section_of(span), &span->table, agg_bounds(span), false);
    }
}

// A span's level, by its bounds; more than there are: it is none.
static uint8_t level_of(const struct aggregate *agg, struct window bounds)
{
    uint8_t level = 1;
    while (level < SPAN_LEVELS &&
           (uint64_t)bounds.end - (uint64_t)bounds.start != (uint64_t)agg->windows.every << level)
        level++;
    return level;
}

static int load_stage(struct aggregate *agg, struct image_entry *entry,
                      const struct saved_slot *saved, const struct table_key *key,
                      struct error *err)
{
    struct spans *spans = agg->more;
    struct keyed_window *stage;
    struct table_entry *made;
    int64_t to = span_number(agg, saved->window.start);
    if (saved->window.end > to || saved->window.end <= to - window_overlap(&agg->windows))
        entry->bad = true;
    if (entry->bad)
        return entry_done(entry, err);
    spans->from = saved->window.end;
    int rc = stage_take(agg, saved->window.start, key, &stage, &made);
    explain_state_error(agg, rc, err);
    return rc ? rc : load_slot(agg, entry, saved, agg_head(made), err);
}

static int load(struct aggregate *agg, struct image_entry *entry, const struct table_key *key,
                struct error *err)
{
    struct spans *spans = agg->more;
    struct saved_slot saved;
    struct keyed_window *span;
    struct table_entry *made;
    bool new;
    load_where(entry, &saved);
    uint8_t level = entry->section == AGG_PART ? level_of(agg, saved.window) : 0;
    if (level > spans->top || saved.window.start < -TIME_FAR || saved.window.start > TIME_FAR)
        entry->bad = true;
    if (entry->bad)
        return entry_done(entry, err);
    spans->done_to = agg->progress;
    if (entry->section == AGG_STAGE)
        return load_stage(agg, entry, &saved, key, err);
    int rc = span_open(agg, span_number(agg, saved.window.start), level, &span);
    if (!rc)
        rc = table_take(&span->table, key, &made, &new);
    explain_state_error(agg, rc, err);
    return rc ? rc : load_slot(agg, entry, &saved, agg_head(made), err);
}

static void rewind_all(struct aggregate *agg)
{
    struct spans *spans = agg->more;
    spans->done_to = agg->progress;
    for (size_t i = 0; i < agg->keyed.map_cells; i++)
        if (agg->keyed.map[i])
            span_look(agg, agg->keyed.map[i]);
}

static void free_all(struct aggregate *agg)
{
    for (uint32_t i = 0; i < keyed_windows(&agg->keyed); i++)
        bucket_release(agg, keyed_at(&agg->keyed, i));
    mem_free(agg->more);
}

const struct agg_kind agg_spans = {.place = place,
                                   .placed = placed,
                                   .due = due,
                                   .next = next,
                                   .init = init,
                                   .save = save,
                                   .load = load,
                                   .rewind = rewind_all,
                                   .free = free_all};
