// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "record/json_layout.h"
#include "record/json_reader.h"

// Which layouts are remembered, which is tried first, and when it is not worth while: a stream in
// which no two records look alike pays for a try now and then only.

enum {
    CREDIT_MAX = 64, // layouts cost credit to learn; matches earn it
    LEARN_COST = 8,
    MISSES_MAX = 32, // in a row: then nothing is tried for a while
    PAUSE_MIN = 32,
    PAUSE_MAX = 4096
};

struct json_hints {
    struct json_layout *layouts[JSON_LAYOUTS];
    uint32_t count;
    uint32_t last; // matched last
    uint32_t slots_max;
    uint32_t credit;
    uint32_t misses; // in a row
    bool missed;     // the last try
    uint32_t pause, pause_left;
    uint64_t clock;
    uint32_t starts[LEAVES_MAX + 1];
};

struct json_hints *json_hints_new(void)
{
    struct json_hints *hints = mem_zalloc(sizeof *hints);
    if (hints) {
        hints->credit = CREDIT_MAX;
        hints->pause = PAUSE_MIN;
    }
    return hints;
}

void json_hints_free(struct json_hints *hints)
{
    if (!hints)
        return;
    for (uint32_t i = 0; i < hints->count; i++)
        json_layout_free(hints->layouts[i]);
    mem_free(hints);
}

static void missed(struct json_hints *hints)
{
    hints->missed = false;
    if (++hints->misses < MISSES_MAX)
        return;
    hints->misses = 0;
    hints->pause_left = hints->pause;
    if (hints->pause < PAUSE_MAX)
        hints->pause *= 2;
    if (hints->credit < LEARN_COST)
        hints->credit = LEARN_COST; // the stream may have changed
}

static inline void matched(struct json_hints *hints, uint32_t i)
{
    hints->layouts[hints->last]->next = i;
    hints->layouts[i]->used = ++hints->clock;
    hints->last = i;
    hints->misses = 0;
    hints->pause = PAUSE_MIN;
    hints->credit += hints->credit < CREDIT_MAX;
}

// In a storm of errors: where the last member starts up to which the text is as this layout says.
static bool find_good(struct json_reader *reader, const struct json_layout *layout)
{
    const uint32_t *starts = reader->hints->starts;
    for (uint32_t i = starts[layout->leaf_count]; i-- > 0;) {
        const struct json_leaf *leaf = &layout->leaves[i];
        if (leaf->slot == layout->slots) // inside a member
            continue;
        reader->good_at = starts[i] + leaf->name_at;
        reader->good_members = leaf->slot;
        return true;
    }
    return false;
}

// The layout that fits, tried in the order of likelihood; -1.
static inline int32_t find(struct json_reader *reader, const char *text, uint32_t len,
                           struct span *spans)
{
    struct json_hints *hints = reader->hints;
    const struct json_fast *fast = reader->fast;
    uint32_t first = hints->layouts[hints->last]->next;
    if (__builtin_expect(fast->hint(hints->layouts[first], text, len, spans, hints->starts), 1))
        return (int32_t)first;
    bool good = reader->refused == JSON_STORM && find_good(reader, hints->layouts[first]);
    for (uint32_t i = 0; i < hints->count; i++)
        if (i != first && fast->hint(hints->layouts[i], text, len, spans, hints->starts))
            return (int32_t)i;
    reader->good = good;
    return -1;
}

bool json_hints_try(struct json_reader *reader, struct batch *batch, const char *text, uint32_t len,
                    struct record *record)
{
    struct json_hints *hints = reader->hints;
    if (__builtin_expect(!hints->count, 0))
        return false;
    if (__builtin_expect(hints->pause_left && reader->refused < JSON_STORM, 0)) {
        hints->pause_left--;
        hints->missed = false;
        return false;
    }
    struct arena *arena = &batch->arena;
    struct span *spans = ARENA_ARRAY(arena, struct span, hints->slots_max + 1);
    if (!spans)
        return false;
    int32_t found = find(reader, text, len, spans);
    if (__builtin_expect(found < 0, 0)) {
        arena->at = (char *)spans; // given back
        hints->missed = true;
        return false;
    }
    const struct json_layout *layout = hints->layouts[found];
    arena->at = (char *)(spans + layout->slots);
    matched(hints, (uint32_t)found);
    record->spans = spans;
    record->shape = layout->shape;
    record->wire = (uint16_t)layout->slots;
    record->flags |= layout->flags;
    return true;
}

// A place for one more: a free one, or that of the layout unused for longest.
static uint32_t choose_place(struct json_hints *hints)
{
    if (hints->count < JSON_LAYOUTS)
        return hints->count++;
    uint32_t oldest = 0;
    for (uint32_t i = 1; i < JSON_LAYOUTS; i++)
        if (hints->layouts[i]->used < hints->layouts[oldest]->used)
            oldest = i;
    json_layout_free(hints->layouts[oldest]);
    return oldest;
}

void json_hints_learn(struct json_reader *reader, const char *text, uint32_t len,
                      const struct record *record)
{
    struct json_hints *hints = reader->hints;
    if (hints->missed) // what is no JSON at all says nothing of the layouts
        missed(hints);
    if (hints->credit < LEARN_COST || hints->pause_left || (record->flags & RECORD_WHOLE) ||
        !(record->shape->flags & SHAPE_INTERNED) || !record->wire)
        return;
    hints->credit -= LEARN_COST;
    struct json_layout *layout = json_layout_new(text, len, record, &reader->limits);
    if (!layout)
        return;
    uint32_t place = choose_place(hints);
    hints->layouts[place] = layout;
    layout->next = place;
    layout->used = ++hints->clock;
    if (hints->count == 1)
        hints->last = 0;
    hints->layouts[hints->last]->next = place;
    hints->last = place;
    if (layout->slots > hints->slots_max)
        hints->slots_max = layout->slots;
}
