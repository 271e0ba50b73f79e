// SPDX-License-Identifier: MIT
#include "operators/join.h"
#include "base/alloc.h"

// window: tumbling and sliding. Each open window has a table of keys with the rows of both sides,
// in the order in which they came. A pair is told when the second of it comes; who found none, when
// the window is gone. A record that is in several windows has a row in each.

enum { ROWS_PER_LOOK = 64, NOT_BEGUN = UINT32_MAX };

static struct join_rows *rows_of(struct table_entry *entry)
{
    return (struct join_rows *)(void *)entry->slot;
}

static bool gone(const struct join *join, struct window window)
{
    return join_passed(join, window_gone_at(window, join->windows.lateness_ms));
}

// The n-th window of the record in hand that is still there; false: there are no more.
static bool next_window(const struct join *join, struct window *window)
{
    for (; window_holds(*window, join->now.time); *window = window_before(&join->windows, *window))
        if (!gone(join, *window))
            return true;
    return false;
}

static enum join_fate fate(struct join *join, const struct table_key *key)
{
    (void)key;
    struct window window = window_newest(&join->windows, join->now.time);
    if (!window_holds(window, join->now.time))
        return JOIN_NOWHERE;
    return next_window(join, &window) ? JOIN_TAKE : JOIN_LATE;
}

// -- making room in all windows, so that nothing fails half-way --

static int open_window(struct join *join, struct window window, struct keyed_window **out)
{
    *out = keyed_find(&join->keyed, window.start);
    if (*out)
        return 0;
    int64_t due = window_gone_at(window, join->windows.lateness_ms);
    return keyed_open(&join->keyed, window.start, window.end, due, out);
}

static int make_room(struct join *join, const struct table_key *key, struct window window)
{
    struct keyed_window *open;
    struct table_entry *entry;
    bool made;
    int rc = open_window(join, window, &open);
    if (!rc)
        rc = table_take(&open->table, key, &entry, &made);
    return rc ? rc : rows_room(join, &rows_of(entry)[join->now.side], 1);
}

static int make_rows(struct join *join, const struct table_key *key)
{
    struct join_now *now = &join->now;
    struct window window = window_newest(&join->windows, now->time);
    now->row_count = now->row_at = 0;
    while (next_window(join, &window)) {
        int rc = make_room(join, key, window);
        if (!rc && now->row_count)
            rc = row_copy(join, now->row, &now->rows[now->row_count]);
        else if (!rc)
            now->rows[0] = now->row;
        if (rc)
            return rc;
        now->row_count++;
        window = window_before(&join->windows, window);
    }
    now->window = window_newest(&join->windows, now->time);
    now->row = NULL; // it is the first of them
    now->at = NOT_BEGUN;
    return 0;
}

static void drop_rows(struct join *join)
{
    struct join_now *now = &join->now;
    for (uint32_t i = 1; i < now->row_count; i++)
        row_free(join, now->rows[i]);
    now->row_count = 0;
}

// -- records --

static enum op_status pair_all(struct join *join, struct join_row *row,
                               const struct join_rows *others, struct outputs *outputs)
{
    struct join_now *now = &join->now;
    if (now->at == NOT_BEGUN)
        now->at = others->from;
    for (uint32_t done = 1; now->at < others->to; done++) {
        enum op_status status =
            join_pair(join, outputs, row, others->items[now->at], now->side, &now->window);
        if (status != OP_DONE)
            return status;
        now->at++;
        if (done % ROWS_PER_LOOK == 0 && outputs_late(outputs))
            return OP_AGAIN;
    }
    now->at = NOT_BEGUN;
    return OP_DONE;
}

static enum op_status add(struct join *join, const struct table_key *key, struct outputs *outputs,
                          struct error *err)
{
    struct join_now *now = &join->now;
    int rc = now->row ? make_rows(join, key) : 0;
    if (rc) {
        drop_rows(join);
        join_explain(join, rc, err);
        return OP_STOP;
    }
    while (now->row_at < now->row_count && next_window(join, &now->window)) {
        struct keyed_window *open = keyed_find(&join->keyed, now->window.start);
        struct join_rows *rows = rows_of(table_find(&open->table, key));
        struct join_row *row = now->rows[now->row_at];
        enum op_status status = pair_all(join, row, &rows[join_other(now->side)], outputs);
        if (status != OP_DONE)
            return status;
        rows_append(&rows[now->side], row);
        now->row_at++;
        now->window = window_before(&join->windows, now->window);
    }
    return OP_DONE;
}

// -- what leaves --

static enum op_status tell_side(struct join *join, const struct keyed_window *open,
                                const struct join_rows *rows, enum join_side side,
                                struct outputs *outputs)
{
    struct window window = {open->start, open->end};
    for (; join->due_row < rows->to; join->due_row++) {
        const struct join_row *row = rows->items[join->due_row];
        if (!join->outer[side] || row->matched)
            continue;
        enum op_status status = join_alone(join, outputs, row, side, window_last(window), &window);
        if (status != OP_DONE)
            return status;
    }
    join->due_row = 0;
    return OP_DONE;
}

static enum op_status close_key(struct join *join, const struct keyed_window *open,
                                struct join_rows *rows, struct outputs *outputs)
{
    for (; join->due_side < JOIN_SIDES; join->due_side++) {
        enum join_side side = (enum join_side)join->due_side;
        enum op_status status = tell_side(join, open, &rows[side], side, outputs);
        if (status != OP_DONE)
            return status;
        rows_free(join, &rows[side]);
    }
    join->due_side = 0;
    return OP_DONE;
}

static enum op_status close_window(struct join *join, struct keyed_window *open,
                                   struct outputs *outputs)
{
    for (; join->due_entry < open->table.count; join->due_entry++) {
        struct join_rows *rows = rows_of(table_at(&open->table, join->due_entry));
        enum op_status status = close_key(join, open, rows, outputs);
        if (status != OP_DONE)
            return status;
        if (join->due_entry % ROWS_PER_LOOK == ROWS_PER_LOOK - 1 && outputs_late(outputs)) {
            join->due_entry++;
            return OP_AGAIN;
        }
    }
    join->due_entry = 0;
    keyed_drop(&join->keyed, open);
    return OP_DONE;
}

static enum op_status due(struct join *join, struct outputs *outputs)
{
    struct keyed_window *open;
    while ((open = keyed_next(&join->keyed)) && join_passed(join, open->due.at)) {
        enum op_status status = close_window(join, open, outputs);
        if (status != OP_DONE)
            return status;
    }
    return OP_DONE;
}

// -- as bytes --

static void save_window(struct join *join, struct image *image, const struct keyed_window *open)
{
    struct window window = {open->start, open->end};
    for (uint32_t i = 0; i < open->table.count; i++) {
        struct table_entry *entry = table_at(&open->table, i);
        for (enum join_side side = JOIN_LEFT; side < JOIN_SIDES; side++) {
            const struct join_rows *rows = &rows_of(entry)[side];
            for (uint32_t k = rows->from; k < rows->to; k++)
                save_row(join, image, &entry->key, side, window, rows->items[k]);
        }
    }
}

static void save(struct join *join, struct image *image)
{
    for (uint32_t i = 0; i < keyed_windows(&join->keyed); i++)
        save_window(join, image, keyed_at(&join->keyed, i));
}

static int load(struct join *join, const struct table_key *key, enum join_side side,
                struct window window, struct join_row *row)
{
    struct keyed_window *open;
    struct table_entry *entry;
    bool made;
    int rc = open_window(join, window, &open);
    if (!rc)
        rc = table_take(&open->table, key, &entry, &made);
    if (!rc)
        rc = rows_room(join, &rows_of(entry)[side], 1);
    if (!rc)
        rows_append(&rows_of(entry)[side], row);
    return rc;
}

static void free_window(struct join *join, const struct keyed_window *open)
{
    for (uint32_t i = 0; i < open->table.count; i++) {
        struct join_rows *rows = rows_of(table_at(&open->table, i));
        rows_free(join, &rows[JOIN_LEFT]);
        rows_free(join, &rows[JOIN_RIGHT]);
    }
}

static void free_all(struct join *join)
{
    for (uint32_t i = join->now.row_at; i < join->now.row_count; i++)
        row_free(join, join->now.rows[i]);
    for (uint32_t i = 0; i < keyed_windows(&join->keyed); i++)
        free_window(join, keyed_at(&join->keyed, i));
}

const struct join_kind join_windows = {.name = "window",
                                       .fate = fate,
                                       .add = add,
                                       .due = due,
                                       .save = save,
                                       .load = load,
                                       .free = free_all};
