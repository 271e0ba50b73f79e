// SPDX-License-Identifier: MIT
#include "operators/aggregate_line.h"
#include "base/alloc.h"

enum { FIRST_PARTS = 4 };

// A part: the slice's start, its head and slot, and the same for the suffix. In front of all parts
// stands one of which only the suffix is used: it is `back`.
static size_t part_bytes(const struct aggregate *agg)
{
    return sizeof(int64_t) + 2 * (size_t)agg->head_bytes;
}

static char *part_at(const struct aggregate *agg, const struct line *line, uint32_t i)
{
    return line->parts + (i + 1) * part_bytes(agg);
}

static int64_t *start_at(const struct aggregate *agg, const struct line *line, uint32_t i)
{
    return (int64_t *)(void *)part_at(agg, line, i);
}

static struct agg_head *slot_at(const struct aggregate *agg, const struct line *line, uint32_t i)
{
    return (struct agg_head *)(void *)(part_at(agg, line, i) + sizeof(int64_t));
}

static struct agg_head *suffix_at(const struct aggregate *agg, const struct line *line, uint32_t i)
{
    return (struct agg_head *)(void *)(part_at(agg, line, i) + sizeof(int64_t) + agg->head_bytes);
}

static struct agg_head *back_of(const struct aggregate *agg, const struct line *line)
{
    return (struct agg_head *)(void *)(line->parts + sizeof(int64_t) + agg->head_bytes);
}

// -- room --

// The parts that have left make room at the front.
static void compact(const struct aggregate *agg, struct line *line)
{
    size_t bytes = part_bytes(agg);
    memmove(part_at(agg, line, 0), part_at(agg, line, line->first),
            (line->count - line->first) * bytes);
    line->count -= line->first;
    line->mid -= line->first;
    line->first = 0;
}

static int room(struct aggregate *agg, struct line *line)
{
    if (line->count < line->cap)
        return 0;
    if (line->first > line->cap / 2) {
        compact(agg, line);
        return 0;
    }
    uint32_t cap = line->cap ? line->cap * 2 : FIRST_PARTS;
    size_t bytes = part_bytes(agg), extra = (cap - line->cap + (line->cap == 0)) * bytes;
    int rc = budget_take(agg->budget, extra);
    if (rc)
        return rc;
    char *parts = mem_realloc(line->parts, (cap + 1) * bytes);
    if (!parts) {
        budget_give(agg->budget, extra);
        return ERR_NOMEM;
    }
    if (!line->parts)
        memset(parts, 0, bytes);
    line->parts = parts;
    line->cap = cap;
    return 0;
}

void line_free(struct aggregate *agg, struct line *line)
{
    if (!line->parts)
        return;
    slot_release(agg, back_of(agg, line));
    for (uint32_t i = line->first; i < line->count; i++) {
        slot_release(agg, slot_at(agg, line, i));
        slot_release(agg, suffix_at(agg, line, i));
    }
    budget_give(agg->budget, (line->cap + 1) * part_bytes(agg));
    mem_free(line->parts);
    *line = (struct line){0};
}

// -- sums --

static int merge(struct aggregate *agg, struct agg_head *into, struct agg_head *from)
{
    struct error err;
    error_clear(&err);
    return slot_copy(agg, into, from, &err);
}

// Moves mid to the end.
static void flip(struct aggregate *agg, struct line *line)
{
    struct agg_head *behind = NULL;
    slot_clear(agg, back_of(agg, line));
    line->mid = line->count;
    line->stale = false;
    for (uint32_t i = line->count; i-- > line->first; behind = suffix_at(agg, line, i)) {
        struct agg_head *suffix = suffix_at(agg, line, i);
        slot_clear(agg, suffix);
        if (merge(agg, suffix, slot_at(agg, line, i)) || (behind && merge(agg, suffix, behind))) {
            line->plain = true;
            return;
        }
    }
}

static int sum_plainly(struct aggregate *agg, struct line *line, struct agg_head *out,
                       struct error *err)
{
    for (uint32_t i = line->first; i < line->count; i++) {
        int rc = slot_copy(agg, out, slot_at(agg, line, i), err);
        if (rc)
            return rc;
    }
    return 0;
}

int line_sum(struct aggregate *agg, struct line *line, struct agg_head *out, struct error *err)
{
    if (!line->plain && (line->stale || line->first >= line->mid))
        flip(agg, line);
    if (line->plain)
        return sum_plainly(agg, line, out, err);
    int rc = slot_copy(agg, out, suffix_at(agg, line, line->first), err);
    return rc ? rc : slot_copy(agg, out, back_of(agg, line), err);
}

// -- parts --

static int push(struct aggregate *agg, struct line *line, int64_t start, struct agg_head *slot)
{
    int rc = room(agg, line);
    if (rc)
        return rc;
    uint32_t at = line->count++;
    *start_at(agg, line, at) = start;
    memcpy(slot_at(agg, line, at), slot, agg->head_bytes);
    memset(slot + 1, 0, agg->head_bytes - sizeof *slot);
    memset(suffix_at(agg, line, at), 0, agg->head_bytes);
    if (!line->plain && merge(agg, back_of(agg, line), slot_at(agg, line, at)))
        line->plain = true;
    return 0;
}

static uint32_t find(const struct aggregate *agg, const struct line *line, int64_t start)
{
    uint32_t low = line->first, high = line->count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (*start_at(agg, line, mid) < start)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

int line_take(struct aggregate *agg, struct line *line, int64_t start, struct agg_head **out)
{
    uint32_t at = find(agg, line, start);
    if (at == line->count || *start_at(agg, line, at) != start) {
        uint32_t first = line->first;
        int rc = room(agg, line);
        if (rc)
            return rc;
        at -= first - line->first; // compacted
        memmove(part_at(agg, line, at + 1), part_at(agg, line, at),
                (line->count - at) * part_bytes(agg));
        memset(part_at(agg, line, at), 0, part_bytes(agg));
        *start_at(agg, line, at) = start;
        line->count++;
    }
    line->stale = true;
    *out = slot_at(agg, line, at);
    return 0;
}

int line_put(struct aggregate *agg, struct line *line, int64_t start, struct agg_head *slot,
             struct error *err)
{
    struct agg_head *into;
    if (line->first == line->count || *start_at(agg, line, line->count - 1) < start)
        return push(agg, line, start, slot);
    int rc = line_take(agg, line, start, &into);
    return rc ? rc : slot_merge(agg, into, slot, err);
}

bool line_cut(struct aggregate *agg, struct line *line, int64_t start)
{
    for (; line->first < line->count && *start_at(agg, line, line->first) < start; line->first++) {
        slot_release(agg, slot_at(agg, line, line->first));
        slot_release(agg, suffix_at(agg, line, line->first));
    }
    return line->first < line->count;
}

struct agg_head *line_part(const struct aggregate *agg, const struct line *line, uint32_t n,
                           int64_t *start)
{
    uint32_t at = line->first + n;
    if (at >= line->count)
        return NULL;
    *start = *start_at(agg, line, at);
    return slot_at(agg, line, at);
}
