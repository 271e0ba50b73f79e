// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "operators/aggregate_line.h"
#include "operators/aggregate_state.h"

// Slices: sliding windows of native programs that are told once. Time is cut where windows begin or
// end; a record goes into one slice, and a window is put together of its slices, each of which is
// shared by all windows over it.
//
//   agg->keyed    slices that no window that has fired reaches into: a table of keys each
//   slices->keys  the older ones, by key (struct line)
//
// When a window fires, the slices up to its end are handed over from there to here, each line drops
// what is before its start, and what is left of it is the result.

struct slices {
    struct table keys; // slot: struct line
    int64_t slice_ms;
    int64_t handed_to;       // the end of the last window that has fired; INT64_MIN: none has
    int64_t at_work;         // the end of the one that fires, may be interrupted; INT64_MAX: none
    bool handed;             // its slices are handed over
    struct agg_head *result; // scratch
};

enum { KEYS_PER_LOOK = 64 };

static struct line *line_of(struct table_entry *entry)
{
    return (struct line *)(void *)entry->slot;
}

static int64_t common_divisor(int64_t a, int64_t b)
{
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static int init(struct aggregate *agg, struct error *err)
{
    struct slices *slices = mem_zalloc(sizeof *slices);
    if (!slices)
        return error_nomem(err);
    agg->more = slices;
    slices->handed_to = INT64_MIN;
    slices->at_work = INT64_MAX;
    slices->slice_ms = common_divisor(agg->windows.size, agg->windows.every);
    table_init(&slices->keys, sizeof(struct line), agg->budget);
    slices->result = mem_zalloc(agg->head_bytes);
    return slices->result ? 0 : error_nomem(err);
}

// -- placing --

static int take_new(struct aggregate *agg, const struct table_key *key, int64_t start)
{
    struct slices *slices = agg->more;
    struct keyed_window *slice = keyed_find(&agg->keyed, start);
    struct table_entry *entry;
    bool made;
    int rc = 0;
    if (!slice)
        rc = keyed_open(&agg->keyed, start, start + slices->slice_ms, start, &slice);
    if (!rc)
        rc = table_take(&slice->table, key, &entry, &made);
    if (!rc)
        agg->targets[agg->target_count++] =
            (struct agg_target){agg_bounds(slice), &entry->key, agg_head(entry), NULL};
    return rc;
}

// The line of a key, made when it is not there.
static int take_line(struct aggregate *agg, const struct table_key *key, struct table_entry **out)
{
    struct slices *slices = agg->more;
    bool made;
    int rc = table_take(&slices->keys, key, out, &made);
    if (!rc && made)
        line_of(*out)->told_to = INT64_MIN;
    return rc;
}

static int take_old(struct aggregate *agg, const struct table_key *key, int64_t start)
{
    struct slices *slices = agg->more;
    struct table_entry *entry;
    struct agg_head *head;
    int rc = take_line(agg, key, &entry);
    if (!rc)
        rc = line_take(agg, line_of(entry), start, &head);
    if (!rc)
        agg->targets[agg->target_count++] =
            (struct agg_target){{start, start + slices->slice_ms}, &entry->key, head, NULL};
    return rc;
}

static enum op_status place(struct aggregate *agg, const struct table_key *key, int64_t time,
                            enum agg_fate *fate, struct outputs *outputs, struct error *err)
{
    struct slices *slices = agg->more;
    struct window newest = window_newest(&agg->windows, time);
    (void)outputs;
    *fate = FATE_NOWHERE;
    if (!window_holds(newest, time))
        return OP_DONE;
    *fate = FATE_LATE;
    if (window_last(newest) <= agg->progress)
        return OP_DONE;
    *fate = FATE_TAKE;
    int64_t start = window_start(time, agg->windows.offset_ms, slices->slice_ms);
    bool old = start < slices->handed_to;
    int rc = old ? take_old(agg, key, start) : take_new(agg, key, start);
    explain_state_error(agg, rc, err);
    return rc ? OP_STOP : OP_DONE;
}

static enum op_status placed(struct aggregate *agg, struct outputs *outputs)
{
    (void)outputs;
    (void)agg; // a slice does not fire
    return OP_DONE;
}

// -- firing --

// The end of the first window that begins behind `time - size`: the first that holds `time`.
static int64_t first_end(const struct aggregate *agg, int64_t time)
{
    const struct window_assigner *windows = &agg->windows;
    int64_t before = window_start(time - windows->size, windows->offset_ms, windows->every);
    return before + windows->every + windows->size;
}

// The end of the window to fire next, or INT64_MAX. One that was begun comes first: what it has
// handed over already tells of other windows.
static int64_t next_end(const struct aggregate *agg)
{
    const struct slices *slices = agg->more;
    if (slices->at_work != INT64_MAX)
        return slices->at_work;
    const struct keyed_window *oldest = keyed_next(&agg->keyed);
    int64_t after = INT64_MIN;
    if (slices->handed_to != INT64_MIN &&
        __builtin_add_overflow(slices->handed_to, agg->windows.every, &after))
        after = INT64_MAX;
    if (slices->keys.count)
        return after;
    if (!oldest)
        return INT64_MAX;
    int64_t end = first_end(agg, oldest->start);
    return end > after ? end : after;
}

// The entries of a slice move into the lines of their keys.
static enum op_status hand_over_slice(struct aggregate *agg, struct keyed_window *slice,
                                      struct outputs *outputs, struct error *err)
{
    for (; agg->fire_next < slice->table.count; agg->fire_next++) {
        struct table_entry *from = table_at(&slice->table, agg->fire_next), *to;
        int rc = 0;
        if (agg_head(from)->since)
            rc = take_line(agg, &from->key, &to);
        if (!rc && agg_head(from)->since)
            rc = line_put(agg, line_of(to), slice->start, agg_head(from), err);
        if (rc) {
            explain_state_error(agg, rc, err);
            return OP_STOP;
        }
        if (agg->fire_next % KEYS_PER_LOOK == 0 && outputs_late(outputs)) {
            agg->fire_next++;
            return OP_AGAIN;
        }
    }
    agg->fire_next = 0;
    keyed_drop(&agg->keyed, slice);
    return OP_DONE;
}

static enum op_status hand_over(struct aggregate *agg, int64_t end, struct outputs *outputs)
{
    struct error err = ERROR_INIT;
    struct keyed_window *slice;
    while ((slice = keyed_next(&agg->keyed)) && slice->start < end) {
        enum op_status status = hand_over_slice(agg, slice, outputs, &err);
        if (status == OP_STOP) // state that does not fit: nothing can be left out here
            (void)outputs_error_free(outputs, &err);
        if (status != OP_DONE)
            return status;
    }
    return OP_DONE;
}

static enum op_status fire_key(struct aggregate *agg, struct table_entry *entry,
                               struct window window, struct outputs *outputs)
{
    struct slices *slices = agg->more;
    struct agg_target target = {window, &entry->key, slices->result, NULL};
    struct error err;
    error_clear(&err);
    enum op_status status;
    int rc = line_sum(agg, line_of(entry), slices->result, &err);
    if (rc) {
        explain_state_error(agg, rc, &err);
        status = fire_failed(agg, &target, outputs, &err);
    } else {
        slices->result->panes = 0;
        slices->result->since = 1;
        status = fire(agg, &target, outputs);
    }
    slot_clear(agg, slices->result);
    return status;
}

// Keys that have nothing in the window leave; the last one takes the number of each that does.
static enum op_status fire_keys(struct aggregate *agg, struct window window,
                                struct outputs *outputs)
{
    struct slices *slices = agg->more;
    for (uint32_t done = 1; agg->fire_next < slices->keys.count; done++) {
        struct table_entry *entry = table_at(&slices->keys, agg->fire_next);
        if (!line_cut(agg, line_of(entry), window.start)) {
            line_free(agg, line_of(entry));
            table_remove(&slices->keys, agg->fire_next);
            continue;
        }
        bool told = window.end <= line_of(entry)->told_to;
        enum op_status status = told ? OP_DONE : fire_key(agg, entry, window, outputs);
        if (status != OP_DONE)
            return status;
        agg->fire_next++;
        if (done % KEYS_PER_LOOK == 0 && outputs_late(outputs))
            return OP_AGAIN;
    }
    agg->fire_next = 0;
    return OP_DONE;
}

// Windows that ended with nothing in them are over as well: what comes for them is late.
static void skip_empty(struct aggregate *agg)
{
    struct slices *slices = agg->more;
    const struct window_assigner *windows = &agg->windows;
    int64_t end = INT64_MAX, from;
    if (agg->progress == INT64_MIN)
        return;
    if (agg->progress < INT64_MAX) {
        if (__builtin_sub_overflow(agg->progress + 1, windows->size, &from))
            return;
        end = window_start(from, windows->offset_ms, windows->every) + windows->size;
    }
    if (end > slices->handed_to)
        slices->handed_to = end;
}

static enum op_status due(struct aggregate *agg, struct outputs *outputs)
{
    struct slices *slices = agg->more;
    int64_t end;
    while ((end = next_end(agg)) - 1 <= agg->progress && end != INT64_MAX) {
        struct window window = {end - agg->windows.size, end};
        slices->at_work = end;
        enum op_status status = slices->handed ? OP_DONE : hand_over(agg, end, outputs);
        if (status != OP_DONE)
            return status;
        slices->handed = true;
        status = fire_keys(agg, window, outputs);
        if (status != OP_DONE)
            return status;
        slices->handed = false;
        slices->at_work = INT64_MAX;
        slices->handed_to = end;
    }
    skip_empty(agg);
    return OP_DONE;
}

static int64_t next(const struct aggregate *agg)
{
    int64_t end = next_end(agg);
    return end == INT64_MAX ? end : end - 1;
}

static void save_line(struct aggregate *agg, struct image *image, struct table_entry *entry)
{
    struct slices *slices = agg->more;
    struct agg_head *head;
    int64_t start, told = line_of(entry)->told_to;
    struct window mark = {0, told > slices->handed_to ? told : slices->handed_to};
    for (uint32_t n = 0; (head = line_part(agg, line_of(entry), n, &start)); n++) {
        struct agg_target target = {{start, start + slices->slice_ms}, &entry->key, head, &mark};
        save_slot(agg, image, AGG_PART, &target);
    }
}

static void save(struct aggregate *agg, struct image *image)
{
    struct slices *slices = agg->more;
    for (uint32_t i = 0; i < keyed_windows(&agg->keyed); i++) {
        struct keyed_window *slice = keyed_at(&agg->keyed, i);
        save_table(agg, image, AGG_SLOT, &slice->table, agg_bounds(slice), false);
    }
    for (uint32_t i = 0; i < slices->keys.count; i++)
        save_line(agg, image, table_at(&slices->keys, i));
}

// The lane that these parts are of may have been ahead of others.
static void load_told(struct aggregate *agg, const struct table_key *key, int64_t told)
{
    struct slices *slices = agg->more;
    struct line *line = line_of(table_find(&slices->keys, key));
    if (told > line->told_to)
        line->told_to = told;
}

static int load(struct aggregate *agg, struct image_entry *entry, const struct table_key *key,
                struct error *err)
{
    struct saved_slot saved;
    load_where(entry, &saved);
    if (entry->bad)
        return entry_done(entry, err);
    agg->target_count = 0;
    bool part = entry->section == AGG_PART;
    int rc = part ? take_old(agg, key, saved.window.start) : take_new(agg, key, saved.window.start);
    explain_state_error(agg, rc, err);
    if (!rc && part)
        load_told(agg, key, saved.told.end);
    return rc ? rc : load_slot(agg, entry, &saved, agg->targets[0].head, err);
}

static int64_t *mark(struct aggregate *agg)
{
    return &((struct slices *)agg->more)->handed_to;
}

static void measure(const struct aggregate *agg, struct operator_state *state)
{
    const struct slices *slices = agg->more;
    state->keys += slices->keys.count;
}

static void free_all(struct aggregate *agg)
{
    struct slices *slices = agg->more;
    if (!slices)
        return;
    for (uint32_t i = 0; i < keyed_windows(&agg->keyed); i++) {
        struct keyed_window *slice = keyed_at(&agg->keyed, i);
        for (uint32_t k = 0; k < slice->table.count; k++)
            slot_release(agg, agg_head(table_at(&slice->table, k)));
    }
    for (uint32_t i = 0; i < slices->keys.count; i++)
        line_free(agg, line_of(table_at(&slices->keys, i)));
    table_deinit(&slices->keys);
    mem_free(slices->result);
    mem_free(slices);
}

const struct agg_kind agg_slices = {.place = place,
                                    .placed = placed,
                                    .due = due,
                                    .next = next,
                                    .init = init,
                                    .save = save,
                                    .load = load,
                                    .mark = mark,
                                    .measure = measure,
                                    .free = free_all};
