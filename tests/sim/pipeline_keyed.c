// SPDX-License-Identifier: MIT
#include "pipeline.h"
#include <stdlib.h>

// What remembers something of each key.

static bool same(const struct row *a, const struct row *b, enum column field)
{
    return row_get(a, field) == row_get(b, field);
}

struct passed {
    const struct row *row;
    int64_t newest;
};

static bool is_duplicate(const struct row *a, const struct row *b, bool by_value)
{
    return same(a, b, F_S) && same(a, b, F_K) && (!by_value || same(a, b, F_V));
}

// By split, so that the order of arrival is that of the rows. Where keys are finer than `s` and `k`
// these are in several lanes, and their order is lost.
bool stage_dedup(struct pipeline_plan *plan)
{
    struct stream *from = stream_pick(plan, true, true, true);
    if (!from)
        return false;
    uint32_t number = node_number(plan);
    int64_t within = dice_from_to(&plan->dice, 1, 300);
    bool by_value = dice_chance(&plan->dice, 60);
    struct stream *to = stream_new(plan, from, "n%u", number);
    to->ordered = !by_value;
    stream_take(plan, from);
    struct passed *passed = sim_alloc((from->rows.count + 1) * sizeof *passed);
    size_t count = 0;
    for (size_t i = 0; i < from->rows.count; i++) {
        const struct row *row = &from->rows.items[i];
        size_t k = 0;
        while (k < count && !is_duplicate(passed[k].row, row, by_value))
            k++;
        int64_t newest = k < count ? passed[k].newest : 0;
        if (k < count && row->time < newest + within && row->time > newest - within)
            continue;
        sim_rows_add(&to->rows, row);
        passed[k] = (struct passed){row, k < count && newest > row->time ? newest : row->time};
        count += k == count;
    }
    free(passed);
    yaml_add(&plan->operators,
             "  n%u: { type: dedup, inputs: %s, key_by: [s, k%s], within: %lldms }\n", number,
             from->ref, by_value ? ", v" : "", (long long)within);
    return true;
}

// A process that numbers the rows of a split and key.
bool stage_count(struct pipeline_plan *plan)
{
    struct stream *from = stream_pick(plan, true, true, true);
    if (!from)
        return false;
    uint32_t number = node_number(plan);
    struct stream *to = stream_new(plan, from, "n%u", number);
    stream_take(plan, from);
    for (size_t i = 0; i < from->rows.count; i++) {
        struct row row = from->rows.items[i];
        int64_t before = 0;
        for (size_t k = 0; k < i; k++)
            before +=
                same(&row, &from->rows.items[k], F_S) && same(&row, &from->rows.items[k], F_K);
        row_set(&row, F_X, before + 1);
        sim_rows_add(&to->rows, &row);
    }
    yaml_add(&plan->operators,
             "  n%u:\n    type: process\n    inputs: %s\n    key_by: [s, k]\n    lua: |\n"
             "      return { version = 1, state = { n = state.counter() },\n"
             "        on_record = function(r, ctx) r.x = ctx.n:add(1) ctx.emit(r) end }\n",
             number, from->ref);
    return true;
}

static int64_t bucket_of(int64_t time, int64_t size)
{
    return time / size - (time % size < 0);
}

static void add_to_bucket(struct rows *rows, const struct row *row, int64_t size)
{
    int64_t at = (bucket_of(row->time, size) + 1) * size - 1;
    for (size_t i = 0; i < rows->count; i++) {
        struct row *sum = &rows->items[i];
        if (sum->time == at && same(sum, row, F_K)) {
            row_set(sum, F_V, row_get(sum, F_V) + row_get(row, F_V));
            return;
        }
    }
    struct row sum = {.time = at, .split = NO_TAG};
    row_set(&sum, F_K, row_get(row, F_K));
    row_set(&sum, F_V, row_get(row, F_V));
    sim_rows_add(rows, &sum);
}

// A process that makes tumbling sums by hand: a timer for the end of each.
bool stage_timers(struct pipeline_plan *plan)
{
    struct stream *from = stream_pick(plan, false, true, false);
    if (!from)
        return false;
    uint32_t number = node_number(plan);
    int64_t size = dice_from_to(&plan->dice, 20, 400);
    struct stream *to = stream_new(plan, from, "n%u", number);
    to->tagged = to->ordered = false;
    stream_take(plan, from);
    for (size_t i = 0; i < from->rows.count; i++)
        add_to_bucket(&to->rows, &from->rows.items[i], size);
    yaml_add(&plan->operators,
             "  n%u:\n    type: process\n    inputs: %s\n    key_by: k\n    lua: |\n"
             "      return { version = 1, state = { sums = state.map() },\n"
             "        on_record = function(r, ctx)\n"
             "          local b = ctx.time // %lld\n"
             "          ctx.sums:set(b, (ctx.sums:get(b) or 0) + r.v)\n"
             "          ctx.timer(tostring(b), (b + 1) * %lld - 1)\n"
             "        end,\n"
             "        on_timer = function(name, ctx)\n"
             "          local b = math.tointeger(tonumber(name))\n"
             "          ctx.emit { k = ctx.key, v = ctx.sums:get(b) }\n"
             "          ctx.sums:delete(b)\n"
             "        end }\n",
             number, from->ref, (long long)size, (long long)size);
    return true;
}

// -- join --

struct pairs {
    int64_t size, before, after; // size 0: by interval
};

static bool meet(const struct pairs *pairs, const struct row *left, const struct row *right)
{
    if (row_get(left, F_K) != row_get(right, F_K))
        return false;
    if (pairs->size)
        return bucket_of(left->time, pairs->size) == bucket_of(right->time, pairs->size);
    return right->time >= left->time - pairs->before && right->time <= left->time + pairs->after;
}

static size_t add_pairs(const struct pairs *pairs, const struct rows *left,
                        const struct rows *right, struct rows *out)
{
    size_t count = 0;
    for (size_t i = 0; i < left->count; i++)
        for (size_t k = 0; k < right->count; k++) {
            const struct row *a = &left->items[i], *b = &right->items[k];
            if (!meet(pairs, a, b))
                continue;
            count++;
            struct row row = {.time = a->time > b->time ? a->time : b->time, .split = NO_TAG};
            row_set(&row, F_K, row_get(a, F_K));
            row_set(&row, F_V, row_get(a, F_V));
            row_set(&row, F_W, row_get(b, F_V));
            if (out)
                sim_rows_add(out, &row);
        }
    return count;
}

bool stage_join(struct pipeline_plan *plan)
{
    enum { PAIRS_MAX = 1500 };
    struct stream *left = stream_pick(plan, false, true, false);
    struct stream *right = stream_pick(plan, false, true, false);
    if (!left || left == right)
        return false;
    struct pairs pairs = {.before = dice_below(&plan->dice, 40),
                          .after = dice_below(&plan->dice, 40)};
    if (dice_chance(&plan->dice, 50))
        pairs.size = dice_from_to(&plan->dice, 10, 100);
    if (left->rows.count * right->rows.count > 40000 ||
        add_pairs(&pairs, &left->rows, &right->rows, NULL) > PAIRS_MAX)
        return false;
    uint32_t number = node_number(plan);
    struct stream *to = stream_new(plan, left, "n%u", number);
    to->tagged = to->ordered = false;
    to->sources |= right->sources;
    stream_take(plan, left);
    stream_take(plan, right);
    add_pairs(&pairs, &left->rows, &right->rows, &to->rows);
    yaml_add(&plan->operators,
             "  n%u: { type: join, inputs: { left: %s, right: %s }, on: k, select: { k: left.k, v: "
             "left.v, w: right.v }, ",
             number, left->ref, right->ref);
    if (pairs.size)
        yaml_add(&plan->operators, "window: { tumbling: %lldms } }\n", (long long)pairs.size);
    else
        yaml_add(&plan->operators, "interval: { before: %lldms, after: %lldms } }\n",
                 (long long)pairs.before, (long long)pairs.after);
    return true;
}
