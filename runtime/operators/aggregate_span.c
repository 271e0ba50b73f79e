// SPDX-License-Identifier: MIT
#include "operators/aggregate_span.h"
#include "operators/aggregate_bucket.h"

// One span: where it is, when it is due, how it is poured.

enum { KEYS_PER_LOOK = 64 };

static int64_t floordiv(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

int64_t span_number(const struct aggregate *agg, int64_t start)
{
    return floordiv(start - agg->windows.offset_ms, agg->windows.every);
}

static struct window window_of(const struct aggregate *agg, int64_t number)
{
    int64_t start = agg->windows.offset_ms + number * agg->windows.every;
    return (struct window){start, start + agg->windows.size};
}

static int64_t first_of(int64_t window, uint8_t level)
{
    return (int64_t)((uint64_t)window >> level << level);
}

// Windows behind which the times of early results come again, as seen from each window's start.
static int64_t early_period(const struct aggregate *agg)
{
    int64_t a = agg->early_ms, b = agg->windows.every;
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return agg->early_ms / a;
}

// When the first of so many windows is due.
static int64_t due_at(const struct aggregate *agg, int64_t first, int64_t count)
{
    const struct spans *spans = agg->more;
    int64_t at = bucket_next_firing(agg, window_of(agg, first), spans->done_to);
    if (!agg->early_ms || count == 1)
        return at;
    int64_t period = early_period(agg);
    for (int64_t i = 1; i < count && i < period; i++) {
        int64_t early = bucket_next_firing(agg, window_of(agg, first + i), spans->done_to);
        at = early < at ? early : at;
    }
    return at;
}

struct keyed_window *span_find(const struct aggregate *agg, int64_t window, uint8_t level)
{
    struct window first = window_of(agg, first_of(window, level));
    return keyed_find_level(&agg->keyed, first.start, level);
}

int span_open(struct aggregate *agg, int64_t window, uint8_t level, struct keyed_window **out)
{
    int64_t number = first_of(window, level);
    struct window first = window_of(agg, number);
    *out = keyed_find_level(&agg->keyed, first.start, level);
    if (*out)
        return 0;
    int64_t end = level ? first.start + (agg->windows.every << level) : first.end;
    int rc = keyed_open_level(&agg->keyed, first.start, end, level, INT64_MAX, out);
    if (!rc)
        span_look(agg, *out);
    return rc;
}

void span_look(struct aggregate *agg, struct keyed_window *span)
{
    const struct spans *spans = agg->more;
    int64_t number = span_number(agg, span->start);
    struct window first = window_of(agg, number);
    span->fired = span->level == 0 && window_last(first) <= spans->done_to;
    int64_t due;
    if (span->fired)
        due = window_gone_at(first, agg->windows.lateness_ms);
    else if (span->level >= SPAN_STAGE)
        due = due_at(agg, span->end, number - span->end + 1);
    else
        due = due_at(agg, number, INT64_C(1) << span->level);
    keyed_due(&agg->keyed, span, due);
}

// -- pouring --

int span_merge(struct aggregate *agg, struct agg_head *into, struct agg_head *from,
               struct error *err)
{
    int rc = 0;
    if (!into->since && !agg->by_hand && !program_owns(&agg->program) &&
        agg->panes == PANES_DISCARD)
        memcpy(into + 1, from + 1, agg->slot_bytes);
    else
        rc = slot_copy(agg, into, from, err);
    if (rc)
        return rc;
    into->since += from->since;
    return 0;
}

static int take_half(struct aggregate *agg, const struct keyed_window *span, int half,
                     const struct table_key *key, struct keyed_window **out,
                     struct table_entry **entry)
{
    bool made;
    uint8_t level = (uint8_t)(span->level - 1);
    int64_t number = span_number(agg, span->start) + ((int64_t)half << level);
    int rc = span_open(agg, number, level, out);
    return rc ? rc : table_take(&(*out)->table, key, entry, &made);
}

// In a span `panes` is the peak of what is below: what is poured raises it.
static void raise_peak(const struct keyed_window *half, struct agg_head *head, uint32_t since)
{
    if (half->level)
        head->panes += since;
}

int span_pour_key(struct aggregate *agg, struct keyed_window *span, struct table_entry *entry,
                  struct error *err)
{
    struct agg_head *from = agg_head(entry);
    struct keyed_window *halves[2];
    struct table_entry *into[2];
    int rc = 0, failed = 0;
    for (int i = 0; i < 2 && !rc && from->since; i++)
        rc = take_half(agg, span, i, &entry->key, &halves[i], &into[i]);
    if (rc) {
        explain_state_error(agg, rc, err);
        return rc;
    }
    for (int i = 0; i < 2 && from->since; i++) {
        rc = span_merge(agg, agg_head(into[i]), from, err);
        if (rc)
            failed = rc;
        else
            raise_peak(halves[i], agg_head(into[i]), from->since);
    }
    explain_state_error(agg, failed, err);
    slot_release(agg, from);
    from->since = 0;
    return failed;
}

// What could not be merged (a sum overflows) is missing in these windows, which is told.
static enum op_status pour_failed(struct aggregate *agg, const struct keyed_window *span,
                                  const struct table_entry *entry, int rc, struct outputs *outputs,
                                  struct error *err)
{
    struct agg_target target = {
        {span->start, span->start + agg->windows.size}, &entry->key, NULL, NULL};
    if (rc != ERR_NOMEM && rc != ERR_LIMIT)
        return fire_failed(agg, &target, outputs, err);
    (void)outputs_error_free(outputs, err); // nothing can be left out here
    return OP_STOP;
}

enum op_status span_pour_told(struct aggregate *agg, struct keyed_window *span,
                              struct table_entry *entry, struct outputs *outputs)
{
    struct error err;
    error_clear(&err);
    int rc = span->level >= SPAN_STAGE ? stage_pour_key(agg, span, entry, &err)
                                       : span_pour_key(agg, span, entry, &err);
    return rc ? pour_failed(agg, span, entry, rc, outputs, &err) : OP_DONE;
}

enum op_status span_pour(struct aggregate *agg, struct keyed_window *span, struct outputs *outputs)
{
    struct spans *spans = agg->more;
    spans->pouring = span;
    while (agg->fire_next < span->table.count) {
        struct table_entry *entry = table_at(&span->table, agg->fire_next);
        if (span_pour_told(agg, span, entry, outputs) == OP_STOP)
            return OP_STOP;
        agg->fire_next++;
        if (agg->fire_next % KEYS_PER_LOOK == 0 && outputs_late(outputs))
            return OP_AGAIN;
    }
    agg->fire_next = 0;
    spans->pouring = NULL;
    keyed_drop(&agg->keyed, span);
    return OP_DONE;
}

// -- one key --

static int settle_at(struct aggregate *agg, const struct table_key *key, int64_t window,
                     uint8_t level, struct error *err)
{
    struct keyed_window *span = span_find(agg, window, level);
    struct table_entry *entry = span ? table_find(&span->table, key) : NULL;
    return entry ? span_pour_key(agg, span, entry, err) : 0;
}

static bool within(const struct spans *spans, int64_t window, uint8_t level)
{
    int64_t first = first_of(window, level);
    return first >= spans->from && first + (INT64_C(1) << level) - 1 <= spans->to;
}

int span_settle(struct aggregate *agg, const struct table_key *key, struct error *err)
{
    const struct spans *spans = agg->more;
    int64_t from = spans->from, to = spans->to;
    int rc = 0;
    for (uint8_t level = spans->top; level > 0 && !rc; level--) {
        if (!within(spans, from, level))
            rc = settle_at(agg, key, from, level, err);
        if (!rc && !within(spans, to, level) && first_of(to, level) != first_of(from, level))
            rc = settle_at(agg, key, to, level, err);
    }
    return rc;
}

uint8_t span_level(const struct aggregate *agg, int64_t from, int64_t to)
{
    const struct spans *spans = agg->more;
    uint8_t level = 0;
    while (level < spans->top && !((uint64_t)from >> level & 1) &&
           from + (INT64_C(2) << level) - 1 <= to)
        level++;
    return level;
}
