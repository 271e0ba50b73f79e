// SPDX-License-Identifier: MIT
#include "time/watermark.h"
#include "base/alloc.h"

void generator_init(struct watermark_generator *generator, int64_t out_of_order_ms)
{
    *generator = (struct watermark_generator){
        .max_time = WATERMARK_NONE, .out_of_order_ms = out_of_order_ms, .marked = WATERMARK_NONE};
}

int64_t generator_watermark(const struct watermark_generator *generator)
{
    int64_t watermark;
    if (generator->kind == GENERATOR_MARKED)
        return generator->marked;
    if (generator->kind == GENERATOR_NONE || generator->max_time == WATERMARK_NONE)
        return WATERMARK_NONE;
    if (__builtin_sub_overflow(generator->max_time, generator->out_of_order_ms, &watermark) ||
        __builtin_sub_overflow(watermark, 1, &watermark))
        return WATERMARK_NONE;
    return watermark;
}

int valve_init(struct valve *valve, uint32_t inputs)
{
    *valve = (struct valve){.watermark = WATERMARK_NONE};
    if (inputs == 0)
        return 0;
    valve->inputs = mem_array(inputs, sizeof *valve->inputs);
    if (!valve->inputs)
        return ERR_NOMEM;
    valve->count = valve->cap = inputs;
    for (uint32_t i = 0; i < inputs; i++)
        valve->inputs[i] =
            (struct valve_input){.watermark = WATERMARK_NONE, .aligned = true, .used = true};
    return 0;
}

void valve_deinit(struct valve *valve)
{
    mem_free(valve->inputs);
    *valve = (struct valve){.watermark = WATERMARK_NONE};
}

static bool ended(const struct valve_input *input)
{
    return input->watermark == WATERMARK_END;
}

static bool any_active(const struct valve *valve)
{
    for (uint32_t i = 0; i < valve->count; i++) {
        const struct valve_input *input = &valve->inputs[i];
        if (input->used && !input->idle && !ended(input))
            return true;
    }
    return false;
}

static bool all_ended(const struct valve *valve)
{
    bool any = false;
    for (uint32_t i = 0; i < valve->count; i++) {
        if (valve->inputs[i].used && !ended(&valve->inputs[i]))
            return false;
        any = any || valve->inputs[i].used;
    }
    return any;
}

// Moves to the minimum over the aligned inputs. True when that is further on.
static bool move_to_min(struct valve *valve)
{
    int64_t min = WATERMARK_END;
    bool any = false;
    valve->placed = false;
    for (uint32_t i = 0; i < valve->count; i++) {
        const struct valve_input *input = &valve->inputs[i];
        if (!input->used || !input->aligned || ended(input))
            continue;
        any = true;
        min = input->watermark < min ? input->watermark : min;
    }
    if (!any || min <= valve->watermark)
        return false;
    valve->watermark = min;
    return true;
}

static bool move_to_max(struct valve *valve)
{
    int64_t max = valve->watermark;
    for (uint32_t i = 0; i < valve->count; i++) {
        const struct valve_input *input = &valve->inputs[i];
        int64_t come = ended(input) ? input->last : input->watermark;
        if (input->used && come > max)
            max = come;
    }
    bool moved = max > valve->watermark;
    valve->watermark = max;
    return moved;
}

// An input with this watermark no longer counts (idle, ended, removed): the rest may move on.
static bool left(struct valve *valve, int64_t watermark)
{
    if (any_active(valve))
        return (watermark <= valve->watermark || valve->placed) && move_to_min(valve);
    if (watermark == valve->watermark)
        move_to_max(valve);
    valve->idle = true;
    return true;
}

void valve_group(struct valve *valve, uint32_t input, uint32_t group)
{
    valve->inputs[input].group = group;
}

static bool group_ends(const struct valve *valve, uint32_t group)
{
    for (uint32_t i = 0; group && i < valve->count; i++)
        if (valve->inputs[i].group == group && ended(&valve->inputs[i]))
            return true;
    return false;
}

// The others of its group are waited for from here on.
static void rouse_group(struct valve *valve, uint32_t group)
{
    for (uint32_t i = 0; group && i < valve->count; i++) {
        struct valve_input *input = &valve->inputs[i];
        if (input->group != group || !input->idle)
            continue;
        input->idle = false;
        input->aligned = input->watermark >= valve->watermark;
        valve->idle = false;
    }
}

static bool end_input(struct valve *valve, struct valve_input *input)
{
    int64_t before = input->watermark;
    bool was_idle = valve->idle;
    input->last = before;
    input->watermark = WATERMARK_END;
    input->idle = false;
    input->aligned = true;
    if (all_ended(valve)) {
        valve->watermark = WATERMARK_END;
        valve->idle = false;
        return true;
    }
    rouse_group(valve, input->group);
    if (was_idle)
        return !valve->idle;
    return left(valve, before);
}

bool valve_advance(struct valve *valve, uint32_t number, int64_t watermark)
{
    struct valve_input *input = &valve->inputs[number];
    if (watermark <= input->watermark)
        return false;
    if (watermark == WATERMARK_END)
        return end_input(valve, input);
    if (input->idle)
        return false;
    int64_t before = input->watermark;
    bool was_aligned = input->aligned;
    input->watermark = watermark;
    if (watermark >= valve->watermark)
        input->aligned = true;
    // Ahead of the valve before: then another input holds it, and still does.
    if (was_aligned && before > valve->watermark && !valve->placed)
        return false;
    return move_to_min(valve);
}

bool valve_idle(struct valve *valve, uint32_t number)
{
    struct valve_input *input = &valve->inputs[number];
    if (input->idle || ended(input) || group_ends(valve, input->group))
        return false;
    input->idle = true;
    input->aligned = false;
    return left(valve, input->watermark);
}

bool valve_active(struct valve *valve, uint32_t number)
{
    struct valve_input *input = &valve->inputs[number];
    if (!input->idle)
        return false;
    bool was_idle = valve->idle;
    input->idle = false;
    input->aligned = input->watermark >= valve->watermark;
    valve->idle = false;
    bool moved = move_to_min(valve);
    return was_idle || moved;
}

int valve_add(struct valve *valve, uint32_t *out)
{
    uint32_t at = 0;
    while (at < valve->count && valve->inputs[at].used)
        at++;
    size_t cap = valve->cap;
    if (at == valve->count) {
        if (mem_grow(&valve->inputs, &cap, (size_t)at + 1, sizeof *valve->inputs))
            return ERR_NOMEM;
        valve->cap = (uint32_t)cap;
        valve->count++;
    }
    valve->inputs[at] =
        (struct valve_input){.watermark = valve->watermark, .aligned = true, .used = true};
    valve->idle = false;
    *out = at;
    return 0;
}

void valve_resume(struct valve *valve, int64_t watermark)
{
    for (uint32_t i = 0; i < valve->count; i++)
        if (valve->inputs[i].used)
            valve->inputs[i].watermark = valve->inputs[i].last = watermark;
    valve->watermark = watermark;
}

void valve_place(struct valve *valve, uint32_t input, int64_t watermark)
{
    if (watermark <= valve->inputs[input].watermark)
        return;
    valve->inputs[input].watermark = valve->inputs[input].last = watermark;
    valve->placed = true;
}

void valve_remove(struct valve *valve, uint32_t number)
{
    struct valve_input *input = &valve->inputs[number];
    int64_t watermark = input->watermark;
    bool held = input->used && !input->idle && !ended(input);
    *input = (struct valve_input){.watermark = WATERMARK_NONE};
    if (all_ended(valve)) {
        valve->watermark = WATERMARK_END;
        valve->idle = false;
    } else if (held) {
        left(valve, watermark);
    }
}
