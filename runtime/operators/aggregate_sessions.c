// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "operators/aggregate_state.h"

// Sessions: each key has a list of them, in the order of their starts, none touching another. A
// record is a session of its own, [time, time + gap), that is merged with those of its key that it
// overlaps or touches; whether it is late is asked of the merged one.

struct session {
    struct due due; // first
    struct session *next;
    struct window window, told;
    uint32_t entry; // of its key
    bool passed;    // its end is; it waits for late records
    bool saved;     // under saved_start
    int64_t saved_start;
    struct agg_head head;
};

struct sessions {
    struct table keys; // slot: struct session *first
    struct due_heap heap;
    // The session of the record in hand, and what it was before; start == end: it was not there.
    struct session *placed;
    struct window before;
};

static struct session **first_of(struct table_entry *entry)
{
    return (struct session **)(void *)entry->slot;
}

static size_t session_bytes(const struct aggregate *agg)
{
    return sizeof(struct session) - sizeof(struct agg_head) + agg->head_bytes;
}

static int init(struct aggregate *agg, struct error *err)
{
    struct sessions *sessions = mem_zalloc(sizeof *sessions);
    if (!sessions)
        return error_nomem(err);
    table_init(&sessions->keys, sizeof(struct session *), agg->budget);
    agg->more = sessions;
    return 0;
}

// -- making and dropping --

static int make(struct aggregate *agg, struct session **out)
{
    struct sessions *sessions = agg->more;
    int rc = due_room(&sessions->heap);
    if (!rc)
        rc = budget_take(agg->budget, session_bytes(agg));
    if (rc)
        return rc;
    *out = mem_zalloc(session_bytes(agg));
    if (*out)
        return 0;
    budget_give(agg->budget, session_bytes(agg));
    return ERR_NOMEM;
}

static void free_session(struct aggregate *agg, struct session *session)
{
    slot_release(agg, &session->head);
    mem_free(session);
    budget_give(agg->budget, session_bytes(agg));
}

// A key without sessions goes; the key that took its number over has its sessions told.
static void forget_key(struct sessions *sessions, uint32_t number)
{
    table_remove(&sessions->keys, number);
    if (number == sessions->keys.count)
        return;
    struct session *session = *first_of(table_at(&sessions->keys, number));
    for (; session; session = session->next)
        session->entry = number;
}

static void unlink_session(struct sessions *sessions, struct session *session)
{
    struct session **at = first_of(table_at(&sessions->keys, session->entry));
    while (*at != session)
        at = &(*at)->next;
    *at = session->next;
    due_drop(&sessions->heap, &session->due);
}

// Under the start that it was saved with.
static void note_gone(struct aggregate *agg, struct session *session)
{
    struct sessions *sessions = agg->more;
    if (session->saved)
        save_gone(agg, &table_at(&sessions->keys, session->entry)->key, session->saved_start);
    session->saved = false;
}

static void drop(struct aggregate *agg, struct session *session)
{
    struct sessions *sessions = agg->more;
    uint32_t entry = session->entry;
    note_gone(agg, session);
    unlink_session(sessions, session);
    if (!*first_of(table_at(&sessions->keys, entry)))
        forget_key(sessions, entry);
    free_session(agg, session);
}

// -- placing --

static bool touch(struct window a, struct window b)
{
    return a.start <= b.end && b.start <= a.end;
}

static struct window cover(struct window a, struct window b)
{
    return (struct window){a.start < b.start ? a.start : b.start, a.end > b.end ? a.end : b.end};
}

// Whether a session may take the window in, by `max`.
static bool fits(const struct aggregate *agg, struct window a, struct window b)
{
    struct window both = cover(a, b);
    int64_t length;
    if (agg->session_max_ms == 0)
        return true;
    return !__builtin_sub_overflow(both.end, both.start, &length) && length <= agg->session_max_ms;
}

static struct session *find(const struct aggregate *agg, struct session *from, struct window window)
{
    while (from && !(touch(from->window, window) && fits(agg, from->window, window)))
        from = from->next;
    return from;
}

static int64_t due_of(const struct aggregate *agg, const struct session *session)
{
    int64_t last = window_last(session->window), early;
    if (session->passed)
        return window_gone_at(session->window, agg->windows.lateness_ms);
    if (!agg->early_ms)
        return last;
    int64_t from = agg->progress > session->window.start ? agg->progress : session->window.start;
    int64_t into = (from - session->window.start) % agg->early_ms;
    bool over = __builtin_add_overflow(from, agg->early_ms - into, &early) || early > last;
    return over ? last : early;
}

static void look(struct aggregate *agg, struct session *session)
{
    struct sessions *sessions = agg->more;
    session->passed = window_last(session->window) <= agg->progress;
    due_move(&sessions->heap, &session->due, due_of(agg, session));
}

static void insert(struct sessions *sessions, struct session *session)
{
    struct session **at = first_of(table_at(&sessions->keys, session->entry));
    while (*at && (*at)->window.start < session->window.start)
        at = &(*at)->next;
    session->next = *at;
    *at = session;
    session->due.order = session->window.start;
    due_add(&sessions->heap, &session->due);
}

static int start(struct aggregate *agg, const struct table_key *key, struct window window,
                 struct session **out)
{
    struct sessions *sessions = agg->more;
    struct table_entry *entry;
    bool made;
    int rc = make(agg, out);
    if (rc)
        return rc;
    rc = table_take(&sessions->keys, key, &entry, &made);
    if (rc) {
        free_session(agg, *out);
        return rc;
    }
    (*out)->entry = table_number(&sessions->keys, entry);
    (*out)->window = window;
    insert(sessions, *out);
    return 0;
}

static struct agg_target target_of(const struct sessions *sessions, struct session *session)
{
    return (struct agg_target){session->window, &table_at(&sessions->keys, session->entry)->key,
                               &session->head, &session->told};
}

// `other`, which `session` touches now, becomes part of it. What was told of it is taken back.
static enum op_status absorb(struct aggregate *agg, struct session *session, struct session *other,
                             struct outputs *outputs, struct error *err)
{
    struct sessions *sessions = agg->more;
    if (agg->panes == PANES_RETRACT && other->head.panes) {
        struct agg_target target = target_of(sessions, other);
        enum op_status status = fire_retraction(agg, &target, outputs);
        if (status == OP_AGAIN)
            return status;
        other->head.panes = 0;
    }
    int rc = slot_merge(agg, &session->head, &other->head, err);
    if (rc) {
        explain_state_error(agg, rc, err);
        return OP_STOP;
    }
    session->window = cover(session->window, other->window);
    note_gone(agg, other);
    unlink_session(sessions, other);
    free_session(agg, other);
    return OP_DONE;
}

static struct session *first_session(const struct sessions *sessions, const struct table_key *key)
{
    struct table_entry *entry = table_find(&sessions->keys, key);
    return entry ? *first_of(entry) : NULL;
}

// The session that `window` becomes part of, new or wider.
static enum op_status join(struct aggregate *agg, const struct table_key *key, struct window window,
                           struct session **out, struct outputs *outputs, struct error *err)
{
    struct sessions *sessions = agg->more;
    struct session *session = find(agg, first_session(sessions, key), window);
    *out = session;
    sessions->before = session ? session->window : (struct window){0, 0};
    if (!session) {
        int rc = start(agg, key, window, out);
        if (rc)
            explain_state_error(agg, rc, err);
        return rc ? OP_STOP : OP_DONE;
    }
    session->window = cover(session->window, window);
    for (struct session *other; (other = find(agg, session->next, session->window));) {
        enum op_status status = absorb(agg, session, other, outputs, err);
        if (status != OP_DONE)
            return status;
        sessions->before = session->window; // what was merged stays so
    }
    return OP_DONE;
}

static enum op_status place(struct aggregate *agg, const struct table_key *key, int64_t time,
                            enum agg_fate *fate, struct outputs *outputs, struct error *err)
{
    struct sessions *sessions = agg->more;
    struct window window = window_newest(&agg->windows, time);
    bool gone = window_gone_at(window, agg->windows.lateness_ms) <= agg->progress;
    struct session *session;
    if (gone && !find(agg, first_session(sessions, key), window)) {
        *fate = FATE_LATE;
        return OP_DONE;
    }
    enum op_status status = join(agg, key, window, &session, outputs, err);
    if (status != OP_DONE)
        return status;
    *fate = FATE_TAKE;
    table_touch(&sessions->keys, session->entry);
    sessions->placed = session;
    agg->targets[agg->target_count++] = target_of(sessions, session);
    look(agg, session);
    return OP_DONE;
}

static enum op_status placed(struct aggregate *agg, struct outputs *outputs)
{
    (void)outputs;
    if (fires_again(agg, agg->targets[0].window, agg->targets[0].head))
        fire_later(agg, &agg->targets[0]);
    return OP_DONE;
}

static void undo(struct aggregate *agg)
{
    struct sessions *sessions = agg->more;
    struct session *session = sessions->placed;
    if (sessions->before.start == sessions->before.end) {
        drop(agg, session);
        return;
    }
    session->window = sessions->before;
    look(agg, session);
}

// -- firing --

static enum op_status due(struct aggregate *agg, struct outputs *outputs)
{
    enum { RESULTS_PER_LOOK = 64 };
    struct sessions *sessions = agg->more;
    struct due *first;
    for (uint32_t done = 1; (first = due_first(&sessions->heap)) && first->at <= agg->progress;
         done++) {
        struct session *session = (struct session *)(void *)first;
        if (session->passed) {
            drop(agg, session);
            continue;
        }
        struct agg_target target = target_of(sessions, session);
        table_touch(&sessions->keys, session->entry);
        enum op_status status = fire(agg, &target, outputs);
        if (status != OP_DONE)
            return status;
        look(agg, session);
        if (done % RESULTS_PER_LOOK == 0 && outputs_late(outputs))
            return OP_AGAIN;
    }
    return OP_DONE;
}

static int64_t next(const struct aggregate *agg)
{
    const struct sessions *sessions = agg->more;
    const struct due *first = due_first(&sessions->heap);
    return first ? first->at : INT64_MAX;
}

static void save(struct aggregate *agg, struct image *image)
{
    struct sessions *sessions = agg->more;
    for (uint32_t i = 0; i < sessions->heap.count; i++) {
        struct agg_target target =
            target_of(sessions, (struct session *)(void *)sessions->heap.items[i]);
        save_slot(agg, image, AGG_SLOT, &target);
    }
}

static void mark_saved(struct session *session)
{
    session->saved = true;
    session->saved_start = session->window.start;
}

static int track(struct aggregate *agg)
{
    struct sessions *sessions = agg->more;
    for (uint32_t i = 0; i < sessions->heap.count; i++)
        mark_saved((struct session *)(void *)sessions->heap.items[i]);
    return table_track(&sessions->keys);
}

// All sessions of a key in which one has changed. What one that has a new start was saved as goes.
static void save_key(struct aggregate *agg, struct image *image, struct session *session)
{
    struct sessions *sessions = agg->more;
    for (; session; session = session->next) {
        struct agg_target target = target_of(sessions, session);
        if (session->saved && session->saved_start != session->window.start)
            save_gone(agg, target.key, session->saved_start);
        save_slot(agg, image, AGG_SLOT, &target);
        mark_saved(session);
    }
}

static int save_changes(struct aggregate *agg, struct image *image)
{
    struct sessions *sessions = agg->more;
    for (uint32_t i = 0; table_next_dirty(&sessions->keys, &i); i++)
        save_key(agg, image, *first_of(table_at(&sessions->keys, i)));
    return table_track(&sessions->keys);
}

static int load(struct aggregate *agg, struct image_entry *entry, const struct table_key *key,
                struct error *err)
{
    struct saved_slot saved;
    struct session *session;
    load_where(entry, &saved);
    int rc = start(agg, key, saved.window, &session);
    explain_state_error(agg, rc, err);
    if (rc)
        return rc;
    session->told = saved.told;
    look(agg, session);
    return load_slot(agg, entry, &saved, &session->head, err);
}

static void rewind_all(struct aggregate *agg)
{
    struct sessions *sessions = agg->more;
    for (uint32_t i = 0; i < sessions->keys.count; i++)
        for (struct session *at = *first_of(table_at(&sessions->keys, i)); at; at = at->next)
            look(agg, at);
}

static void measure(const struct aggregate *agg, struct operator_state *state)
{
    const struct sessions *sessions = agg->more;
    state->keys += sessions->keys.count;
    state->windows += sessions->heap.count;
}

static void free_all(struct aggregate *agg)
{
    struct sessions *sessions = agg->more;
    if (!sessions)
        return;
    for (uint32_t i = 0; i < sessions->heap.count; i++)
        free_session(agg, (struct session *)(void *)sessions->heap.items[i]);
    due_deinit(&sessions->heap);
    table_deinit(&sessions->keys);
    mem_free(sessions);
}

const struct agg_kind agg_sessions = {.place = place,
                                      .placed = placed,
                                      .undo = undo,
                                      .due = due,
                                      .next = next,
                                      .init = init,
                                      .save = save,
                                      .load = load,
                                      .track = track,
                                      .save_changes = save_changes,
                                      .rewind = rewind_all,
                                      .measure = measure,
                                      .free = free_all};
