// SPDX-License-Identifier: MIT
#include "operators/join.h"
#include "base/alloc.h"

// window: { session: ... }. Each key has sessions of the records of both sides, in the order of
// their starts. A record is a session of its own, [time, time + gap), that takes over those of its
// key that it touches, row by row; each row is paired with the rows of the other side that are
// there already. Who found none is told when the session is gone.

enum { ROWS_PER_LOOK = 64, NOT_BEGUN = UINT32_MAX };

struct session {
    struct join_key base; // first; its rows
    struct session *next;
    struct window window;
};

static struct session **first_of(struct table_entry *entry)
{
    return (struct session **)(void *)entry->slot;
}

static struct session *sessions_of(const struct join *join, const struct table_key *key)
{
    struct table_entry *entry = table_find(&join->keys_table, key);
    return entry ? *first_of(entry) : NULL;
}

static bool touch(struct window a, struct window b)
{
    return a.start <= b.end && b.start <= a.end;
}

static struct window cover(struct window a, struct window b)
{
    return (struct window){a.start < b.start ? a.start : b.start, a.end > b.end ? a.end : b.end};
}

static struct session *find(struct session *from, struct window window)
{
    while (from && !touch(from->window, window))
        from = from->next;
    return from;
}

static struct window own_window(const struct join *join)
{
    return window_newest(&join->windows, join->now.time);
}

static enum join_fate fate(struct join *join, const struct table_key *key)
{
    struct window window = own_window(join);
    bool gone = join_passed(join, window_gone_at(window, join->windows.lateness_ms));
    return gone && !find(sessions_of(join, key), window) ? JOIN_LATE : JOIN_TAKE;
}

// -- making and dropping --

static void look(struct join *join, struct session *session)
{
    due_move(&join->heap, &session->base.due,
             window_gone_at(session->window, join->windows.lateness_ms));
}

static void insert(struct join *join, struct session *session)
{
    struct session **at = first_of(table_at(&join->keys_table, session->base.entry));
    while (*at && (*at)->window.start < session->window.start)
        at = &(*at)->next;
    session->next = *at;
    *at = session;
    session->base.due.order = session->window.start;
    session->base.due.at = INT64_MAX;
    due_add(&join->heap, &session->base.due);
    look(join, session);
}

static void free_session(struct join *join, struct session *session)
{
    rows_free(join, &session->base.rows[JOIN_LEFT]);
    rows_free(join, &session->base.rows[JOIN_RIGHT]);
    budget_give(join->budget, sizeof *session);
    mem_free(session);
}

static int start(struct join *join, const struct table_key *key, struct window window,
                 struct session **out)
{
    struct table_entry *entry;
    bool made;
    int rc = due_room(&join->heap);
    if (!rc)
        rc = budget_take(join->budget, sizeof **out);
    if (rc)
        return rc;
    *out = mem_zalloc(sizeof **out);
    rc = *out ? table_take(&join->keys_table, key, &entry, &made) : ERR_NOMEM;
    if (rc) {
        budget_give(join->budget, sizeof **out);
        mem_free(*out);
        return rc;
    }
    (*out)->base.entry = table_number(&join->keys_table, entry);
    (*out)->window = window;
    insert(join, *out);
    return 0;
}

static void unlink_session(struct join *join, struct session *session)
{
    struct session **at = first_of(table_at(&join->keys_table, session->base.entry));
    while (*at != session)
        at = &(*at)->next;
    *at = session->next;
    due_drop(&join->heap, &session->base.due);
}

static void drop(struct join *join, struct session *session)
{
    uint32_t number = session->base.entry;
    unlink_session(join, session);
    free_session(join, session);
    if (*first_of(table_at(&join->keys_table, number)))
        return;
    table_remove(&join->keys_table, number);
    if (number == join->keys_table.count)
        return;
    for (session = *first_of(table_at(&join->keys_table, number)); session; session = session->next)
        session->base.entry = number;
}

// -- records --

// Pairs a row with those of the other side.
static enum op_status pair_all(struct join *join, const struct session *session,
                               struct join_row *row, enum join_side side, struct outputs *outputs)
{
    struct join_now *now = &join->now;
    const struct join_rows *others = &session->base.rows[join_other(side)];
    if (now->at == NOT_BEGUN)
        now->at = 0;
    for (uint32_t done = 1; others->from + now->at < others->to; done++) {
        struct join_row *other = others->items[others->from + now->at];
        enum op_status status = join_pair(join, outputs, row, other, side, NULL);
        if (status != OP_DONE)
            return status;
        now->at++;
        if (done % ROWS_PER_LOOK == 0 && outputs_late(outputs))
            return OP_AGAIN;
    }
    now->at = NOT_BEGUN;
    return OP_DONE;
}

// `other` becomes part of `session`: its rows are paired with those that are there, then moved.
static enum op_status absorb(struct join *join, struct session *session, struct session *other,
                             struct outputs *outputs)
{
    struct join_now *now = &join->now;
    for (; now->merge_side < JOIN_SIDES; now->merge_side++, now->merge_row = 0) {
        enum join_side side = (enum join_side)now->merge_side;
        const struct join_rows *rows = &other->base.rows[side];
        for (; rows->from + now->merge_row < rows->to; now->merge_row++) {
            struct join_row *row = rows->items[rows->from + now->merge_row];
            enum op_status status = pair_all(join, session, row, side, outputs);
            if (status != OP_DONE)
                return status;
        }
    }
    now->merge_side = now->merge_row = 0;
    for (enum join_side side = JOIN_LEFT; side < JOIN_SIDES; side++) {
        struct join_rows *rows = &other->base.rows[side];
        while (!rows_empty(rows))
            rows_insert(&session->base.rows[side], rows->items[rows->from++]);
    }
    session->window = cover(session->window, other->window);
    drop(join, other);
    return OP_DONE;
}

// Room for the record and all rows of the sessions that become one with `session`.
static int make_room(struct join *join, struct session *session, struct window window)
{
    uint32_t extra[JOIN_SIDES] = {0, 0};
    extra[join->now.side] = 1;
    for (struct session *other = find(session->next, window); other;
         other = find(other->next, window))
        for (enum join_side side = JOIN_LEFT; side < JOIN_SIDES; side++)
            extra[side] += other->base.rows[side].to - other->base.rows[side].from;
    int rc = 0;
    for (enum join_side side = JOIN_LEFT; side < JOIN_SIDES && !rc; side++)
        rc = rows_room(join, &session->base.rows[side], extra[side]);
    return rc;
}

static int begin(struct join *join, const struct table_key *key, struct window window,
                 struct session **out, struct error *err)
{
    *out = find(sessions_of(join, key), window);
    bool made = !*out;
    int rc = made ? start(join, key, window, out) : 0;
    if (!rc) {
        rc = make_room(join, *out, window);
        if (rc && made)
            drop(join, *out);
    }
    join_explain(join, rc, err);
    return rc;
}

static enum op_status add(struct join *join, const struct table_key *key, struct outputs *outputs,
                          struct error *err)
{
    struct join_now *now = &join->now;
    struct window window = own_window(join);
    struct session *session, *other;
    if (begin(join, key, window, &session, err))
        return OP_STOP;
    enum op_status status = OP_DONE;
    while (status == OP_DONE && (other = find(session->next, window)))
        status = absorb(join, session, other, outputs);
    if (status == OP_DONE)
        status = pair_all(join, session, now->row, now->side, outputs);
    if (status != OP_DONE)
        return status;
    rows_insert(&session->base.rows[now->side], now->row);
    now->row = NULL;
    session->window = cover(session->window, window);
    look(join, session);
    return OP_DONE;
}

// -- what leaves --

static enum op_status close_side(struct join *join, struct session *session, enum join_side side,
                                 struct outputs *outputs)
{
    struct join_rows *rows = &session->base.rows[side];
    for (; !rows_empty(rows); rows_drop_first(join, rows)) {
        const struct join_row *row = rows->items[rows->from];
        if (!join->outer[side] || row->matched)
            continue;
        enum op_status status =
            join_alone(join, outputs, row, side, window_last(session->window), NULL);
        if (status != OP_DONE)
            return status;
    }
    return OP_DONE;
}

static enum op_status due(struct join *join, struct outputs *outputs)
{
    struct due *first;
    for (uint32_t done = 1; (first = due_first(&join->heap)) && join_passed(join, first->at);
         done++) {
        struct session *session = (struct session *)(void *)first;
        for (enum join_side side = JOIN_LEFT; side < JOIN_SIDES; side++) {
            enum op_status status = close_side(join, session, side, outputs);
            if (status != OP_DONE)
                return status;
        }
        drop(join, session);
        if (done % ROWS_PER_LOOK == 0 && outputs_late(outputs))
            return OP_AGAIN;
    }
    return OP_DONE;
}

// -- as bytes --

static void save(struct join *join, struct image *image)
{
    for (uint32_t i = 0; i < join->heap.count; i++) {
        const struct session *session = (const struct session *)(const void *)join->heap.items[i];
        const struct table_key *key = &table_at(&join->keys_table, session->base.entry)->key;
        for (enum join_side side = JOIN_LEFT; side < JOIN_SIDES; side++) {
            const struct join_rows *rows = &session->base.rows[side];
            for (uint32_t k = rows->from; k < rows->to; k++)
                save_row(join, image, key, side, session->window, rows->items[k]);
        }
    }
}

static int load(struct join *join, const struct table_key *key, enum join_side side,
                struct window window, struct join_row *row)
{
    struct session *session = find(sessions_of(join, key), window);
    int rc = session ? 0 : start(join, key, window, &session);
    if (!rc)
        rc = rows_room(join, &session->base.rows[side], 1);
    if (!rc)
        rows_insert(&session->base.rows[side], row);
    return rc;
}

static void free_all(struct join *join)
{
    for (uint32_t i = 0; i < join->heap.count; i++)
        free_session(join, (struct session *)(void *)join->heap.items[i]);
    due_deinit(&join->heap);
    table_deinit(&join->keys_table);
}

const struct join_kind join_sessions = {.name = "session",
                                        .fate = fate,
                                        .add = add,
                                        .due = due,
                                        .save = save,
                                        .load = load,
                                        .free = free_all};
