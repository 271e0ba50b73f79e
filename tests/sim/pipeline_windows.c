// SPDX-License-Identifier: MIT
#include "pipeline.h"
#include <stdlib.h>

// Aggregates by windows of event time: each row goes to its windows, one by one, and windows that
// touch in a session become one. Quadratic, and nothing is shared with how the engine does it.

struct pane {
    int64_t key, start, end, count, sum, most;
};

struct panes {
    struct pane *items;
    size_t count, cap;
    bool unsure; // two sessions touch: one or two, as the watermark has it
};

enum kind { TUMBLING, SLIDING, SESSION, KINDS };

struct windows {
    enum kind kind;
    int64_t size, every, offset;
    bool keyed;
};

static void merge(struct pane *into, const struct pane *from)
{
    into->start = from->start < into->start ? from->start : into->start;
    into->end = from->end > into->end ? from->end : into->end;
    into->count += from->count;
    into->sum += from->sum;
    into->most = from->most > into->most ? from->most : into->most;
}

static bool meets(const struct windows *windows, const struct pane *a, const struct pane *b)
{
    if (a->key != b->key)
        return false;
    if (windows->kind == SESSION)
        return a->start <= b->end && b->start <= a->end;
    return a->start == b->start;
}

static void add_pane(const struct windows *windows, struct panes *panes, struct pane pane)
{
    for (size_t i = 0; i < panes->count;) {
        if (!meets(windows, &panes->items[i], &pane)) {
            i++;
            continue;
        }
        const struct pane *other = &panes->items[i];
        panes->unsure |= pane.end == other->start || pane.start == other->end;
        merge(&pane, other);
        panes->items[i] = panes->items[--panes->count];
    }
    panes->items = sim_grow(panes->items, &panes->cap, panes->count + 1, sizeof *panes->items);
    panes->items[panes->count++] = pane;
}

// The greatest start <= time.
static int64_t newest_start(const struct windows *windows, int64_t time)
{
    int64_t past = (time - windows->offset) % windows->every;
    return time - (past < 0 ? past + windows->every : past);
}

static void add_row(const struct windows *windows, struct panes *panes, const struct row *row)
{
    int64_t v = row_get(row, F_V);
    struct pane pane = {.key = windows->keyed ? row_get(row, F_K) : 0,
                        .start = row->time,
                        .end = row->time + windows->size,
                        .count = 1,
                        .sum = v,
                        .most = v};
    if (windows->kind == SESSION) {
        add_pane(windows, panes, pane);
        return;
    }
    for (int64_t start = newest_start(windows, row->time); start + windows->size > row->time;
         start -= windows->every) {
        pane.start = start;
        pane.end = start + windows->size;
        add_pane(windows, panes, pane);
    }
}

static struct row row_of(const struct windows *windows, const struct pane *pane)
{
    struct row row = {.time = pane->end - 1, .split = NO_TAG};
    if (windows->keyed)
        row_set(&row, F_K, pane->key);
    row_set(&row, F_START, pane->start);
    row_set(&row, F_END, pane->end);
    row_set(&row, F_C, pane->count);
    row_set(&row, F_V, pane->sum);
    row_set(&row, F_X, pane->most);
    return row;
}

static void write_windows(struct yaml *yaml, const struct windows *windows)
{
    if (windows->kind == SESSION)
        yaml_add(yaml, "window: { session: %lldms }", (long long)windows->size);
    else if (windows->kind == TUMBLING)
        yaml_add(yaml, "window: { tumbling: %lldms, offset: %lldms }", (long long)windows->size,
                 (long long)windows->offset);
    else
        yaml_add(yaml, "window: { sliding: %lldms, every: %lldms }", (long long)windows->size,
                 (long long)windows->every);
}

static void write_program(struct yaml *yaml, uint32_t how)
{
    if (how < 60)
        yaml_add(yaml, "compute: { c: count(), v: sum(v), x: max(v) }");
    else if (how < 80)
        yaml_add(yaml, "lua: 'return agg { c = agg.count(), v = agg.sum \"v\", x = agg.max \"v\", "
                       "finish = function(r, w) local c, v, x = r.c, r.v, r.x r.c = nil r.v = nil "
                       "r.x = nil r.c = c r.v = v r.x = x return r end }'");
    else
        yaml_add(yaml, "compute: { c: count(), v: sum(v), x: max(v) }, limits: { state: 8MiB }");
}

static struct windows choose(struct dice *dice, bool keyed)
{
    struct windows windows = {.kind = (enum kind)dice_below(dice, KINDS), .keyed = keyed};
    windows.size =
        windows.kind == SESSION ? dice_from_to(dice, 1, 60) : dice_from_to(dice, 20, 500);
    windows.every = windows.size;
    if (windows.kind == TUMBLING && dice_chance(dice, 30))
        windows.offset = dice_below(dice, (uint32_t)windows.size);
    if (windows.kind == SLIDING)
        windows.every = windows.size / dice_from_to(dice, 1, 6) + 1;
    return windows;
}

static bool add_rows(const struct windows *windows, const struct rows *from, struct rows *to)
{
    struct panes panes = {0};
    for (size_t i = 0; i < from->count; i++)
        add_row(windows, &panes, &from->items[i]);
    for (size_t i = 0; i < panes.count; i++) {
        struct row row = row_of(windows, &panes.items[i]);
        sim_rows_add(to, &row);
    }
    free(panes.items);
    return !panes.unsure;
}

bool stage_aggregate(struct pipeline_plan *plan)
{
    struct stream *from = stream_pick(plan, false, true, false);
    struct rows rows = {0};
    if (!from)
        return false;
    struct windows windows = choose(&plan->dice, dice_chance(&plan->dice, 85));
    if (!add_rows(&windows, &from->rows, &rows)) {
        sim_rows_free(&rows);
        return false;
    }
    uint32_t number = node_number(plan);
    struct stream *to = stream_new(plan, from, "n%u", number);
    to->rows = rows;
    to->tagged = to->ordered = false;
    to->keyed = windows.keyed;
    stream_take(plan, from);
    yaml_add(&plan->operators, "  n%u: { type: aggregate, inputs: %s, %s", number, from->ref,
             windows.keyed ? "key_by: k, " : "");
    write_windows(&plan->operators, &windows);
    yaml_add(&plan->operators, ", ");
    write_program(&plan->operators, dice_below(&plan->dice, 100));
    yaml_add(&plan->operators, " }\n");
    return true;
}
