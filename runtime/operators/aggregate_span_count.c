// SPDX-License-Identifier: MIT
#include "operators/aggregate_span.h"

// Windows that tell when so many records of a key have come. A span knows the greatest count of
// those below it (its peak), so that they are found without a look at each window.

static struct agg_head *head_at(const struct aggregate *agg, const struct table_key *key,
                                int64_t window, uint8_t level)
{
    struct keyed_window *span = span_find(agg, window, level);
    struct table_entry *entry = span ? table_find(&span->table, key) : NULL;
    return entry ? agg_head(entry) : NULL;
}

static uint32_t peak_of(const struct agg_head *head, uint8_t level)
{
    return !head ? 0 : level ? head->panes : head->since;
}

// The peak of a span, of what is in it and of its halves' peaks.
static void sum_up(struct aggregate *agg, const struct table_key *key, int64_t window,
                   uint8_t level)
{
    struct agg_head *head = head_at(agg, key, window, level);
    if (!head)
        return;
    uint8_t below = (uint8_t)(level - 1);
    int64_t first = (int64_t)((uint64_t)window >> level << level);
    uint32_t a = peak_of(head_at(agg, key, first, below), below);
    uint32_t b = peak_of(head_at(agg, key, first + (INT64_C(1) << below), below), below);
    head->panes = head->since + (a > b ? a : b);
}

int span_count_place(struct aggregate *agg, const struct table_key *key)
{
    const struct spans *spans = agg->more;
    int rc = 0;
    for (int end = 0; end < 2; end++)
        for (uint8_t level = spans->top; level > 0 && !rc; level--) {
            struct keyed_window *span;
            struct table_entry *entry;
            bool made;
            rc = span_open(agg, end ? spans->to : spans->from, level, &span);
            if (!rc)
                rc = table_take(&span->table, key, &entry, &made);
        }
    return rc;
}

static void sum_up_all(struct aggregate *agg, const struct table_key *key)
{
    const struct spans *spans = agg->more;
    for (int64_t at = spans->from; at <= spans->to;) {
        uint8_t level = span_level(agg, at, spans->to);
        if (level)
            sum_up(agg, key, at, level);
        at += INT64_C(1) << level;
    }
    for (uint8_t level = 1; level <= spans->top; level++) {
        sum_up(agg, key, spans->from, level);
        sum_up(agg, key, spans->to, level);
    }
}

// The peak of a half when what has enough has fired.
static uint32_t peak_left(const struct aggregate *agg, const struct table_key *key, int64_t window,
                          uint8_t level)
{
    uint32_t peak = peak_of(head_at(agg, key, window, level), level);
    return level == 0 && peak >= agg->early_count ? 0 : peak;
}

// Queues what has enough in this span, which is poured on the way, and leaves its peak as it is
// when these have fired.
static enum op_status search(struct aggregate *agg, const struct table_key *key, int64_t window,
                             uint8_t level, struct outputs *outputs)
{
    struct keyed_window *span = span_find(agg, window, level);
    struct table_entry *entry = span ? table_find(&span->table, key) : NULL;
    if (!entry || peak_of(agg_head(entry), level) < agg->early_count)
        return OP_DONE;
    if (level == 0) {
        fire_later(agg, &(struct agg_target){agg_bounds(span), &entry->key, agg_head(entry), NULL});
        return OP_DONE;
    }
    uint8_t below = (uint8_t)(level - 1);
    int64_t first = span_number(agg, span->start), second = first + (INT64_C(1) << below);
    enum op_status status = span_pour_told(agg, span, entry, outputs);
    if (status == OP_DONE)
        status = search(agg, key, first, below, outputs);
    if (status == OP_DONE)
        status = search(agg, key, second, below, outputs);
    uint32_t a = peak_left(agg, key, first, below), b = peak_left(agg, key, second, below);
    agg_head(entry)->panes = a > b ? a : b;
    return status;
}

enum op_status span_count_fire(struct aggregate *agg, const struct table_key *key,
                               struct outputs *outputs)
{
    const struct spans *spans = agg->more;
    enum op_status status = OP_DONE;
    int64_t first = (int64_t)((uint64_t)spans->from >> spans->top << spans->top);
    sum_up_all(agg, key);
    for (; first <= spans->to && status == OP_DONE; first += INT64_C(1) << spans->top)
        status = search(agg, key, first, spans->top, outputs);
    return status;
}
