// SPDX-License-Identifier: MIT
#include "pipeline.h"
#include <stdio.h>

// What is done to each record by itself.

// Sometimes records take turns over the lanes, or over fewer of them: that costs their order.
static void add_options(struct pipeline_plan *plan, struct stream *to)
{
    bool turns = dice_chance(&plan->dice, 12), fewer = dice_chance(&plan->dice, 10);
    if (turns)
        yaml_add(&plan->operators, ", rebalance: true");
    if (fewer)
        yaml_add(&plan->operators, ", parallelism: %u", 1 + dice_below(&plan->dice, 4));
    yaml_add(&plan->operators, " }\n");
    to->ordered = to->ordered && !turns && !fewer;
}

// In front of everything else: spoilt rows go no further.
bool stage_guard(struct pipeline_plan *plan, struct stream *from)
{
    uint32_t number = node_number(plan);
    struct stream *to = stream_new(plan, from, "n%u", number);
    from->open = false;
    for (size_t i = 0; i < from->rows.count; i++) {
        struct row row = from->rows.items[i];
        if (row.spoilt) {
            pipeline_letter(plan, &row);
            continue;
        }
        row_set(&row, F_W, row_get(&row, F_V) * 2);
        sim_rows_add(&to->rows, &row);
    }
    yaml_add(&plan->operators,
             "  n%u: { type: map, inputs: %s, on_error: %s, lua: 'return function(r) r.w = r.v * 2 "
             "return r end'",
             number, from->ref, pipeline_on_error(plan));
    add_options(plan, to);
    return true;
}

bool stage_filter(struct pipeline_plan *plan)
{
    struct stream *from = stream_pick(plan, false, true, false);
    if (!from)
        return false;
    uint32_t number = node_number(plan);
    int64_t least = dice_below(&plan->dice, 7), key = dice_below(&plan->dice, plan->keys);
    bool by_key = dice_chance(&plan->dice, 25), script = dice_chance(&plan->dice, 30);
    struct stream *to = stream_new(plan, from, "n%u", number);
    stream_take(plan, from);
    for (size_t i = 0; i < from->rows.count; i++) {
        const struct row *row = &from->rows.items[i];
        if (by_key ? row_get(row, F_K) != key : row_get(row, F_V) >= least)
            sim_rows_add(&to->rows, row);
    }
    char condition[64];
    const char *prefix = script ? "r." : "";
    if (by_key)
        snprintf(condition, sizeof condition, "%sk ~= \"k%lld\"", prefix, (long long)key);
    else
        snprintf(condition, sizeof condition, "%sv >= %lld", prefix, (long long)least);
    yaml_add(&plan->operators, "  n%u: { type: filter, inputs: %s, ", number, from->ref);
    yaml_add(&plan->operators, script ? "lua: 'return function(r) return %s end'" : "when: '%s'",
             condition);
    add_options(plan, to);
    return true;
}

bool stage_map(struct pipeline_plan *plan)
{
    struct stream *from = stream_pick(plan, false, true, false);
    if (!from)
        return false;
    uint32_t number = node_number(plan);
    bool drops = dice_chance(&plan->dice, 40);
    struct stream *to = stream_new(plan, from, "n%u", number);
    stream_take(plan, from);
    for (size_t i = 0; i < from->rows.count; i++) {
        struct row row = from->rows.items[i];
        int64_t v = row_get(&row, F_V);
        if (drops && v % 5 == 0)
            continue;
        row_set(&row, F_V, v + 1);
        row_set(&row, F_W, v * 3);
        sim_rows_add(&to->rows, &row);
    }
    yaml_add(&plan->operators,
             "  n%u: { type: map, inputs: %s, lua: 'return function(r) %s r.w = r.v * 3 r.v = r.v "
             "+ 1 return r end'",
             number, from->ref, drops ? "if r.v % 5 == 0 then return drop end" : "");
    add_options(plan, to);
    return true;
}

bool stage_flat_map(struct pipeline_plan *plan)
{
    struct stream *from = stream_pick(plan, false, true, false);
    if (!from)
        return false;
    uint32_t number = node_number(plan);
    int64_t times = dice_from_to(&plan->dice, 0, 3);
    struct stream *to = stream_new(plan, from, "n%u", number);
    stream_take(plan, from);
    for (size_t i = 0; i < from->rows.count; i++)
        for (int64_t k = 1; k <= times; k++) {
            struct row row = from->rows.items[i];
            row_set(&row, F_I, k);
            sim_rows_add(&to->rows, &row);
        }
    yaml_add(&plan->operators,
             "  n%u: { type: flat_map, inputs: %s, lua: 'return function(r, emit) for i = 1, %lld "
             "do r.i = i emit(r) end end'",
             number, from->ref, (long long)times);
    add_options(plan, to);
    return true;
}

// To the first port whose condition holds, or to all such.
bool stage_route(struct pipeline_plan *plan)
{
    struct stream *from = stream_pick(plan, false, true, false);
    if (!from || plan->stream_count + 4 > STREAMS_MAX)
        return false;
    uint32_t number = node_number(plan);
    bool all = dice_chance(&plan->dice, 50);
    struct stream *low = stream_new(plan, from, "n%u.low", number);
    struct stream *odd = stream_new(plan, from, "n%u.odd", number);
    struct stream *rest = stream_new(plan, from, "n%u.unmatched", number);
    stream_take(plan, from);
    for (size_t i = 0; i < from->rows.count; i++) {
        const struct row *row = &from->rows.items[i];
        bool is_low = row_get(row, F_V) < 4, is_odd = row_get(row, F_V) % 2 == 1;
        if (is_low)
            sim_rows_add(&low->rows, row);
        if (is_odd && (all || !is_low))
            sim_rows_add(&odd->rows, row);
        if (!is_low && !is_odd)
            sim_rows_add(&rest->rows, row);
    }
    yaml_add(&plan->operators,
             "  n%u: { type: route, inputs: %s, match: %s, routes: { low: 'v < 4', odd: 'v %% 2 == "
             "1' } }\n",
             number, from->ref, all ? "all" : "first");
    return true;
}

bool stage_union(struct pipeline_plan *plan)
{
    struct stream *one = stream_pick(plan, false, true, false);
    struct stream *other = stream_pick(plan, false, true, false);
    if (!one || one == other)
        return false;
    uint32_t number = node_number(plan);
    struct stream *to = stream_new(plan, one, "n%u", number);
    to->ordered = one->ordered && other->ordered && !(one->sources & other->sources);
    to->sources |= other->sources;
    to->tagged = one->tagged && other->tagged;
    stream_take(plan, one);
    stream_take(plan, other);
    for (size_t i = 0; i < one->rows.count; i++)
        sim_rows_add(&to->rows, &one->rows.items[i]);
    for (size_t i = 0; i < other->rows.count; i++)
        sim_rows_add(&to->rows, &other->rows.items[i]);
    yaml_add(&plan->operators, "  n%u: { type: union, inputs: [%s, %s]", number, one->ref,
             other->ref);
    add_options(plan, to);
    return true;
}
