// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "state/cells_parts.h"

// Timers of keys.

void timer_free(struct cells *cells, struct timer *timer)
{
    budget_give(&cells->budget, timer_size(timer->name_len));
    mem_free(timer);
}

void timer_link(struct cells *cells, struct timer *timer)
{
    struct cells_slot *slot = slot_of(table_at(&cells->keys, timer->entry));
    timer->next = slot->timers;
    slot->timers = timer;
    slot->timer_count++;
}

void timer_unlink(struct cells *cells, struct timer *timer)
{
    struct cells_slot *slot = slot_of(table_at(&cells->keys, timer->entry));
    struct timer **at = &slot->timers;
    while (*at != timer)
        at = &(*at)->next;
    *at = timer->next;
    slot->timer_count--;
}

void timer_enter(struct cells *cells, struct timer *timer)
{
    timer->due.at = timer->at;
    timer->due.order = timer->order;
    due_add(&cells->timers[timer->time], &timer->due);
}

// To a later time it goes when it comes up.
void timer_place(struct cells *cells, struct timer *timer, int64_t at, int64_t order)
{
    timer->at = at;
    timer->order = order;
    struct due *due = &timer->due;
    if (at < due->at || (at == due->at && order < due->order)) {
        due->order = order;
        due_move(&cells->timers[timer->time], due, at);
    }
}

static struct timer *find(const struct cells *cells, const char *name, size_t len,
                          enum cell_time time)
{
    struct timer *timer = cells->entry ? slot_of(cells->entry)->timers : NULL;
    while (timer &&
           (timer->name_len != len || timer->time != time || memcmp(timer->name, name, len) != 0))
        timer = timer->next;
    return timer;
}

static int add(struct cells *cells, const char *name, size_t len, enum cell_time time, int64_t at,
               struct timer **out)
{
    int rc = need_key(cells);
    struct cell_undo *undo = rc ? NULL : undo_room(cells);
    if (!undo)
        return rc ? rc : ERR_NOMEM;
    rc = due_room(&cells->timers[time]);
    if (!rc)
        rc = budget_take(&cells->budget, timer_size(len));
    if (rc)
        return rc;
    struct timer *timer = mem_zalloc(timer_size(len));
    if (!timer) {
        budget_give(&cells->budget, timer_size(len));
        return ERR_NOMEM;
    }
    timer->at = at;
    timer->order = ++cells->order;
    timer->entry = table_number(&cells->keys, cells->entry);
    timer->time = (uint8_t)time;
    timer->name_len = (uint8_t)len;
    memcpy(timer->name, name, len);
    timer_link(cells, timer);
    timer_enter(cells, timer);
    undo->kind = UNDO_TIMER_NEW;
    undo->timer = timer;
    undo_push(cells);
    *out = timer;
    return 0;
}

static int move(struct cells *cells, struct timer *timer, int64_t at)
{
    struct cell_undo *undo = undo_room(cells);
    if (!undo)
        return ERR_NOMEM;
    undo->kind = UNDO_TIMER_MOVED;
    undo->depth = timer->depth;
    undo->timer = timer;
    undo->at = timer->at;
    undo->order = timer->order;
    undo_push(cells);
    timer_place(cells, timer, at, ++cells->order);
    return 0;
}

// A timer that a timer sets for a time that is over: when this goes on for ever, time stands still.
static int depth_of(const struct cells *cells, const char *name, size_t len, enum cell_time time,
                    int64_t at, uint16_t *out, struct error *err)
{
    *out = cells->in_timer && at <= cells->now[time] ? cells->depth : 0;
    if (*out <= TIMER_DEPTH_MAX)
        return 0;
    return error_set(err, ERR_DATA,
                     "timer '%.*s': timers of this key have set each other %d times for a time "
                     "that is over; they would fire for ever",
                     (int)len, name, TIMER_DEPTH_MAX);
}

static int check(const struct cells *cells, const char *name, size_t len, struct error *err)
{
    if (len == 0 || len > TIMER_NAME_MAX)
        return error_set(err, ERR_DATA, "a timer's name has 1 to %d bytes", TIMER_NAME_MAX);
    if (!cells->entry || slot_of(cells->entry)->timer_count < CELL_TIMERS_MAX)
        return 0;
    struct buf key;
    buf_init(&key, 1024);
    (void)cells_key_json(cells, &key); // cut when it is long
    int rc = error_set(err, ERR_LIMIT, "timer '%.*s' of key %s: a key has %d timers at most",
                       (int)len, name, buf_cstr(&key), CELL_TIMERS_MAX);
    buf_deinit(&key);
    return rc;
}

int cells_timer_set(struct cells *cells, const char *name, size_t len, enum cell_time time,
                    int64_t at, struct error *err)
{
    uint16_t depth;
    int rc = depth_of(cells, name, len, time, at, &depth, err);
    if (rc)
        return rc;
    struct timer *timer = find(cells, name, len, time);
    if (timer && timer->spent)
        return 0;
    if (!timer) {
        rc = check(cells, name, len, err);
        if (rc)
            return rc;
        rc = add(cells, name, len, time, at, &timer);
    } else {
        rc = move(cells, timer, at);
    }
    if (rc)
        return cells_explain(cells, UINT32_MAX, rc, err);
    timer->depth = depth;
    return 0;
}

// Out of the heap and off its key; what the log then says of it.
static int take_out(struct cells *cells, struct timer *timer, bool fired)
{
    struct cell_undo *undo = undo_room(cells);
    if (!undo)
        return ERR_NOMEM;
    undo->kind = UNDO_TIMER_GONE;
    undo->timer = timer;
    undo_push(cells);
    due_drop(&cells->timers[timer->time], &timer->due);
    timer->spent = fired && cells->ending; // then it stays, so that its name is known
    if (!timer->spent)
        timer_unlink(cells, timer);
    return 0;
}

int cells_timer_cancel(struct cells *cells, const char *name, size_t len, enum cell_time time,
                       struct error *err)
{
    struct timer *timer = find(cells, name, len, time);
    if (!timer || timer->spent)
        return 0;
    return take_out(cells, timer, false) ? error_nomem(err) : 0;
}

static struct timer *first(struct cells *cells, enum cell_time time)
{
    struct due_heap *heap = &cells->timers[time];
    for (struct due *due; (due = due_first(heap));) {
        struct timer *timer = (struct timer *)(void *)due;
        if (due->at == timer->at && due->order == timer->order)
            return timer;
        due->order = timer->order;
        due_move(heap, due, timer->at);
        if (due->at == timer->at && due_first(heap) == due)
            return timer;
    }
    return NULL;
}

struct timer *cells_due(struct cells *cells, enum cell_time time, int64_t upto)
{
    const struct due *due = due_first(&cells->timers[time]);
    if (!due || due->at > upto)
        return NULL; // it is not before what the heap says
    struct timer *timer = first(cells, time);
    return timer && timer->at <= upto ? timer : NULL;
}

int64_t cells_next_due(struct cells *cells, enum cell_time time)
{
    const struct timer *timer = first(cells, time);
    return timer ? timer->at : INT64_MAX;
}

int cells_fire(struct cells *cells, struct timer *timer)
{
    cells->entry = table_at(&cells->keys, timer->entry);
    cells->key = cells->entry->key;
    cells->has_key = true;
    cells->in_timer = true;
    cells->depth = (uint16_t)(timer->depth + 1);
    // Time comes to each timer in turn.
    if (timer->at > cells->progress[timer->time])
        cells->progress[timer->time] = timer->at;
    cells->now[EVENT_TIME] = cells->progress[EVENT_TIME];
    cells->now[PROCESSING_TIME] = cells->progress[PROCESSING_TIME];
    key_begin(cells);
    return take_out(cells, timer, true);
}
