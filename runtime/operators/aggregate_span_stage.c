// SPDX-License-Identifier: MIT
#include "operators/aggregate_span.h"

// Stages: the records of a key that go into the same windows are gathered in one slot, and poured
// into the spans of these windows together, when the first of the windows is due. In agg->keyed a
// stage has the newest of its windows' start, and as `end` the number of the oldest.

// Those with the same newest window: two, as a window need not begin and end at the same moments,
// and of other lanes that were not as far.
enum { OLDEST = 64 };

// In front of all that is due at the same time.
static int open_stage(struct aggregate *agg, int64_t start, uint8_t level,
                      struct keyed_window **out)
{
    const struct spans *spans = agg->more;
    int rc = keyed_open_level(&agg->keyed, start, spans->from, level, INT64_MAX, out);
    if (rc)
        return rc;
    (*out)->due.order = INT64_MIN;
    span_look(agg, *out);
    return 0;
}

int stage_take(struct aggregate *agg, int64_t start, const struct table_key *key,
               struct keyed_window **stage, struct table_entry **entry)
{
    const struct spans *spans = agg->more;
    bool made;
    uint64_t windows = (uint64_t)(span_number(agg, start) - spans->from);
    uint8_t level = (uint8_t)(SPAN_STAGE + windows % OLDEST);
    while ((*stage = keyed_find_level(&agg->keyed, start, level)) && (*stage)->end != spans->from &&
           level < UINT8_MAX)
        level++; // of a lane that had closed many more windows
    int rc = *stage ? 0 : open_stage(agg, start, level, stage);
    return rc ? rc : table_take(&(*stage)->table, key, entry, &made);
}

int stage_pour_key(struct aggregate *agg, struct keyed_window *stage, struct table_entry *entry,
                   struct error *err)
{
    struct spans *spans = agg->more;
    struct agg_head *from = agg_head(entry);
    int failed = 0;
    spans->from = stage->end;
    spans->to = span_number(agg, stage->start);
    agg->target_count = 0;
    int rc = from->since ? span_take_all(agg, &entry->key) : 0;
    if (rc) {
        explain_state_error(agg, rc, err);
        return rc;
    }
    for (uint32_t i = 0; i < agg->target_count; i++) {
        rc = span_merge(agg, agg->targets[i].head, from, err);
        failed = rc ? rc : failed;
    }
    explain_state_error(agg, failed, err);
    slot_release(agg, from);
    from->since = 0;
    return failed;
}
